"""What the columns of a CSV or Parquet table mean, by their names and cells."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from lopsided.data.errors import DataError, quoted
from lopsided.data.labels import Labels

LABEL_PREFIX = "label:"
_SPLIT_WORDS = {"training": "train", "validation": "val", "valid": "val", "dev": "val", "testing": "test"}
_FLAGS = {"1": True, "1.0": True, "true": True, "0": False, "0.0": False, "false": False, "": None, "?": None}


@dataclass(frozen=True)
class Roles:
    """Which column is what; column numbers from 0.

    Args:
        label_columns: Label name to its 0/1 column; empty where ``labels`` lists the names.
        features: Every column without another role.
        labels: The column of joined label names, if there is one.
        unknown: The column of joined names of unknown labels, if there is one.
        split: The column of splits, if there is one.
    """

    label_columns: dict[str, int]
    features: tuple[int, ...]
    labels: int | None
    unknown: int | None
    split: int | None


def assign_roles(names: Sequence[str]) -> Roles:
    """Tell the columns apart.

    Args:
        names: Of the columns, in order: ``labels`` or any number of ``label:NAME``; ``split`` and ``unknown`` where
            wanted; all others are features.

    Returns:
        The role of each.

    Raises:
        ValueError: A name is empty or repeated, or there is not one form of labels.

    Example:
        >>> assign_roles(["size", "split", "labels"])
        Roles(label_columns={}, features=(0,), labels=2, unknown=None, split=1)
    """
    for name, count in Counter(names).items():
        if not name.strip():
            raise ValueError("wanted a name for each column, got an empty one (pandas writes none with index=False)")
        if count > 1:
            raise ValueError(f"wanted distinct column names, got {quoted(name)} {count} times")
    special = {name: names.index(name) if name in names else None for name in ("labels", "unknown", "split")}
    label_columns: dict[str, int] = {}
    for i, name in enumerate(names):
        if name.startswith(LABEL_PREFIX) and label_columns.setdefault(name[len(LABEL_PREFIX) :].strip(), i) != i:
            raise ValueError(f"wanted one column per label, got {quoted(name)} beside another of that label")
    if (special["labels"] is None) == (not label_columns):
        came = "both" if label_columns else f"only {quoted(', '.join(names))}"
        raise ValueError(f"wanted a column 'labels' or columns 'label:NAME', got {came}")
    taken = {*special.values(), *label_columns.values()}
    return Roles(label_columns, tuple(i for i in range(len(names)) if i not in taken), **special)


def parse_names(cell: str | None) -> list[str]:
    """Names joined by ``|``, each once.

    Args:
        cell: Text of the cell; empty or None means no name.

    Returns:
        Names without blanks around them, in their order.

    Example:
        >>> parse_names("blue sky| sea |sea")
        ['blue sky', 'sea']
    """
    return list(dict.fromkeys(name for part in (cell or "").split("|") if (name := part.strip())))


def parse_flag(cell: str) -> bool | None:
    """Whether a label is positive.

    Args:
        cell: ``1`` or ``true``, ``0`` or ``false``; empty or ``?`` where unknown.

    Returns:
        True, False, or None where unknown.

    Raises:
        ValueError: Something else came.
    """
    try:
        return _FLAGS[cell.strip().lower()]
    except KeyError:
        raise ValueError(f"wanted 0, 1 or, where unknown, nothing, got {quoted(cell)}") from None


def parse_split(cell: str | None) -> str:
    """Name of a split.

    Args:
        cell: ``train``, ``val`` or ``validation`` or ``valid`` or ``dev``, ``test``, or another name.

    Returns:
        ``train``, ``val``, ``test``, or the other name as it is.

    Raises:
        ValueError: The cell is empty.
    """
    name = (cell or "").strip()
    if not name:
        raise ValueError("wanted the name of a split, got an empty cell")
    lower = name.lower()
    return _SPLIT_WORDS.get(lower, lower if lower in ("train", "val", "test") else name)


def check_unknown(positive: Sequence[str], unknown: Sequence[str], roles: Roles) -> None:
    """Refuse a sample whose unknown labels make no sense.

    Args:
        positive: Names of its positive labels.
        unknown: Names in its cell ``unknown``.
        roles: Says which labels there are, where each has its column.

    Raises:
        ValueError: A label is both, or has no column though the others have.
    """
    for name in unknown:
        if name in positive:
            raise ValueError(f"a label is positive or unknown, got both for {quoted(name)}")
        if roles.label_columns and name not in roles.label_columns:
            raise ValueError(f"wanted a column {quoted(LABEL_PREFIX + name)} for each unknown label, got none")


def labels_from_names(
    positives: Sequence[Sequence[str]], unknown: Sequence[Sequence[str]], *, names: Iterable[str] | None = None
) -> Labels:
    """Labels of samples that list them by name.

    Args:
        positives: Names of the positive labels of each sample.
        unknown: Names of the unknown labels of each sample, none of them positive.
        names: All labels; if None, those that occur, sorted.

    Returns:
        One column per name.

    Raises:
        DataError: No label occurs.
    """
    if names is None:
        names = sorted({name for rows in (positives, unknown) for row in rows for name in row})
    names = tuple(names)
    if not names:
        raise DataError("wanted at least one label, got only empty cells")
    column = {name: i for i, name in enumerate(names)}

    def matrix(rows: Sequence[Sequence[str]]) -> csr_array:
        indices = np.array([column[name] for row in rows for name in row], dtype=np.int32)
        ends = np.cumsum([0, *map(len, rows)])
        found = csr_array((np.ones(len(indices), dtype=bool), indices, ends), shape=(len(rows), len(names)))
        found.sort_indices()
        return found

    return Labels(names, matrix(positives), matrix(unknown) if any(unknown) else None)
