"""What the columns of a file mean: by names that people use, or as the user says."""

import csv
import difflib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from lopsided.data.cell_values import one_form
from lopsided.files.errors import did_you_mean, quoted

LABEL_PREFIX = "label:"

_PATHS = ("path", "image", "filename", "file_name", "filepath", "image_path")
_IDS = ("image_id", "image_name", "image index", "id")  # only where no column above is there
_LABELS = ("labels", "tags", "attribute_ids", "target", "finding labels")
_SPLITS = ("split", "fold", "set", "subset")
_GROUPS = ("group", "patient", "patient_id", "patient id", "patientid", "subject", "subject_id")
_OF_PANDAS = re.compile(r"unnamed: ?\d+(_level_\d+)?(\.\d+)*|__index_level_\d+__", re.IGNORECASE)

NO_FEATURE = (
    "; if it is no feature, say --data.labels_column, --data.group_column, --data.split_column or "
    "--data.ignored_columns"
)
"""What may be meant by a column of a table that holds no numbers."""

Kind = Literal["text", "names", "flag", "number"]


@dataclass(frozen=True)
class Said:
    """What the user says of the columns of a file; what is left out is recognised by its name.

    Args:
        input_column: Paths of images.
        labels_column: Names of labels, joined or in lists.
        label_columns: One 0/1 column for each label, joined by commas as in a line of CSV.
        split_column: Splits.
        group_column: Groups, such as patients.
        ignored_columns: What plays no role, joined by commas.
        weight_column: Weights of samples, which no name is recognised by.
    """

    input_column: str | None = None
    labels_column: str | None = None
    label_columns: str | None = None
    split_column: str | None = None
    group_column: str | None = None
    ignored_columns: str | None = None
    weight_column: str | None = None


@dataclass(frozen=True)
class Roles:
    """The role of each column; columns are numbered from 0.

    Args:
        label_columns: Label name to its 0/1 column; empty where ``labels`` lists the names.
        features: Every column without another role; in a listing they do not matter.
        labels: The column of joined label names, if there is one.
        unknown: The column of joined names of unknown labels, if there is one.
        split: The column of splits, if there is one.
        input: The column of paths, of a listing.
        group: The column of groups, if there is one.
        folds: Whether ``split`` numbers folds.
        weight: The column of weights, if there is one.
    """

    label_columns: dict[str, int] = field(default_factory=dict)
    features: tuple[int, ...] = ()
    labels: int | None = None
    unknown: int | None = None
    split: int | None = None
    input: int | None = None
    group: int | None = None
    folds: bool = False
    weight: int | None = None

    def kinds(self) -> dict[int, Kind]:
        """What each column that plays a role may hold: a text, names, or whether a label is there."""
        found: dict[int, Kind] = {}
        found.update((i, "flag") for i in (*self.label_columns.values(), self.weight) if i is not None)
        found.update((i, "text") for i in (self.input, self.split, self.group) if i is not None)
        found.update((i, "names") for i in (self.labels, self.unknown) if i is not None)
        return found

    def named(self, names: Sequence[str]) -> dict[str, str]:
        """The name of the column of each role, and of those that are features or not read, for people."""
        found = {role: getattr(self, role) for role in ("input", "labels", "split", "group", "weight", "unknown")}
        shown = {role: str(names[i]) for role, i in found.items() if i is not None}
        if self.label_columns:
            shown["labels"] = _first([names[i] for i in self.label_columns.values()])
        if self.features:
            shown["features" if self.input is None else "not read"] = _first([names[i] for i in self.features])
        return shown


