"""Texts in JSON lines, or in one list of objects."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lopsided.data.images.files import is_text
from lopsided.data.labels import NO_TEXT
from lopsided.data.readers.columns.roles import LABEL_PREFIX
from lopsided.data.readers.text.roles import TextRoles
from lopsided.files.errors import DataError, quoted
from lopsided.files.regular import read_bytes

if TYPE_CHECKING:
    import pyarrow as pa

Place = int | None
"""Number of a line, from 1; None in a file that is one list."""


def objects_of(path: Path) -> Iterator[tuple[Place, dict[str, Any]]]:
    """The objects of a file in UTF-8, each with the number of its line.

    Raises:
        DataError: A line is no object; the message names the line.
    """
    content = read_bytes(path).removeprefix(b"\xef\xbb\xbf")
    if content.lstrip()[:1] == b"[":
        found = _parsed(content, path, None)
        for k, members in enumerate(found):
            if not isinstance(members, dict):
                raise DataError(f"expected a list of objects, got {quoted(members)} at place {k} (from 0)", path=path)
            yield None, members
        return
    for line, text in enumerate(content.split(b"\n"), 1):
        if text.strip():
            members = _parsed(text, path, line)
            if not isinstance(members, dict):
                raise DataError(f"expected an object in JSON on each line, got {quoted(members)}", path=path, line=line)
            yield line, members


def table_of(path: Path, found: list[tuple[Place, dict[str, Any]]], names: list[str], roles: TextRoles) -> "pa.Table":
    """The members that play a role, as columns; the others are empty.

    Raises:
        DataError: A member lacks where one is needed, or holds what its role does not allow.
    """
    import pyarrow as pa

    others = roles.others
    columns: dict[int, pa.Array] = {}
    for i in roles.texts:
        columns[i] = pa.array([_text(members, names[i], path, line) for line, members in found], pa.large_string())
    for i in (roles.id, roles.group, others.split):
        if i is not None:
            cells = [_cell(members, names[i], path, line) for line, members in found]
            columns[i] = pa.array(cells, pa.large_string())
    for i in others.label_columns.values():
        columns[i] = pa.array([_cell(members, names[i], path, line) for line, members in found], pa.large_string())
    for i in (others.labels, others.unknown):
        if i is not None:
            columns[i] = _names([(line, members.get(names[i])) for line, members in found], names[i], path)
    return pa.table([columns.get(i, pa.nulls(len(found))) for i in range(len(names))], names=names)


def _parsed(content: bytes, path: Path, line: Place) -> Any:
    try:
        return json.loads(content.decode())
    except UnicodeDecodeError as error:
        wrong = f"expected text in UTF-8, got the byte {error.object[error.start]:#04x}"
        line = line or content.count(b"\n", 0, error.start) + 1
        raise DataError(wrong, path=path, line=line) from None
    except json.JSONDecodeError as error:
        shown = quoted(content[:60].decode(errors="replace").strip())
        wrong = f"expected an object in JSON, got {shown} ({error.msg})"
        raise DataError(wrong, path=path, line=line or error.lineno) from None
    except (ValueError, RecursionError):
        shown = quoted(content[:60].decode(errors="replace").strip())
        raise DataError(f"expected an object in JSON, got {shown}", path=path, line=line) from None


def _text(members: dict[str, Any], name: str, path: Path, line: Place) -> str:
    value = members.get(name)
    if not isinstance(value, str):
        came = "none" if name not in members else quoted(value)
        raise DataError(f"expected a text in {quoted(name)}, got {came}", path=path, line=line)
    return _whole(value, name, path, line)


def _cell(members: dict[str, Any], name: str, path: Path, line: Place) -> str | None:
    value = members.get(name)
    if value is None or value != value:
        return "" if name.startswith(LABEL_PREFIX) else None
    if isinstance(value, list | dict):
        raise DataError(f"expected {quoted(name)} to hold one value, got {quoted(value)}", path=path, line=line)
    return _whole(str(int(value)) if isinstance(value, bool) else str(value), name, path, line)


def _names(cells: list[tuple[Place, Any]], name: str, path: Path) -> "pa.Array":
    """A column of lists of names, or of joined names where no object has a list."""
    import pyarrow as pa

    lists = [cell for _, cell in cells if isinstance(cell, list)]
    for line, cell in cells:
        parts = cell if isinstance(cell, list) else [] if cell is None else [cell]
        if not all(isinstance(part, str) for part in parts) or (lists and isinstance(cell, str)):
            wanted = "lists of names, as other objects have," if lists else "names"
            raise DataError(f"expected {quoted(name)} to hold {wanted} got {quoted(cell)}", path=path, line=line)
        for part in parts:
            if NO_TEXT.search(_whole(part, name, path, line).strip()):
                raise DataError(
                    f"expected a label name to be one line of text without control characters, got {quoted(part)}",
                    path=path,
                    line=line,
                )
    values = [cell for _, cell in cells]
    return pa.array(values, pa.list_(pa.string()) if lists else pa.large_string())


def _whole(text: str, name: str, path: Path, line: Place) -> str:
    if not is_text(text):
        raise DataError(
            f"expected whole characters in {quoted(name)}, got half of one (a lone surrogate)", path=path, line=line
        )
    return text
