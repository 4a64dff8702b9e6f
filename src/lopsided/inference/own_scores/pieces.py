"""Scores that are too many to hold, read from their file some samples at a time."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lopsided.files.errors import DataError, RowError, quoted
from lopsided.inference.by_label.blocks import AT_A_TIME, too_many

if TYPE_CHECKING:
    import pyarrow as pa

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


@dataclass(frozen=True, eq=False)
class Pieces:
    """Scores of a file.

    Args:
        shape: Number of rows, and of labels.
        dtype: Of the scores.
        read: Starts to read the file, and gives the scores of the next rows, each time of shape (some rows, labels).
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    read: Callable[[], Iterator[np.ndarray]]

    def __len__(self) -> int:
        return self.shape[0]


def pieces_of_npz(path: Path) -> Pieces | None:
    """The array ``scores`` of an NPZ file, packed or not; None where it can be held, or has another form.

    It lies there sample by sample, unless it was transposed, which is an array of another form.
    """
    try:
        with zipfile.ZipFile(path) as archive, archive.open("scores.npy") as file:
            shape, by_columns, dtype = _HEADERS[np.lib.format.read_magic(file)](file)
            there = archive.getinfo("scores.npy").file_size
    except Exception:  # whoever reads all arrays says what is wrong
        return None
    if by_columns or dtype.kind not in "fiu" or len(shape) != 2 or min(shape) < 1 or not too_many(*shape):
        return None
    if there < math.prod(shape) * dtype.itemsize:
        return None

    def read() -> Iterator[np.ndarray]:
        rows, at = max(1, AT_A_TIME // shape[1]), 0
        try:
            with zipfile.ZipFile(path) as archive, archive.open("scores.npy") as file:
                _HEADERS[np.lib.format.read_magic(file)](file)
                while at < shape[0]:
                    size = min(rows, shape[0] - at), shape[1]
                    yield np.frombuffer(file.read(math.prod(size) * dtype.itemsize), dtype).reshape(size)
                    at += size[0]
        except Exception as error:  # a damaged archive may fail anywhere
            came = quoted(str(error) or type(error).__name__)
            raise DataError(f"expected arrays in NPZ, got {came}", path=path) from None

    return Pieces(shape, dtype, read)


def pieces_of_parquet(
    path: Path, is_score: Callable[[str], bool], scores_in: Callable[[pa.Table], np.ndarray]
) -> Pieces | None:
    """The columns of scores of a Parquet file; None where they can be held, or there is none.

    Args:
        path: The file.
        is_score: Whether a column of some name holds scores.
        scores_in: Gives the scores of some rows; raises RowError with a number among these.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with path.open("rb") as file, pq.ParquetFile(file) as parquet:
            about, names = parquet.metadata, [name for name in parquet.schema_arrow.names if is_score(name)]
            leaves = [i for i in range(about.num_columns) if is_score(about.schema.column(i).path.split(".list.")[0])]
            groups = [about.row_group(i) for i in range(about.num_row_groups)]
            count = sum(group.column(i).num_values for group in groups for i in leaves)
    except (pa.ArrowException, OSError, ValueError, MemoryError):  # whoever reads all columns says what is wrong
        return None
    if not too_many(count, 1) or len(set(names)) < len(names):
        return None
    at_once = max(1, AT_A_TIME * about.num_rows // count)

    def read() -> Iterator[np.ndarray]:
        at, width = 0, None
        try:
            with path.open("rb") as file, pq.ParquetFile(file) as parquet:
                for batch in parquet.iter_batches(at_once, columns=names):
                    content = pa.Table.from_batches([batch])
                    content.validate(full=True)
                    part = _scores(content, scores_in, at)
                    if part.shape[1] != (width or part.shape[1]):
                        raise RowError(at, f"expected {width} scores as in the rows before, got {part.shape[1]}")
                    at, width = at + len(part), part.shape[1]
                    yield part
        except (pa.ArrowException, OSError, MemoryError) as error:
            raise DataError(f"expected Parquet, got {quoted(str(error))}", path=path) from None
        except ValueError as error:
            raise DataError(str(error), path=path) from None

    first = next(read(), None)
    return None if first is None else Pieces((about.num_rows, first.shape[1]), first.dtype, read)


def _scores(content: pa.Table, scores_in: Callable[[pa.Table], np.ndarray], start: int) -> np.ndarray:
    try:
        return scores_in(content)
    except RowError as error:
        raise RowError(error.row + start, error.message) from None
