"""What the columns of a CSV or Parquet table mean, by their names."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from lopsided.data.errors import DataError, quoted
from lopsided.data.labels import Labels
from lopsided.data.run_labels import aligned, check_known, unlabelled

LABEL_PREFIX = "label:"


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


def assign_roles(names: Sequence[str], *, needs_labels: bool = True) -> Roles:
    """Tell the columns apart.

    Args:
        names: Of the columns, in order: ``labels`` or any number of ``label:NAME``; ``split`` and ``unknown`` where
            wanted; all others are features.
        needs_labels: Whether there must be a column of labels.

    Returns:
        The role of each.

    Raises:
        ValueError: A name is empty or repeated, there are both forms of labels, or none where one is needed.

    Example:
        >>> assign_roles(["size", "split", "labels"])
        Roles(label_columns={}, features=(0,), labels=2, unknown=None, split=1)
    """
    for name, count in Counter(names).items():
        if not name.strip():
            raise ValueError("wanted a name for each column, got an empty one (pandas writes none with index=False)")
        if count > 1:
            raise ValueError(f"wanted distinct column names, got {quoted(name)} {count} times")
        if name.lower().startswith(LABEL_PREFIX) and not name.startswith(LABEL_PREFIX):
            raise ValueError(
                f"a column of a label starts with {quoted(LABEL_PREFIX)} in lower case, got {quoted(name)}"
            )
    special = {name: names.index(name) if name in names else None for name in ("labels", "unknown", "split")}
    label_columns: dict[str, int] = {}
    for i, name in enumerate(names):
        if name.startswith(LABEL_PREFIX) and label_columns.setdefault(name[len(LABEL_PREFIX) :].strip(), i) != i:
            raise ValueError(f"wanted one column per label, got {quoted(name)} beside another of that label")
    forms = (special["labels"] is not None) + bool(label_columns)
    if forms == 2 or (needs_labels and not forms):
        came = "both" if label_columns else f"only {quoted(', '.join(names))}"
        raise ValueError(f"wanted a column 'labels' or columns 'label:NAME', got {came}")
    taken = {*special.values(), *label_columns.values()}
    return Roles(label_columns, tuple(i for i in range(len(names)) if i not in taken), **special)


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


def labels_of_rows(
    positives: Sequence[Sequence[str]],
    unknown: Sequence[Sequence[str]],
    roles: Roles,
    *,
    label_names: Sequence[str] | None = None,
) -> Labels:
    """Labels of samples that list them by name.

    Args:
        positives: Names of the positive labels of each sample.
        unknown: Names of the unknown labels of each sample, none of them positive.
        roles: Says which labels there are, where each has its column; else there are those that occur, sorted.
        label_names: Labels of a run; then those without a column are unknown, but where ``labels`` lists the names,
            those that never occur are negative.

    Returns:
        One column per name, with ``label_names`` exactly these in their order.

    Raises:
        DataError: No label occurs, or one that the run does not know.
    """
    names = tuple(roles.label_columns)
    if not names:
        occurring = {name for rows in (positives, unknown) for row in rows for name in row}
        names = tuple(dict.fromkeys([*(label_names or ()), *sorted(occurring)]))
    if not names:
        raise DataError("wanted at least one label, got only empty cells")
    if label_names is None:
        return _listed(positives, unknown, names)
    check_known(names, label_names)
    if roles.labels is None and not roles.label_columns:
        return unlabelled(label_names, samples=len(positives))
    return aligned(_listed(positives, unknown, names), label_names)


def _listed(positives: Sequence[Sequence[str]], unknown: Sequence[Sequence[str]], names: tuple[str, ...]) -> Labels:
    column = {name: i for i, name in enumerate(names)}

    def matrix(rows: Sequence[Sequence[str]]) -> csr_array:
        indices = np.array([column[name] for row in rows for name in row], dtype=np.int32)
        ends = np.cumsum([0, *map(len, rows)])
        found = csr_array((np.ones(len(indices), dtype=bool), indices, ends), shape=(len(rows), len(names)))
        found.sort_indices()
        return found

    return Labels(names, matrix(positives), matrix(unknown) if any(unknown) else None)
