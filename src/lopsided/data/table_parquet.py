"""Tables in Parquet files."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lopsided.data.cells import parse_flag, parse_names, parse_split
from lopsided.data.columns import LABEL_PREFIX, Roles, assign_roles, check_unknown, labels_of_rows
from lopsided.data.errors import DataError, quoted
from lopsided.data.memory import check_memory
from lopsided.data.table import Table, float32_features

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_ROW_NUMBERS_OF_PANDAS = re.compile(r"__index_level_\d+__")


def read_parquet(path: Path, *, label_names: Sequence[str] | None = None) -> Table:
    """Read a table from Parquet; the columns mean what ``read_table`` says.

    Args:
        path: The file.
        label_names: Labels of a run, if it is to be applied to the table.

    Returns:
        All rows in their order.

    Raises:
        DataError: The file is no such table; the message names the column and, counted from 0, the row.
    """
    import pyarrow as pa  # takes half a second, so only when wanted

    content = _read_content(path)
    try:
        roles = assign_roles(content.column_names, needs_labels=label_names is None)
        if not content.num_rows:
            raise ValueError("wanted rows, got none")
        blocks = [_features(content, i) for i in roles.features]
        if not blocks:
            raise ValueError("wanted at least one column of features, got none")
        positives, unknown = _labels(content, roles)
        return Table(
            name=path.stem,
            features=np.concatenate([block for block, _ in blocks], axis=1),
            labels=labels_of_rows(positives, unknown, roles, label_names=label_names),
            splits=_splits(content, roles),
            feature_names=tuple(name for _, names in blocks for name in names),
        )
    except (ValueError, pa.ArrowException) as error:
        raise DataError(str(error).splitlines()[0], path=path) from None


def _read_content(path: Path) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with path.open("rb") as file, pq.ParquetFile(file) as parquet:
            check_values(parquet, path)
            content = parquet.read()
            content.validate(full=True)
    except DataError:
        raise
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        raise DataError(f"wanted Parquet, got {quoted(str(error))}", path=path) from None
    return content.select([i for i, n in enumerate(content.column_names) if not _ROW_NUMBERS_OF_PANDAS.fullmatch(n)])


def check_values(parquet: "pq.ParquetFile", path: Path) -> None:
    """Refuse a file that says it holds more cells than there is memory: a billion equal ones take some bytes in it.

    Cells that hold lists count as one each; PyArrow 26 ends the process where a damaged file is asked for more.

    Raises:
        DataError: It does.
    """
    about = parquet.metadata
    rows = sum(about.row_group(i).num_rows for i in range(about.num_row_groups))
    check_memory(max(rows, about.num_rows) * about.num_columns, what="cells of a byte each, or more,", path=path)


def _is_number(kind: "pa.DataType") -> bool:
    import pyarrow.types as types

    return types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind) or types.is_decimal(kind)


def _numbers(column: "pa.ChunkedArray | pa.Array") -> np.ndarray:
    import pyarrow as pa

    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False))


def _features(content: "pa.Table", i: int) -> tuple[np.ndarray, list[str]]:
    """A column, or a column of lists of one length, as float32, shape (rows, features), and the names."""
    import pyarrow.compute as pc
    import pyarrow.types as types

    name, column = content.column_names[i], content.column(i)
    if column.null_count:
        row = column.is_null().to_pylist().index(True)
        raise ValueError(f"column {quoted(name)} is a feature and must hold numbers, got nothing in row {row}")
    kind = column.type
    if _is_number(kind):
        return float32_features(_numbers(column)[:, None]), [name]
    is_list = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    if not (is_list and _is_number(kind.value_type)):
        raise ValueError(f"column {quoted(name)} is a feature and must hold numbers, got {kind}")
    lengths = pc.call_function("list_value_length", [column]).to_numpy()
    if (lengths != lengths[0]).any():
        row = int(np.argmax(lengths != lengths[0]))
        raise ValueError(
            f"column {quoted(name)} must hold {lengths[0]} numbers per row, got {lengths[row]} in row {row}"
        )
    values = pc.call_function("list_flatten", [column])
    if values.null_count:
        raise ValueError(f"column {quoted(name)} is a feature and must hold numbers, got nothing within a list")
    numbers = _numbers(values).reshape(content.num_rows, lengths[0])
    return float32_features(numbers), [f"{name}[{k}]" for k in range(lengths[0])]


def _labels(content: "pa.Table", roles: Roles) -> tuple[list[list[str]], list[list[str]]]:
    rows = content.num_rows
    unknown = _name_lists(content, roles.unknown) if roles.unknown is not None else [[] for _ in range(rows)]
    positives = _name_lists(content, roles.labels) if roles.labels is not None else [[] for _ in range(rows)]
    empty: list[list[str]] = [[] for _ in range(rows)]
    for name, i in roles.label_columns.items():
        flags = _flags(content.column(i), name)
        for row in np.flatnonzero(flags == 1).tolist():
            positives[row].append(name)
        for row in np.flatnonzero(np.isnan(flags)).tolist():
            empty[row].append(name)
    for row in range(rows):
        try:
            check_unknown(positives[row], unknown[row], roles)
        except ValueError as error:
            raise ValueError(f"row {row}: {error}") from None
        unknown[row].extend(name for name in empty[row] if name not in unknown[row])
    return positives, unknown


def _name_lists(content: "pa.Table", i: int) -> list[list[str]]:
    found = []
    for row, cell in enumerate(content.column(i).to_pylist()):
        parts = cell if isinstance(cell, list) else [cell]
        if not all(part is None or isinstance(part, str) for part in parts):
            raise ValueError(
                f"column {quoted(content.column_names[i])} must hold names, got {quoted(cell)} in row {row}"
            )
        # An element of a list is one name, whatever characters it holds.
        names = parse_names(cell) if not isinstance(cell, list) else [part.strip() for part in cell if part]
        found.append(list(dict.fromkeys(name for name in names if name)))
    return found


def _flags(column: "pa.ChunkedArray", name: str) -> np.ndarray:
    """1 where positive, 0 where negative, nan where unknown; float64, shape (rows,)."""
    if _is_number(column.type):
        flags = _numbers(column)
    else:
        cells = [None if cell is None else parse_flag(str(cell)) for cell in column.to_pylist()]
        flags = np.array([np.nan if flag is None else float(flag) for flag in cells])
    wrong = ~np.isnan(flags) & (flags != 0) & (flags != 1)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(f"column {quoted(LABEL_PREFIX + name)} must hold 0 and 1, got {flags[row]:g} in row {row}")
    return flags


def _splits(content: "pa.Table", roles: Roles) -> np.ndarray:
    if roles.split is None:
        return np.full(content.num_rows, "train")
    cells = content.column(roles.split).to_pylist()
    return np.array([parse_split(None if cell is None else str(cell)) for cell in cells])
