"""Which labels of Open Images people verified, from a file of many millions of lines."""
# pyright: reportAttributeAccessIssue=false
# (PyArrow makes the functions of pyarrow.compute while it is imported, where pyright does not see them.)

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lopsided.files.errors import DataError, quoted
from lopsided.files.regular import check_regular

if TYPE_CHECKING:
    import pyarrow as pa

_COLUMNS = ("ImageID", "LabelName", "Confidence")
_BLOCK = 16 << 20  # bytes of the file in memory at one time
_DIGITS = np.full(256, 255, dtype=np.uint8)
_DIGITS[np.frombuffer(b"0123456789abcdef", dtype=np.uint8)] = np.arange(16)


@dataclass(frozen=True)
class Verified:
    """Labels that people verified, one entry each; a label may have several.

    Args:
        rows: Number of the image, int32, shape (entries,).
        columns: Number of the label, int32, shape (entries,).
        positive: Whether the image has the label, bool, shape (entries,).
    """

    rows: np.ndarray
    columns: np.ndarray
    positive: np.ndarray


def read_verified(path: Path, *, mids: tuple[str, ...], images: np.ndarray) -> Verified:
    """Read the labels of these images and classes; each takes 9 bytes of memory.

    Args:
        path: CSV with the columns ``ImageID``, ``LabelName`` and ``Confidence``: 1 where people say that the image has
            the label, 0 where they say that it does not.
        mids: Classes; a label's column is the place of its class here.
        images: IDs as numbers, uint64, ascending, at least one; a label's row is the place of its image here.

    Returns:
        The labels, in the order of the file.

    Raises:
        DataError: The file is no such table, or a label was not verified by people; the message names the row.
    """
    import pyarrow as pa
    import pyarrow.csv

    check_regular(path)
    convert = pyarrow.csv.ConvertOptions(
        include_columns=list(_COLUMNS),
        column_types=dict(zip(_COLUMNS, (pa.binary(16), pa.string(), pa.float64()), strict=True)),
    )
    read = pyarrow.csv.ReadOptions(block_size=_BLOCK)
    classes, found, start = pa.array(mids, pa.string()), [_nothing()], 0
    try:
        with pyarrow.csv.open_csv(path, read_options=read, convert_options=convert) as reader:
            for batch in reader:
                found.append(_labels_of(batch, classes, images, start))
                start += batch.num_rows
    except pa.ArrowException as error:
        raise DataError(f"expected a table with {', '.join(_COLUMNS)}, got {quoted(str(error))}", path=path) from None
    except ValueError as error:
        raise DataError(str(error), path=path) from None
    _check_lines(path, rows=start)
    parts = zip(*((part.rows, part.columns, part.positive) for part in found), strict=True)
    return Verified(*map(np.concatenate, parts))


def _check_lines(path: Path, *, rows: int) -> None:
    """Refuse a file of fewer rows than lines: no cell goes on in another line, unless a stray quote swallowed it."""
    lines, odd = 0, 0  # the second: the first line with a quote that it does not close
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                lines += 1
                odd = odd or number * (line.count(b'"') % 2)
    if rows < lines - 1:
        came = f"{rows} rows in {lines - 1} lines: a quote is open"
        raise DataError(f"expected a row in each line, got {came}", path=path, line=odd or None)


def _nothing() -> Verified:
    return Verified(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, bool))


def _labels_of(batch: "pa.RecordBatch", classes: "pa.Array", images: np.ndarray, start: int) -> Verified:
    """Entries of some rows of the file, the first of which has the number ``start``."""
    import pyarrow.compute as pc

    texts, names, confidence = (batch.column(name) for name in _COLUMNS)
    ids = _numbers(texts, start)
    sure = pc.fill_null(confidence, np.nan).to_numpy()
    wrong = (sure != 0) & (sure != 1)
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"expected labels that people verified, with a Confidence of 0 or 1, got {sure[row]:g} in row "
            f"{start + row} (from 0)"
        )
    columns = pc.fill_null(pc.index_in(names, classes), -1).to_numpy()
    rows = np.minimum(np.searchsorted(images, ids), len(images) - 1)
    kept = (columns >= 0) & (images[rows] == ids)
    return Verified(rows[kept].astype(np.int32), columns[kept], sure[kept] == 1)


def _numbers(texts: "pa.FixedSizeBinaryArray", start: int) -> np.ndarray:
    """IDs, 16 hexadecimal digits each, as numbers, uint64."""
    content = np.frombuffer(texts.buffers()[1], dtype=np.uint8)
    letters = content[16 * texts.offset : 16 * (texts.offset + len(texts))].reshape(-1, 16)
    digits = _DIGITS[letters]
    if texts.null_count or digits.max(initial=0) > 15:
        row = int((digits > 15).any(axis=1).argmax())
        came = quoted(letters[row].tobytes().decode(errors="replace"))
        raise ValueError(
            f"expected an ImageID of 16 digits 0 to 9 and a to f, got {came} in row {start + row} (from 0)"
        )
    return ((digits[:, ::2] << 4) | digits[:, 1::2]).view(">u8")[:, 0].astype(np.uint64)
