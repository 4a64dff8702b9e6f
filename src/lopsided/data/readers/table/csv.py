"""Tables in CSV and TSV files."""

from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from lopsided.data.cell_values import parse_number
from lopsided.data.features import exact_features
from lopsided.data.readers.columns.file import DELIMITERS, text_columns
from lopsided.data.readers.columns.labels import (
    groups_of_columns,
    labels_of_columns,
    listing_splits,
    weights_of_columns,
)
from lopsided.data.readers.columns.meaning import Meaning
from lopsided.data.readers.columns.roles import NO_FEATURE, Roles, Said, table_roles
from lopsided.data.table import Table
from lopsided.files.csv_file import CsvFile, read_csv_file
from lopsided.files.errors import DataError, RowError, quoted


def read_csv(path: Path, said: Said, meaning: Meaning, *, label_names: Sequence[str] | None = None) -> Table:
    """Read a table from CSV or TSV; the columns mean what ``read_table`` says.

    Args:
        path: The file.
        said: What the user says of columns.
        meaning: How cells of labels are read.
        label_names: Names of labels; if given, the file may say nothing of labels.

    Returns:
        All rows in their order.

    Raises:
        DataError: The file is no such table; the message names the line.
    """
    file = read_csv_file(path, separator=DELIMITERS[path.suffix.lower()])
    try:
        roles = table_roles(file.names, said, needs_labels=label_names is None)
    except ValueError as error:
        raise DataError(str(error), path=path, line=file.first_line) from None
    if not roles.features:
        raise DataError("expected at least one column of features, got none", path=path, line=file.first_line)
    numbers, lines = array("d"), array("q")
    rows = _with_numbers(file, roles, numbers, lines)
    columns, count = text_columns(rows, sorted(roles.kinds()))
    if not count:
        raise DataError("expected rows below the column names, got none", path=path)
    try:
        return _table(file, roles, columns, np.asarray(numbers).reshape(count, -1), label_names, meaning)
    except RowError as error:
        raise DataError(error.message, path=path, line=lines[error.row]) from None
    except ValueError as error:
        raise DataError(str(error), path=path) from None


def _table(
    file: CsvFile,
    roles: Roles,
    columns: dict,
    numbers: np.ndarray,
    label_names: Sequence[str] | None,
    meaning: Meaning,
) -> Table:
    import pyarrow as pa

    names = tuple(file.names[i] for i in roles.features)
    _check_finite(numbers, names)
    empty = pa.nulls(len(numbers))
    content = pa.table([columns.get(i, empty) for i in range(len(file.names))], names=list(file.names))
    labels, notes = labels_of_columns(content, roles, label_names=label_names, meaning=meaning)
    return Table(
        name=file.path.stem,
        features=exact_features(numbers),
        labels=labels,
        splits=listing_splits(content, roles.split),
        feature_names=names,
        notes=notes,
        groups=groups_of_columns(content, roles.group),
        weights=weights_of_columns(content, roles.weight),
        columns=roles.named(file.names) | meaning.described(),
    )


def _with_numbers(file: CsvFile, roles: Roles, numbers: array, lines: array) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a file, and gather their features as numbers, and their lines."""
    for line, row in file.rows():
        cells = [row[i] for i in roles.features]
        joined = "".join(cells)
        try:
            numbers.extend(map(float, cells))
        except ValueError:
            _refuse_words(file, roles, row, line)
        if "_" in joined or not joined.isascii():  # Python reads 1_000 and digits of other scripts as numbers
            _refuse_words(file, roles, row, line)
        lines.append(line)
        yield line, row


def _refuse_words(file: CsvFile, roles: Roles, row: list[str], line: int) -> None:
    for i in roles.features:
        try:
            parse_number(row[i])
        except ValueError as error:
            message = f"expected column {quoted(file.names[i])}, a feature, to hold numbers, got {error}{NO_FEATURE}"
            raise DataError(message, path=file.path, line=line) from None


def _check_finite(numbers: np.ndarray, names: Sequence[str]) -> None:
    finite = np.isfinite(numbers)
    if not finite.all():
        row, column = np.argwhere(~finite)[0].tolist()
        what = f"expected column {quoted(names[column])}, a feature, to hold numbers"
        raise RowError(row, f"{what}, got {numbers[row, column]}, which is not finite")
