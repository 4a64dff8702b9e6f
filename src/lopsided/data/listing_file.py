"""The columns of a listing in a file: CSV, TSV, Parquet or JSON lines."""
# pyright: reportAttributeAccessIssue=false
# (PyArrow makes the functions of pyarrow.compute while it is imported, where pyright does not see them.)

import csv
import re
from pathlib import Path
from typing import TYPE_CHECKING

from lopsided.data.errors import DataError, quoted
from lopsided.data.listing_columns import kind_of_column
from lopsided.data.listing_json import read_json_lines
from lopsided.data.regular_file import check_regular
from lopsided.data.table_parquet import check_values

if TYPE_CHECKING:
    import pyarrow as pa

_WRONG_ROW = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+)")  # as PyArrow says it

SUFFIXES = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson", ".json")


def read_columns(path: Path) -> "pa.Table":
    """Read all columns that may play a role in a listing.

    Args:
        path: The file; its name says what it is.

    Returns:
        All columns in their order; those without a role hold nothing. Those of CSV and TSV are text.

    Raises:
        DataError: The file is of another kind, or damaged; the message names the row or the line.
    """
    match path.suffix.lower():
        case ".csv":
            return read_text_columns(path)
        case ".tsv":
            return read_text_columns(path, delimiter="\t")
        case ".parquet":
            return _read_parquet(path)
        case ".jsonl" | ".ndjson" | ".json":
            return read_json_lines(path)
        case suffix:
            raise DataError(f"wanted a listing {', '.join(SUFFIXES)} or a folder, got {quoted(suffix)}", path=path)


def read_text_columns(path: Path, *, delimiter: str = ",", extra: tuple[str, ...] = ()) -> "pa.Table":
    """Read the columns of a CSV file as text.

    Args:
        path: The file, in UTF-8.
        delimiter: What separates the cells.
        extra: Names of columns to read beside those that may play a role in a listing.

    Returns:
        All columns in their order; what was not read holds nothing.

    Raises:
        DataError: The file is no such table.
    """
    import pyarrow as pa
    import pyarrow.csv

    check_regular(path)
    names = _column_names(path, delimiter)
    read = list(dict.fromkeys(name for name in names if name in extra or kind_of_column(name)))
    if not read:  # of no names, PyArrow would read all columns
        return _with_the_rest(pa.table({}), names)
    try:
        content = pyarrow.csv.read_csv(
            path,
            read_options=pyarrow.csv.ReadOptions(use_threads=False),  # with threads, rows have no numbers
            parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(read, pa.string()), include_columns=read, strings_can_be_null=False
            ),
        )
    except pa.ArrowException as error:
        _check_utf8(path)
        if (wrong := _WRONG_ROW.search(str(error))) is not None:
            row, wanted, came = map(int, wrong.groups())
            raise DataError(f"wanted {wanted} cells, got {came} in row {row - 2} (from 0)", path=path) from None
        raise DataError(f"wanted a table, got {quoted(str(error))}", path=path) from None
    _check_lines(content, path)
    return _with_the_rest(content, names)


def _column_names(path: Path, delimiter: str) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            names = next((row for row in csv.reader(file, delimiter=delimiter) if row), None)
    except (UnicodeDecodeError, csv.Error):
        _check_utf8(path)
        names = None
    if not names:
        raise DataError("wanted a first line of column names, got none", path=path)
    return names


def _check_utf8(path: Path) -> None:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                raise DataError("wanted text in UTF-8, got other bytes", path=path, line=number) from None


def _check_lines(content: "pa.Table", path: Path) -> None:
    """A quote that nobody closes swallows the lines below it."""
    import pyarrow.compute as pc

    for name in content.column_names:
        broken = pc.match_substring(content[name], "\n")
        if pc.any(broken).as_py():
            row = pc.index(broken, True).as_py()
            raise DataError(
                f"wanted cells of one line, got several in column {quoted(name)}, row {row} (from 0): is a quote open?",
                path=path,
            )


def _read_parquet(path: Path) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with path.open("rb") as file, pq.ParquetFile(file) as parquet:
            check_values(parquet, path)
            names = parquet.schema_arrow.names
            content = parquet.read(columns=list(dict.fromkeys(name for name in names if kind_of_column(name))))
            content.validate(full=True)
    except DataError:
        raise
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        raise DataError(f"wanted Parquet, got {quoted(str(error))}", path=path) from None
    return _with_the_rest(content, names)


def _with_the_rest(content: "pa.Table", names: list[str]) -> "pa.Table":
    """All columns of a file, of which only some were read."""
    import pyarrow as pa

    read = dict(zip(content.column_names, content.columns, strict=True))
    return pa.table([read.get(name, pa.nulls(content.num_rows)) for name in names], names=names)
