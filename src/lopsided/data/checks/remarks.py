"""Remarks on data: what was read as it stands, but may be a mistake."""

import re
import unicodedata

import numpy as np

from lopsided.data.cell_values import is_missing
from lopsided.data.samples import Samples
from lopsided.data.splits.together import groups_in_two_splits
from lopsided.files.errors import quoted

_SHOWN = 5
_FEW = 10  # rows; fewer may count up by chance
_ROW_NUMBER = re.compile(r"(row|sample|record)?[ _]*(id|index|idx|number|no|nr|num)|level_\d+|row|#|uuid|guid")


def remarks(data: Samples) -> tuple[str, ...]:
    """List what the reader noted, groups that splits part, labels whose names look alike, and features that may be row
    numbers, a line each.

    Example:
        >>> from scipy.sparse import csr_array
        >>> from lopsided.data import Labels, Table
        >>> labels = Labels(("dog", "Dog"), csr_array(np.array([[True, False], [False, True]])))
        >>> remarks(Table("pets", np.array([[0.5], [0.7]], np.float32), labels, np.array(["train"] * 2)))
        ("labels whose names look alike: 'dog' and 'Dog'; they stay different labels",)
    """
    names = data.labels.names
    lines = [*data.notes, *_about_training(data)]
    if parted := groups_in_two_splits(data):
        shown = ", ".join(map(quoted, parted[:_SHOWN]))
        more = f" (and {len(parted) - _SHOWN} more)" if len(parted) > _SHOWN else ""
        lines.append(
            f"groups that lie in two splits: {shown}{more}; what is measured on one split was learned from the other"
        )
    if alike := look_alikes(names):
        shown = "; ".join(" and ".join(map(quoted, group)) for group in alike[:_SHOWN])
        more = f" (and {len(alike) - _SHOWN} more)" if len(alike) > _SHOWN else ""
        lines.append(f"labels whose names look alike: {shown}{more}; they stay different labels")
    if words := [name for name in names if is_missing(name)]:
        lines.append(f"labels called like a missing value: {', '.join(map(quoted, words))}; they stay labels")
    if columns := _row_numbers(data):
        lines.append(
            f"features that may be row numbers: {', '.join(map(quoted, columns[:_SHOWN]))}; remove such columns, a "
            "network learns nothing true from them"
        )
    return tuple(lines)


def recognised(data: Samples) -> tuple[str, ...]:
    """A line that says what the columns of a file were taken for; none where there are no columns.

    Example:
        >>> from types import SimpleNamespace
        >>> recognised(SimpleNamespace(columns={"input": "Image Index", "labels": "Finding Labels"}))
        ("columns: input 'Image Index', labels 'Finding Labels'",)
    """
    if not data.columns:
        return ()
    return ("columns: " + ", ".join(f"{role} {quoted(name)}" for role, name in data.columns.items()),)


def _about_training(data: Samples) -> list[str]:
    """Labels of which the training samples say nothing, and training samples without a label."""
    if "train" not in data.split_names:
        return []
    labels = data.labels.take(data.rows("train"))
    positives, known = labels.positives_per_label(), labels.known_per_label()
    lines = []
    for found, words in (
        (positives == 0, "without a positive training sample"),
        ((positives > 0) & (positives == known), "that every training sample has, as far as known"),
    ):
        if found.any():
            shown = ", ".join(quoted(labels.names[k]) for k in np.flatnonzero(found)[:_SHOWN])
            more = f" and {int(found.sum()) - _SHOWN} more" if found.sum() > _SHOWN else ""
            lines.append(f"{int(found.sum())} of {len(positives)} labels {words}: {shown}{more}")
    empty = int((np.diff(labels.positives.indptr) == 0).sum())
    if 2 * empty > len(labels):
        lines.append(f"{empty} of {len(labels)} training samples have no label")
    if len(positives) > 10 * len(labels):
        lines.append(f"{len(positives)} labels and only {len(labels)} training samples: is it the column of labels?")
    return lines


def look_alikes(names: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Groups of names that differ only in case, Unicode form, and blanks or invisible characters.

    Example:
        >>> look_alikes(("traffic light", "dog", "Traffic  light", "dog\\u200b"))
        [('traffic light', 'Traffic  light'), ('dog', 'dog\\u200b')]
    """
    groups: dict[str, list[str]] = {}
    for name in names:
        seen = "".join(c for c in unicodedata.normalize("NFKC", name).casefold() if unicodedata.category(c) != "Cf")
        groups.setdefault(" ".join(seen.split()), []).append(name)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def _row_numbers(data: Samples) -> list[str]:
    """Names of features that are called like row numbers, or that count the rows."""
    rows = np.arange(len(data))
    features = data.matrix(rows) if data.inputs().names else None
    if not isinstance(features, np.ndarray):
        return []
    found = []
    for i, name in enumerate(data.inputs().names):
        counts = len(data) >= _FEW and np.array_equal(rows, features[:, i] - features[0, i])
        if counts or _ROW_NUMBER.fullmatch(name.strip().lower()):
            found.append(name)
    return found