def _first(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def is_of_pandas(name: str) -> bool:
    """Whether a column is called as pandas calls row numbers and columns without a name.

    Example:
        >>> [is_of_pandas(name) for name in ("Unnamed: 0", "__index_level_0__", "index")]
        [True, True, False]
    """
    return _OF_PANDAS.fullmatch(name.strip()) is not None


def listing_roles(names: Sequence[str], said: Said | None = None, *, needs_labels: bool = True) -> Roles:
    """Tell the columns of a listing apart: by names that people use, whatever their case, or as the user says.

    Args:
        names: Names of the columns, in order.
        said: What the user says of them.
        needs_labels: Whether there must be a column of labels.

    Raises:
        ValueError: There is no column of paths, several columns may have one role, a name nearly names a role, a name
            is there twice, or a column that the user names is not there. The message names the option that settles it.

    Example:
        >>> roles = listing_roles(["id", "filename", "tags", "Patient ID"])
        >>> roles.input, roles.labels, roles.group
        (1, 2, 3)
    """
    said = said or Said()
    # Columns without a name play no role here, so they may lack one.
    names = [f"column {i}" if not name.strip() or is_of_pandas(name) else name for i, name in enumerate(names)]
    _refuse_twice([name.strip() if name.lower().startswith(LABEL_PREFIX) else name for name in names])
    ignored = _listed(names, said, "ignored_columns")
    left = {i: name.strip().lower() for i, name in enumerate(names) if i not in ignored}
    paths = _one_of(names, left, said, "input_column", _PATHS)
    if paths is None:
        paths = _one_of(names, left, said, "input_column", _IDS)
    if paths is None:
        raise ValueError(
            f"expected a column 'path', or one of {', '.join((*_PATHS[1:], *_IDS))}, got {_all(names)}: say which by "
            "--data.input_column"
        )
    left.pop(paths)
    flags = _flags(names, left, said)
    labels = None if flags else _one_of(names, left, said, "labels_column", _LABELS)
    for i in (*flags.values(), *([] if labels is None else [labels])):
        left.pop(i, None)
    split = _one_of(names, left, said, "split_column", _SPLITS)
    left.pop(split, None)  # pyright: ignore[reportArgumentType, reportCallIssue]
    unknown = next((i for i, name in left.items() if name == "unknown"), None)
    group = _one_of(names, left, said, "group_column", _GROUPS)
    weight = _said(names, said, "weight_column")
    taken = {paths, labels, split, unknown, group, weight, *flags.values()}
    rest = tuple(i for i in left if i not in taken)
    _refuse_near(names, rest, labels=labels is not None or bool(flags), split=split is not None, unknown=unknown)
    if needs_labels and labels is None and not flags:
        raise ValueError(
            f"expected a column 'labels' or columns 'label:NAME', got only {_all(names)}: say which by "
            "--data.labels_column or --data.label_columns"
        )
    folds = split is not None and names[split].strip().lower() == "fold"
    return Roles(flags, rest, labels, unknown, split, paths, group, folds, weight)


def table_roles(names: Sequence[str], said: Said | None = None, *, needs_labels: bool = True) -> Roles:
    """Tell the columns of a table apart: ``labels`` or any number of ``label:NAME``; ``split`` and ``unknown`` are
    optional; all others are features, unless the user says otherwise.

    Args:
        names: Names of the columns, in order.
        said: What the user says of them.
        needs_labels: Whether there must be a column of labels.

    Raises:
        ValueError: A name is empty or repeated, labels have both forms, or none where one is needed, or a column that
            the user names is not there.

    Example:
        >>> roles = table_roles(["size", "split", "labels"])
        >>> roles.features, roles.labels, roles.split
        ((0,), 2, 1)
    """
    said = said or Said()
    ignored = _listed(names, said, "ignored_columns")
    left = {i: name for i, name in enumerate(names) if i not in ignored}
    _check_table_names(left)
    _refuse_twice(list(left.values()))
    flags = _flags(names, left, said)
    labels = _said(names, said, "labels_column")
    if labels is None and said.label_columns is None:
        labels = next((i for i, name in left.items() if name == "labels"), None)
    split, group, weight = (_said(names, said, f"{role}_column") for role in ("split", "group", "weight"))
    if split is None:
        split = next((i for i, name in left.items() if name == "split"), None)
    unknown = next((i for i, name in left.items() if name == "unknown"), None)
    if (labels is not None and flags) or (needs_labels and labels is None and not flags):
        came = "both" if flags else f"only {_all(names)}"
        raise ValueError(
            f"expected a column 'labels' or columns 'label:NAME', got {came}: say which by --data.labels_column or "
            "--data.label_columns"
        )
    taken = {labels, split, unknown, group, weight, *flags.values()}
    features = tuple(i for i in left if i not in taken)
    return Roles(flags, features, labels, unknown, split, None, group, weight=weight)


def _check_table_names(left: dict[int, str]) -> None:
    for name in left.values():
        if not name.strip():
            raise ValueError("expected a name for each column, got an empty one (pandas writes none with index=False)")
        if is_of_pandas(name):
            raise ValueError(
                f"expected a name for each column, got {quoted(name)}, as pandas calls row numbers and columns without "
                "a name: write the table with index=False, or rename the column if it is a feature"
            )
        if name.strip().lower() in ("labels", "unknown", "split") and name != name.strip().lower():
            raise ValueError(f"expected {quoted(name.strip().lower())} as the name of a column, got {quoted(name)}")


def _refuse_twice(names: Sequence[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise ValueError(f"expected distinct column names, got {quoted(name)} {count} times")


def _flags(names: Sequence[str], left: dict[int, str], said: Said) -> dict[str, int]:
    """The 0/1 column of each label."""
    if said.label_columns is not None:
        if said.labels_column is not None:
            raise ValueError(
                "expected data.labels_column or data.label_columns, got both: labels stand in one column or in several"
            )
        return {one_form(names[i].strip().removeprefix(LABEL_PREFIX)): i for i in _listed(names, said, "label_columns")}
    if said.labels_column is not None:
        return {}
    found: dict[str, int] = {}
    for i in left:
        name = names[i]
        if name.strip().lower().startswith(LABEL_PREFIX) and not name.startswith(LABEL_PREFIX):
            raise ValueError(
                f"expected a column of a label to start with {quoted(LABEL_PREFIX)} in lower case, got {quoted(name)}"
            )
        if name.startswith(LABEL_PREFIX) and found.setdefault(one_form(name[len(LABEL_PREFIX) :]), i) != i:
            raise ValueError(f"expected one column per label, got {quoted(name)} beside another of that label")
    if found and "labels" in left.values():
        raise ValueError(
            "expected a column 'labels' or columns 'label:NAME', got both: say which by --data.labels_column or "
            "--data.label_columns"
        )
    return found


def _one_of(names: Sequence[str], left: dict[int, str], said: Said, option: str, known: tuple[str, ...]) -> int | None:
    """The column that the user says, else the only one that is called by the first or by one of the known names."""
    if (i := _said(names, said, option)) is not None:
        return i
    found = [i for i, name in left.items() if name in known]
    first = [i for i in found if left[i] == known[0]]
    found = first or found
    if len(found) > 1:
        came = " and ".join(quoted(names[i]) for i in found)
        raise ValueError(f"expected one column of {', '.join(known)}, got {came}: say which by --data.{option}")
    return found[0] if found else None


def _said(names: Sequence[str], said: Said, option: str) -> int | None:
    value = getattr(said, option)
    return None if value is None else _place(names, value, option)


def _listed(names: Sequence[str], said: Said, option: str) -> list[int]:
    value = getattr(said, option)
    if value is None:
        return []
    (parts,) = csv.reader([value], skipinitialspace=True)
    places = [_place(names, part, option) for part in parts]
    if len(set(places)) < len(places):
        raise ValueError(f"expected data.{option} to name each column once, got {value!r}")
    return places


def _place(names: Sequence[str], name: str, option: str) -> int:
    places = [i for i, other in enumerate(names) if other == name] or [
        i for i, other in enumerate(names) if other.strip().lower() == name.strip().lower()
    ]
    if len(places) == 1:
        return places[0]
    hint = "" if places else did_you_mean(name, names, quoted)
    came = "several columns" if places else "none"
    raise ValueError(f"expected a column {quoted(name)}, as data.{option} says, got {came} among {_all(names)}{hint}")


def _refuse_near(
    names: Sequence[str], rest: tuple[int, ...], *, labels: bool, split: bool, unknown: int | None
) -> None:
    """Refuse a column whose name nearly names a role that no column has."""
    others = [names[i].strip().lower() for i in rest]
    there = {"labels": labels, "split": split, "unknown": unknown is not None}
    for missing, is_there in there.items():
        if not is_there and (near := difflib.get_close_matches(missing, others, n=1, cutoff=0.8)):
            came = names[rest[others.index(near[0])]]
            option = "" if missing == "unknown" else f" (or say --data.ignored_columns {came})"
            raise ValueError(f"expected no column {quoted(came)}; did you mean {missing!r}?{option}")


def _all(names: Sequence[str]) -> str:
    return quoted(", ".join(names))
