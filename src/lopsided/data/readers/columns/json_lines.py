"""The columns of a listing in JSON lines: an object on each line."""

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lopsided.data.cell_values import parse_names
from lopsided.data.images.files import is_text
from lopsided.data.readers.columns.joined import check_joined
from lopsided.data.readers.columns.labels import kind_of_column
from lopsided.files.errors import DataError, quoted

if TYPE_CHECKING:
    import pyarrow as pa

_CHUNK = 50_000  # lines that are Python objects at the same time


def read_json_lines(path: Path, *, separator: str | None = None) -> "pa.Table":
    """Read all members that may play a role in a listing.

    Args:
        path: The file, in UTF-8; blank lines do not matter.
        separator: What joins names in a text, where other objects have lists.

    Returns:
        A column for each name of a member, empty where an object lacks it; columns without a role are empty.

    Raises:
        DataError: A line is no object, or a member holds what its role does not allow; the message names the line.
    """
    import pyarrow as pa

    names: dict[str, None] = {}
    texts: dict[str, list[int]] = {}  # rows in which a member that holds names is a text
    chunks: list[pa.Table] = []
    cells: list[dict[str, Any]] = []
    count = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                members = _members(line)
                cells.append({name: _cell(name, value) for name, value in members.items() if kind_of_column(name)})
                for name in members:
                    if kind_of_column(name) == "names" and isinstance(members[name], str):
                        texts.setdefault(name, []).append(count)
            except ValueError as error:
                raise DataError(str(error), path=path, line=number) from None
            names.update(dict.fromkeys(members))
            count += 1
            if len(cells) == _CHUNK:
                chunks.append(_table(cells, path))
                cells = []
    chunks.append(_table(cells, path))
    content = pa.concat_tables(chunks, promote_options="default")
    for name in names:
        if name not in content.column_names:
            content = content.append_column(name, pa.nulls(content.num_rows))
    for name, rows in texts.items():
        place = content.column_names.index(name)
        content = content.set_column(place, name, _with_texts(content.column(place), rows, name, path, separator))
    return content.select(list(names))


def _with_texts(
    column: "pa.ChunkedArray", rows: list[int], name: str, path: Path, separator: str | None
) -> "pa.Array | pa.ChunkedArray":
    """A column of names that are one text in these rows: all as texts, or all as lists if other rows have lists."""
    import pyarrow as pa

    found: list[list[str] | None] = column.to_pylist()
    text = dict.fromkeys(rows)
    if not any(cell is not None and row not in text for row, cell in enumerate(found)):
        return pa.array([None if cell is None else cell[0] for cell in found], pa.large_string())
    came = Counter(cell[0] for row, cell in enumerate(found) if row in text and cell and cell[0].strip())
    try:
        check_joined(came, column=name, separator=separator)
    except ValueError as error:
        raise DataError(str(error), path=path) from None
    lists = [
        parse_names(cell[0], separator=separator or "|") if row in text and cell else cell
        for row, cell in enumerate(found)
    ]
    return pa.array(lists, pa.list_(pa.string()))


class _TwiceError(ValueError):
    """An object has two members of one name; the parser would keep only the last."""


def _once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) < len(members):
        name = next(name for name, count in Counter(name for name, _ in members).items() if count > 1)
        raise _TwiceError(f"expected each member once, got {quoted(name)} twice in one object")
    return found


def _members(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line.decode("utf-8-sig"), object_pairs_hook=_once)
    except UnicodeDecodeError:
        raise ValueError("expected text in UTF-8, got other bytes") from None
    except _TwiceError:
        raise
    except (ValueError, RecursionError):
        raise ValueError(f"expected an object in JSON, got {quoted(line.decode(errors='replace').strip())}") from None
    for name in found if isinstance(found, dict) else ():
        if not is_text(name):
            raise ValueError(f"expected names of members that are whole characters, got {quoted(name)}")
    if not isinstance(found, dict):
        raise ValueError(f"expected an object in JSON on each line, got {quoted(found)}")
    return found


def _cell(name: str, value: Any) -> Any:
    match kind_of_column(name):
        case "names":
            parts = value if isinstance(value, list) else [None if value != value else value]
            if not all(part is None or isinstance(part, str) for part in parts):
                raise ValueError(f"expected {quoted(name)} to hold names, got {quoted(value)}")
            return None if parts == [None] else parts
        case "flag":
            if isinstance(value, list | dict):
                raise ValueError(f"expected {quoted(name)} to hold 0 or 1, got {quoted(value)}")
            return "" if value is None or value != value else str(value)
        case _:
            if not isinstance(value, str | None):
                raise ValueError(f"expected {quoted(name)} to hold text, got {quoted(value)}")
            return value


def _table(cells: list[dict[str, Any]], path: Path) -> "pa.Table":
    import pyarrow as pa

    names = dict.fromkeys(name for row in cells for name in row)
    kinds = {name: pa.list_(pa.string()) if kind_of_column(name) == "names" else pa.string() for name in names}
    try:
        columns = {name: pa.array([row.get(name) for row in cells], kinds[name]) for name in names}
    except UnicodeEncodeError:
        raise DataError("expected whole characters, got half of one (a lone surrogate)", path=path) from None
    return pa.table(columns)
