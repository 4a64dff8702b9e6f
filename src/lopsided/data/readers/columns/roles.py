"""What the columns of a CSV or Parquet table mean, by their names."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lopsided.data.cell_values import one_form
from lopsided.files.errors import quoted

LABEL_PREFIX = "label:"

_ROLES = ("labels", "unknown", "split")
_OF_PANDAS = re.compile(r"unnamed: ?\d+(_level_\d+)?(\.\d+)*|__index_level_\d+__", re.IGNORECASE)


def is_of_pandas(name: str) -> bool:
    """Whether a column is called as pandas calls row numbers and columns without a name.

    Example:
        >>> [is_of_pandas(name) for name in ("Unnamed: 0", "__index_level_0__", "index")]
        [True, True, False]
    """
    return _OF_PANDAS.fullmatch(name.strip()) is not None


@dataclass(frozen=True)
class Roles:
    """The role of each column; columns are numbered from 0.

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
    """Find the role of each column.

    Args:
        names: Names of the columns, in order: ``labels`` or any number of ``label:NAME``; ``split`` and ``unknown`` are
            optional; all others are features.
        needs_labels: Whether there must be a column of labels.

    Raises:
        ValueError: A name is empty or repeated, labels have both forms, or none where one is needed.

    Example:
        >>> assign_roles(["size", "split", "labels"])
        Roles(label_columns={}, features=(0,), labels=2, unknown=None, split=1)
    """
    for name, count in Counter(names).items():
        if not name.strip():
            raise ValueError("expected a name for each column, got an empty one (pandas writes none with index=False)")
        if is_of_pandas(name):
            raise ValueError(
                f"expected a name for each column, got {quoted(name)}, as pandas calls row numbers and columns without "
                "a name: write the table with index=False, or rename the column if it is a feature"
            )
        if count > 1:
            raise ValueError(f"expected distinct column names, got {quoted(name)} {count} times")
        if name.lower().startswith(LABEL_PREFIX) and not name.startswith(LABEL_PREFIX):
            raise ValueError(
                f"expected a column of a label to start with {quoted(LABEL_PREFIX)} in lower case, got {quoted(name)}"
            )
        if name.strip().lower() in _ROLES and name not in _ROLES:
            raise ValueError(f"expected {quoted(name.strip().lower())} as the name of a column, got {quoted(name)}")
    special = {name: names.index(name) if name in names else None for name in _ROLES}
    label_columns: dict[str, int] = {}
    for i, name in enumerate(names):
        if name.startswith(LABEL_PREFIX) and label_columns.setdefault(one_form(name[len(LABEL_PREFIX) :]), i) != i:
            raise ValueError(f"expected one column per label, got {quoted(name)} beside another of that label")
    forms = (special["labels"] is not None) + bool(label_columns)
    if forms == 2 or (needs_labels and not forms):
        came = "both" if label_columns else f"only {quoted(', '.join(names))}"
        raise ValueError(f"expected a column 'labels' or columns 'label:NAME', got {came}")
    taken = {*special.values(), *label_columns.values()}
    return Roles(label_columns, tuple(i for i in range(len(names)) if i not in taken), **special)
