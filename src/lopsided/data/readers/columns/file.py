"""The columns of a listing in a file: CSV, TSV, Parquet or JSON lines."""
# pyright: reportAttributeAccessIssue=false
# (PyArrow makes the functions of pyarrow.compute while it is imported, where pyright does not see them.)

import itertools
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lopsided.data.readers.columns.hugging_face import with_class_names
from lopsided.data.readers.columns.json_lines import names_in_json, read_json
from lopsided.data.readers.columns.roles import Roles
from lopsided.files.csv_file import CsvFile, read_csv_file
from lopsided.files.errors import DataError, quoted
from lopsided.files.memory import check_memory

if TYPE_CHECKING:
    import pyarrow as pa

_CHUNK = 50_000  # rows that are Python objects at the same time

DELIMITERS = {".csv": ",", ".tsv": "\t"}
"""The separator of cells by the ending of a file's name."""

SUFFIXES = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson", ".json")


def read_columns(
    path: Path, roles_of: Callable[[Sequence[str]], Roles], *, separator: str | None = None
) -> tuple["pa.Table", Roles]:
    """Read all columns that play a role in a listing.

    Args:
        path: The file; its ending says what kind it is.
        roles_of: Gives the roles of columns, from their names.
        separator: What joins names in a text, in JSON that also has lists of names.

    Returns:
        All columns in their order, and their roles; those without a role are empty. Those of CSV and TSV are text.

    Raises:
        DataError: The file is of another kind, or damaged; the message names the row or the line.
    """
    match path.suffix.lower():
        case ".csv" | ".tsv" as suffix:
            file = read_csv_file(path, separator=DELIMITERS[suffix])
            roles = _roles(path, roles_of, file.names, line=file.first_line)
            return text_table(file, list(roles.kinds())), roles
        case ".parquet":
            names = names_in_parquet(path)
            roles = _roles(path, roles_of, names)
            wanted = {names[i] for i in roles.kinds()}
            content = read_parquet_file(path, wanted=wanted.__contains__)
            return _with_class_names(content, roles, path), roles
        case ".jsonl" | ".ndjson" | ".json":
            names = names_in_json(path)
            roles = _roles(path, roles_of, names)
            return read_json(path, names, roles.kinds(), separator=separator), roles
        case suffix:
            raise DataError(f"expected a listing {', '.join(SUFFIXES)} or a folder, got {quoted(suffix)}", path=path)


def _with_class_names(content: "pa.Table", roles: Roles, path: Path) -> "pa.Table":
    if roles.labels is None:
        return content
    name = content.column_names[roles.labels]
    try:
        named = with_class_names(content.column(roles.labels), name, path)
    except ValueError as error:
        raise DataError(str(error), path=path) from None
    return content.set_column(roles.labels, name, named)


def _roles(
    path: Path, roles_of: Callable[[Sequence[str]], Roles], names: Sequence[str], *, line: int | None = None
) -> Roles:
    try:
        return roles_of(names)
    except ValueError as error:
        raise DataError(str(error), path=path, line=line) from None


def text_table(file: CsvFile, places: Sequence[int]) -> "pa.Table":
    """The columns of a CSV file, of which those at some places are text and the others empty."""
    import pyarrow as pa

    columns, count = text_columns(file.rows(), places)
    return pa.table([columns.get(i, pa.nulls(count)) for i in range(len(file.names))], names=list(file.names))


def text_columns(
    rows: Iterable[tuple[int, list[str]]], places: Sequence[int]
) -> tuple[dict[int, "pa.ChunkedArray"], int]:
    """Some columns of rows of cells, by their numbers, and the number of rows."""
    import pyarrow as pa

    chunks: dict[int, list[pa.Array]] = {i: [] for i in places}
    cells: dict[int, list[str]] = {i: [] for i in places}
    count = 0
    for count, (_, row) in enumerate(rows, 1):
        for i, column in cells.items():
            column.append(row[i])
        if count % _CHUNK == 0:
            for i, column in cells.items():
                chunks[i].append(pa.array(column, pa.large_string()))
                column.clear()
    for i, column in cells.items():
        chunks[i].append(pa.array(column, pa.large_string()))
    return {i: pa.chunked_array(found, pa.large_string()) for i, found in chunks.items()}, count


def line_of_row(path: Path, row: int) -> int | None:
    """The line, from 1, of a row, from 0, in a file that was read; None where the file has no lines."""
    match path.suffix.lower():
        case ".csv" | ".tsv" as suffix:
            rows = read_csv_file(path, separator=DELIMITERS[suffix]).rows()
            return next(itertools.islice((line for line, _ in rows), row, None))
        case ".jsonl" | ".ndjson" | ".json":
            with path.open("rb") as file:
                lines = (number for number, line in enumerate(file, 1) if line.strip())
                return next(itertools.islice(lines, row, None))
    return None


def names_in_parquet(path: Path) -> list[str]:
    """Names of the columns of a Parquet file, in their order.

    Raises:
        DataError: The file is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with path.open("rb") as file:
            return pq.read_schema(file).names
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        raise DataError(f"expected Parquet, got {quoted(str(error))}", path=path) from None


def read_parquet_file(path: Path, *, wanted: Callable[[str], object]) -> "pa.Table":
    """Read columns of a Parquet file. A file that claims more cells than memory holds is refused, because a billion
    equal cells take only some bytes in it; a cell that holds a list counts as one.

    Args:
        path: The file.
        wanted: Whether a column of some name is read; the others are empty.

    Returns:
        All columns in their order.

    Raises:
        DataError: The file is damaged or too large.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with path.open("rb") as file, pq.ParquetFile(file) as parquet:
            about, names = parquet.metadata, parquet.schema_arrow.names
            # PyArrow 26 ends the process where a damaged file is asked for more.
            rows = max(about.num_rows, sum(about.row_group(i).num_rows for i in range(about.num_row_groups)))
            check_memory(rows * about.num_columns, what="cells of a byte each, or more,", path=path)
            chosen = None if all(map(wanted, names)) else list(dict.fromkeys(filter(wanted, names)))
            content = parquet.read(columns=chosen)
            content.validate(full=True)
    except DataError:
        raise
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        raise DataError(f"expected Parquet, got {quoted(str(error))}", path=path) from None
    if content.column_names == names:
        return content
    read = dict(zip(content.column_names, content.columns, strict=True))
    return pa.table([read.get(name, pa.nulls(content.num_rows)) for name in names], names=names)
