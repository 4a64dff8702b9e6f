"""The columns of a listing in JSON lines: an object on each line."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lopsided.data.cells import parse_names
from lopsided.data.errors import DataError, quoted
from lopsided.data.image_files import is_text
from lopsided.data.listing_columns import kind_of_column

if TYPE_CHECKING:
    import pyarrow as pa

_CHUNK = 50_000  # lines that are Python objects at one time


def read_json_lines(path: Path) -> "pa.Table":
    """Read all members that may play a role in a listing.

    Args:
        path: The file, in UTF-8; blank lines do not matter.

    Returns:
        A column for each name of a member, empty where an object has none; those without a role hold nothing.

    Raises:
        DataError: A line is no object, or a member holds what its role does not allow; the message names the line.
    """
    import pyarrow as pa

    names: dict[str, None] = {}
    chunks: list[pa.Table] = []
    cells: list[dict[str, Any]] = []
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                members = _members(line)
                cells.append({name: _cell(name, value) for name, value in members.items() if kind_of_column(name)})
            except ValueError as error:
                raise DataError(str(error), path=path, line=number) from None
            names.update(dict.fromkeys(members))
            if len(cells) == _CHUNK:
                chunks.append(_table(cells, path))
                cells = []
    chunks.append(_table(cells, path))
    content = pa.concat_tables(chunks, promote_options="default")
    for name in names:
        if name not in content.column_names:
            content = content.append_column(name, pa.nulls(content.num_rows))
    return content.select(list(names))


def _members(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ValueError("wanted text in UTF-8, got other bytes") from None
    except (ValueError, RecursionError):
        raise ValueError(f"wanted an object in JSON, got {quoted(line.decode(errors='replace').strip())}") from None
    for name in found if isinstance(found, dict) else ():
        if not is_text(name):
            raise ValueError(f"wanted names of members that are whole characters, got {quoted(name)}")
    if not isinstance(found, dict):
        raise ValueError(f"wanted an object in JSON on each line, got {quoted(found)}")
    return found


def _cell(name: str, value: Any) -> Any:
    match kind_of_column(name):
        case "names":
            parts = value if isinstance(value, list) else parse_names(value) if isinstance(value, str) else [value]
            if not all(part is None or isinstance(part, str) for part in parts):
                raise ValueError(f"{quoted(name)} must hold names, got {quoted(value)}")
            return parts
        case "flag":
            if isinstance(value, list | dict):
                raise ValueError(f"{quoted(name)} must hold 0 or 1, got {quoted(value)}")
            return "" if value is None or value != value else str(value)
        case _:
            if not isinstance(value, str | None):
                raise ValueError(f"{quoted(name)} must hold text, got {quoted(value)}")
            return value


def _table(cells: list[dict[str, Any]], path: Path) -> "pa.Table":
    import pyarrow as pa

    names = dict.fromkeys(name for row in cells for name in row)
    kinds = {name: pa.list_(pa.string()) if kind_of_column(name) == "names" else pa.string() for name in names}
    try:
        columns = {name: pa.array([row.get(name) for row in cells], kinds[name]) for name in names}
    except UnicodeEncodeError:
        raise DataError("wanted whole characters, got half of one (a lone surrogate)", path=path) from None
    return pa.table(columns)
