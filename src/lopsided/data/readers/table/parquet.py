"""Tables in Parquet files, and in JSON."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lopsided.data.features import exact_features
from lopsided.data.readers.columns.file import read_parquet_file
from lopsided.data.readers.columns.json_lines import names_in_json, read_json
from lopsided.data.readers.columns.labels import (
    groups_of_columns,
    labels_of_columns,
    listing_splits,
    weights_of_columns,
)
from lopsided.data.readers.columns.meaning import Meaning
from lopsided.data.readers.columns.roles import NO_FEATURE, Kind, Said, table_roles
from lopsided.data.table import Table
from lopsided.files.errors import DataError, quoted

if TYPE_CHECKING:
    import pyarrow as pa

_ROW_NUMBERS_OF_PANDAS = re.compile(r"__index_level_\d+__")


def read_parquet(path: Path, said: Said, meaning: Meaning, *, label_names: Sequence[str] | None = None) -> Table:
    """Read a table from Parquet; the columns mean what ``read_table`` says.

    Args:
        path: The file.
        said: What the user says of columns.
        meaning: How cells of labels are read.
        label_names: Names of labels; if given, the file may say nothing of labels.

    Returns:
        All rows in their order.

    Raises:
        DataError: The file is no such table; the message names the column and, counted from 0, the row.
    """
    content, notes = _read_content(path)
    return table_of_columns(path, content, said, meaning, label_names=label_names, notes=notes)


def read_json_table(path: Path, said: Said, meaning: Meaning, *, label_names: Sequence[str] | None = None) -> Table:
    """Read a table from JSON, an object on each line or one list of objects; takes and raises what
    :func:`read_parquet` does."""
    names = names_in_json(path)
    try:
        roles = table_roles(names, said, needs_labels=label_names is None)
    except ValueError as error:
        raise DataError(str(error), path=path) from None
    kinds: dict[int, Kind] = dict.fromkeys(roles.features, "number")
    content = read_json(path, names, roles.kinds() | kinds, separator=meaning.separator)
    return table_of_columns(path, content, said, meaning, label_names=label_names)


def table_of_columns(
    path: Path,
    content: "pa.Table",
    said: Said,
    meaning: Meaning,
    *,
    label_names: Sequence[str] | None,
    notes: tuple[str, ...] = (),
) -> Table:
    """A table of columns that Arrow holds; takes and raises what :func:`read_parquet` does."""
    import pyarrow as pa  # takes half a second, so it is imported only when needed

    try:
        roles = table_roles(content.column_names, said, needs_labels=label_names is None)
        if not content.num_rows:
            raise ValueError("expected rows, got none")
        blocks = [_features(content, i) for i in roles.features]
        if not blocks:
            raise ValueError("expected at least one column of features, got none")
        labels, more = labels_of_columns(content, roles, label_names=label_names, meaning=meaning)
        return Table(
            name=path.stem,
            features=np.concatenate([block for block, _ in blocks], axis=1),
            labels=labels,
            splits=listing_splits(content, roles.split),
            feature_names=tuple(name for _, names in blocks for name in names),
            notes=notes + more,
            groups=groups_of_columns(content, roles.group),
            weights=weights_of_columns(content, roles.weight),
            columns=roles.named(content.column_names) | meaning.described(),
        )
    except (ValueError, pa.ArrowException) as error:
        raise DataError(str(error).splitlines()[0], path=path) from None


def _read_content(path: Path) -> tuple["pa.Table", tuple[str, ...]]:
    """All columns except the row numbers of pandas, and a note on these."""
    content = read_parquet_file(path, wanted=bool)
    numbers = [name for name in content.column_names if _ROW_NUMBERS_OF_PANDAS.fullmatch(name)]
    notes = tuple(f"the column {quoted(name)} holds row numbers of pandas: left out" for name in numbers)
    return content.select([i for i, name in enumerate(content.column_names) if name not in numbers]), notes


def _is_number(kind: "pa.DataType") -> bool:
    import pyarrow.types as types

    return types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind) or types.is_decimal(kind)


def _numbers(column: "pa.ChunkedArray | pa.Array") -> np.ndarray:
    import pyarrow as pa
    import pyarrow.types as types

    # PyArrow refuses whole numbers beyond 2 ** 53, such as Unix times in nanoseconds; other readers take the nearest.
    nearest = column.cast(pa.float64(), safe=not types.is_integer(column.type))
    return np.asarray(nearest.to_numpy(zero_copy_only=False))


def _features(content: "pa.Table", i: int) -> tuple[np.ndarray, list[str]]:
    """A column, or a column of lists of one length, as float32, shape (rows, features), and the names."""
    import pyarrow.compute as pc
    import pyarrow.types as types

    name, column = content.column_names[i], content.column(i)
    if column.null_count:
        row = column.is_null().to_pylist().index(True)
        raise ValueError(f"expected column {quoted(name)}, a feature, to hold numbers, got nothing in row {row}")
    kind = column.type
    if _is_number(kind):
        return exact_features(_numbers(column)[:, None]), [name]
    is_list = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    if not (is_list and _is_number(kind.value_type)):
        raise ValueError(f"expected column {quoted(name)}, a feature, to hold numbers, got {kind}{NO_FEATURE}")
    lengths = pc.call_function("list_value_length", [column]).to_numpy()
    if (lengths != lengths[0]).any():
        row = int(np.argmax(lengths != lengths[0]))
        raise ValueError(
            f"expected column {quoted(name)} to hold {lengths[0]} numbers per row, got {lengths[row]} in row {row}"
        )
    values = pc.call_function("list_flatten", [column])
    if values.null_count:
        raise ValueError(f"expected column {quoted(name)}, a feature, to hold numbers, got nothing within a list")
    numbers = _numbers(values).reshape(content.num_rows, lengths[0])
    return exact_features(numbers), [f"{name}[{k}]" for k in range(lengths[0])]
