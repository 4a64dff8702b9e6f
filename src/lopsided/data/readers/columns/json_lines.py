"""The columns of a listing in JSON: an object on each line, or one list of objects."""

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lopsided.data.cell_values import parse_names
from lopsided.data.images.files import is_text
from lopsided.data.readers.columns.joined import check_joined
from lopsided.data.readers.columns.roles import Kind
from lopsided.files.errors import DataError, quoted
from lopsided.files.regular import read_bytes

if TYPE_CHECKING:
    import pyarrow as pa

_CHUNK = 50_000  # lines that are Python objects at the same time


def names_in_json(path: Path) -> list[str]:
    """Names of the members of all objects, in the order in which they come.

    Raises:
        DataError: A line is no object; the message names the line.
    """
    names: dict[str, None] = {}
    for _, members in _objects(path):
        names.update(dict.fromkeys(members))
    return list(names)


def read_json(
    path: Path, names: Sequence[str], kinds: Mapping[int, Kind], *, separator: str | None = None
) -> "pa.Table":
    """Read members that play a role in a listing.

    Args:
        path: The file, in UTF-8: an object on each line, where blank lines do not matter, or a list of objects.
        names: Names of all members, as :func:`names_in_json` gives them.
        kinds: What each of those that are read may hold, by its number.
        separator: What joins names in a text, where other objects have lists.

    Returns:
        A column for each name, empty where an object lacks it; columns that are not read are empty.

    Raises:
        DataError: A line is no object, or a member holds what its role does not allow; the message names the line.
    """
    import pyarrow as pa

    wanted: dict[str, Kind] = {names[i]: kind for i, kind in kinds.items()}
    texts: dict[str, list[int]] = {}  # rows in which a member that holds names is a text
    chunks: list[pa.Table] = []
    cells: list[dict[str, Any]] = []
    lines: list[int | None] = []  # of the cells
    count = 0
    for number, members in _objects(path):
        try:
            cells.append({name: _cell(name, value, wanted[name]) for name, value in members.items() if name in wanted})
        except ValueError as error:
            raise DataError(str(error), path=path, line=number) from None
        lines.append(number)
        for name, kind in wanted.items():
            if kind == "names" and isinstance(members.get(name), str):
                texts.setdefault(name, []).append(count)
        count += 1
        if len(cells) == _CHUNK:
            chunks.append(_table(cells, lines, path, wanted))
            cells, lines = [], []
    chunks.append(_table(cells, lines, path, wanted))
    content = pa.concat_tables(chunks, promote_options="default")
    columns = {name: content.column(name) for name in content.column_names}
    for name, rows in texts.items():
        columns[name] = _with_texts(content.column(name), rows, name, path, separator)
    return pa.table([columns.get(name, pa.nulls(count)) for name in names], names=list(names))


def _objects(path: Path) -> Iterator[tuple[int | None, dict[str, Any]]]:
    """The objects of a file, each with the number of its line; of one list, without."""
    with path.open("rb") as file:
        start = file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()
        file.seek(0)
        if start.startswith(b"["):
            yield from ((None, members) for members in _listed(path, read_bytes(path)))
            return
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    yield number, _members(line)
                except ValueError as error:
                    raise DataError(str(error), path=path, line=number) from None


def _listed(path: Path, content: bytes) -> list[dict[str, Any]]:
    try:
        found = json.loads(content.decode("utf-8-sig"), object_pairs_hook=_once)
    except UnicodeDecodeError:
        raise DataError("expected text in UTF-8, got other bytes", path=path) from None
    except json.JSONDecodeError as error:
        raise DataError(f"expected a list of objects in JSON, got {error.msg}", path=path, line=error.lineno) from None
    except RecursionError:
        raise DataError("expected a list of objects in JSON, got lists within lists without end", path=path) from None
    except ValueError as error:
        raise DataError(str(error), path=path) from None
    for k, members in enumerate(found):
        if not isinstance(members, dict) or not all(map(is_text, members)):
            raise DataError(f"expected a list of objects in JSON, got {quoted(members)} at place {k}", path=path)
    return found


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


def _cell(name: str, value: Any, kind: Kind) -> Any:
    match kind:
        case "names":
            parts = value if isinstance(value, list) else [None if value != value else value]
            if not all(part is None or isinstance(part, str) for part in parts):
                raise ValueError(f"expected {quoted(name)} to hold names, got {quoted(value)}")
            return None if parts == [None] else parts
        case "number":
            if not isinstance(value, int | float) or not math.isfinite(value):
                raise ValueError(f"expected {quoted(name)}, a feature, to hold a number, got {quoted(value)}")
            return float(value)
        case "flag":
            if isinstance(value, list | dict):
                raise ValueError(f"expected {quoted(name)} to hold 0 or 1, got {quoted(value)}")
            return "" if value is None or value != value else str(value)
        case _:
            if isinstance(value, int) and not isinstance(value, bool):  # numbers of patients or folds
                return str(value)
            if not isinstance(value, str | None):
                raise ValueError(f"expected {quoted(name)} to hold text, got {quoted(value)}")
            return value


def _table(
    cells: list[dict[str, Any]], lines: Sequence[int | None], path: Path, wanted: Mapping[str, Kind]
) -> "pa.Table":
    import pyarrow as pa

    types = {"names": pa.list_(pa.string()), "number": pa.float64()}
    kinds = {name: types.get(kind, pa.string()) for name, kind in wanted.items()}
    try:
        columns = {name: pa.array([row.get(name) for row in cells], kinds[name]) for name in wanted}
    except UnicodeEncodeError:
        for row, line in zip(cells, lines, strict=True):
            _check_texts(row, line, path)
        raise
    return pa.table(columns)


def _check_texts(row: Mapping[str, Any], line: int | None, path: Path) -> None:
    for name, value in row.items():
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, str) and not is_text(part):
                half = next(letter for letter in part if not is_text(letter))
                came = f"half of one (a lone surrogate, {half!r}) in {quoted(part)}"
                raise DataError(f"expected {quoted(name)} to hold whole characters, got {came}", path=path, line=line)
