"""What the columns of a file of texts mean, by their names or as the user says."""

import csv
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from lopsided.data.readers.columns.roles import Kind, Roles, Said, listing_roles
from lopsided.files.errors import did_you_mean, quoted

_TEXTS = ("text", "sentence", "document", "content", "body", "description", "comment_text", "abstract")


@dataclass(frozen=True)
class TextRoles:
    """The role of each column, by its number from 0; those without a role do not matter.

    Args:
        texts: Columns that make the text, each on a line of its own.
        id: What samples are called, if there is such a column.
        others: Labels, unknown labels, splits and groups.
    """

    texts: tuple[int, ...]
    id: int | None
    others: Roles

    def kinds(self) -> dict[int, Kind]:
        """What each column that plays a role may hold."""
        texts: dict[int, Kind] = dict.fromkeys((*self.texts, *([] if self.id is None else [self.id])), "text")
        return self.others.kinds() | texts

    def named(self, names: Sequence[str]) -> dict[str, str]:
        """The name of the column of each role, for people."""
        found = {"text": ", ".join(names[i] for i in self.texts)}
        found |= {} if self.id is None else {"id": names[self.id]}
        return found | {
            role: name for role, name in self.others.named(names).items() if role not in ("input", "not read")
        }


def text_roles(names: Sequence[str], said: Said, *, text_columns: str | None, needs_labels: bool) -> TextRoles:
    """Tell the columns apart.

    Args:
        names: Names of the columns, in order.
        said: What the user says of labels, splits, groups and what to ignore.
        text_columns: Names of those that make the text, joined by commas; None to recognise one by its name.
        needs_labels: Whether there must be a column of labels.

    Raises:
        ValueError: There is no column of texts, or several may be meant; or those of others are missing or ambiguous.

    Example:
        >>> text_roles(["id", "title", "text", "labels"], Said(), text_columns=None, needs_labels=True).texts
        (2,)
    """
    texts = _recognised(names) if text_columns is None else _said(names, text_columns)
    ids = [i for i, name in enumerate(names) if name.strip().lower() == "id" and i not in texts]
    # Others may not be called as a text or an id is; what stands for one of these is given a name that means nothing.
    hidden = [f"\0{i}" if i in (*texts, *ids) else name for i, name in enumerate(names)]
    said = dataclasses.replace(said, input_column=hidden[texts[0]])
    return TextRoles(texts, ids[0] if ids else None, listing_roles(hidden, said, needs_labels=needs_labels))


def _said(names: Sequence[str], text_columns: str) -> tuple[int, ...]:
    (parts,) = csv.reader([text_columns], skipinitialspace=True)
    places = []
    for part in parts:
        if part not in names:
            hint = did_you_mean(part, names, quoted)
            raise ValueError(
                f"expected a column {quoted(part)}, as data.text_columns says, got {quoted(', '.join(names))}{hint}"
            )
        places.append(names.index(part))
    if len(set(places)) < len(places):
        raise ValueError(f"expected data.text_columns to name each column once, got {text_columns!r}")
    return tuple(places)


def _recognised(names: Sequence[str]) -> tuple[int, ...]:
    found = [i for i, name in enumerate(names) if name.strip().lower() in _TEXTS]
    first = [i for i in found if names[i].strip().lower() == _TEXTS[0]]
    found = first or found
    if len(found) == 1:
        return (found[0],)
    came = " and ".join(quoted(names[i]) for i in found) if found else quoted(", ".join(names))
    raise ValueError(
        f"expected one column 'text', or one of {', '.join(_TEXTS[1:])}, got {came}: say which by --data.text_columns"
    )
