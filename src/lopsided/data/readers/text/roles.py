"""What the columns of a file of texts mean, by their names or as the user says."""

import csv
import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from lopsided.data.readers.columns.roles import LABEL_PREFIX, Roles, assign_roles
from lopsided.files.errors import quoted

_TEXTS = ("text", "sentence", "document", "content", "body", "description", "comment_text", "abstract")
_OTHERS = ("labels", "unknown", "split")


@dataclass(frozen=True)
class TextRoles:
    """The role of each column, by its number from 0; those without a role do not matter.

    Args:
        texts: Columns that make the text, one line after the other.
        id: What samples are called, if there is such a column.
        group: What must stay in one split, if there is such a column.
        others: Labels, unknown labels and splits.
    """

    texts: tuple[int, ...]
    id: int | None
    group: int | None
    others: Roles


def text_roles(names: Sequence[str], *, text_columns: str | None, needs_labels: bool) -> TextRoles:
    """Tell the columns apart.

    Args:
        names: Names of the columns, in order.
        text_columns: Names of those that make the text, joined by commas; None to recognise one by its name.
        needs_labels: Whether there must be a column of labels.

    Raises:
        ValueError: There is no column of texts, or several may be meant; or labels are missing or there twice.

    Example:
        >>> text_roles(["id", "title", "text", "labels"], text_columns=None, needs_labels=True).texts
        (2,)
    """
    names = [name.strip() for name in names]
    texts = _said(names, text_columns) if text_columns is not None else _recognised(names)
    known = {*_OTHERS, "tags"}
    left = [
        name.lower() if name.lower() in known else name if name.startswith(LABEL_PREFIX) else f"\0{i}"
        for i, name in enumerate(names)
    ]
    if "labels" not in left and not any(name.startswith(LABEL_PREFIX) for name in left):
        left = ["labels" if name == "tags" else name for name in left]
        others = [name for i, name in enumerate(names) if i not in texts and left[i].startswith("\0")]
        near = difflib.get_close_matches("labels", [name.lower() for name in others], n=1, cutoff=0.8)
        if near and "labels" not in left:
            raise ValueError(f"expected no column {quoted(near[0])}; did you mean 'labels'?")
    if needs_labels and "labels" not in left and not any(name.startswith(LABEL_PREFIX) for name in left):
        came = ", ".join(names)
        raise ValueError(f"expected a column 'labels' or columns 'label:NAME', got only {quoted(came)}")
    left = [f"\0{i}" if i in texts else name for i, name in enumerate(left)]
    places = [next((i for i, name in enumerate(names) if name.lower() == role), None) for role in ("id", "group")]
    ids, groups = (None if place in texts else place for place in places)
    return TextRoles(texts, ids, groups, assign_roles(left, needs_labels=needs_labels))


def _said(names: Sequence[str], text_columns: str) -> tuple[int, ...]:
    (parts,) = csv.reader([text_columns], skipinitialspace=True)
    places = []
    for part in parts:
        if part not in names:
            near = difflib.get_close_matches(part, names, n=1, cutoff=0.5)
            hint = f"; did you mean {quoted(near[0])}?" if near else ""
            raise ValueError(
                f"expected a column {quoted(part)}, as data.text_columns says, got {quoted(', '.join(names))}{hint}"
            )
        places.append(names.index(part))
    if len(set(places)) < len(places):
        raise ValueError(f"expected data.text_columns to name each column once, got {text_columns!r}")
    return tuple(places)


def _recognised(names: Sequence[str]) -> tuple[int, ...]:
    found = [i for i, name in enumerate(names) if name.lower() in _TEXTS]
    first = [i for i in found if names[i].lower() == _TEXTS[0]]
    found = first or found
    if len(found) == 1:
        return (found[0],)
    came = quoted(", ".join(names)) if not found else " and ".join(quoted(names[i]) for i in found)
    raise ValueError(
        f"expected one column 'text', or one of {', '.join(_TEXTS[1:])}, got {came}: say which by --data.text_columns"
    )
