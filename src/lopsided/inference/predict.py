"""Probabilities of every sample, written batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from pyarrow.csv import CSVWriter
from pyarrow.parquet import ParquetWriter
from torch import Tensor

from lopsided.data import Data
from lopsided.data.readers.columns.joined import can_be_joined
from lopsided.data.readers.columns.roles import LABEL_PREFIX
from lopsided.files.whole import whole
from lopsided.inference.scores import batches_of
from lopsided.inference.scoring import default_split, scored_batches
from lopsided.inference.thresholds import decision_of
from lopsided.runs.folder import RunFolder, Trained

__all__ = ["predict"]

FORMATS = (".parquet", ".csv")

_COLUMN_TYPES = {str: pa.string(), int: pa.int64()}
_PROBABILITY = "p:"  # before the name of a label

# Probabilities written together. A Parquet file keeps 2 kB about each column of each part in memory until it is closed:
# with a part for every batch that would be more than the predictions.
_TOGETHER = 2**25


def predict(
    run: RunFolder,
    data: Data,
    out: Path,
    *,
    split: str | None = None,
    threshold: float | None = None,
    source: str | None = None,
    keep: bool = True,
) -> tuple[int, list[int]]:
    """Write one row for each sample: its number, or the path of its image; its predicted labels; and the probability
    of each label, freed from the bias of its loss and in the order of the scores. Of an image that cannot be opened
    these are empty. Predicted labels are joined by bars; where a name holds one, they are lists in Parquet, and in CSV
    each label has a 0/1 column.

    Args:
        run: A trained run.
        data: The data; only its inputs are read.
        out: The file to write, .parquet or .csv; whole or absent.
        split: Which split; by default test, else val, else the first.
        threshold: Probability above which a label is predicted, in [0, 1]; by default those that were chosen for the
            run, else 0.5.
        source: Where the data comes from, if it is not the run's own.
        keep: Read logits that another verb kept in the run; none are kept here.

    Returns:
        Number of samples, and the numbers of those whose image could not be opened.

    Raises:
        ValueError: The data does not fit the run, or the file's ending is another.
    """
    if out.suffix not in FORMATS:
        raise ValueError(f"expected the output to end in {' or '.join(FORMATS)}, got {out.name}")
    trained = run.load()
    decision = decision_of(run, trained, threshold)
    split = split or default_split(data)
    name, kind = data.row_column
    schema = _schema(trained.labels, (name, _COLUMN_TYPES[kind]), out.suffix)
    out.parent.mkdir(parents=True, exist_ok=True)
    count, unreadable, batch_size = 0, [], run.config().training.batch_size
    most = max(batch_size, min(len(data.rows(split)), _TOGETHER // len(trained.labels)))
    with whole(out) as part, _writer(part, schema, out.suffix) as file:
        batches = batches_of(run, trained, data, split=split, source=source, keep=keep)
        for probabilities, rows, absent in _together(batches, trained, most):
            file.write_table(_rows(probabilities, rows, absent, data, schema, threshold=decision.threshold))
            count += len(rows)
            unreadable += rows[absent].tolist()
    return count, unreadable


def likeliest(run: RunFolder, data: Data, *, threshold: float | None = None, fewest: int = 3) -> list[str]:
    """The predicted labels of some samples in words, such as ``cat 0.91, dog 0.62``, the likeliest first.

    Args:
        run: A trained run.
        data: The samples, in one split.
        threshold: As in :func:`predict`.
        fewest: Labels that are named where fewer are predicted, in brackets.
    """
    trained = run.load()
    above = torch.as_tensor(decision_of(run, trained, threshold).threshold).expand(len(trained.labels))
    lines = []
    for logits, _ in scored_batches(trained, data, split=default_split(data), batch_size=32):
        for row in trained.calibrator(logits):
            order = row.argsort(descending=True).tolist()
            named = [f"{trained.labels[k]} {float(row[k]):.2f}" for k in order if row[k] > above[k]]
            others = [f"{trained.labels[k]} {float(row[k]):.2f}" for k in order if not row[k] > above[k]]
            rest = others[: max(0, fewest - len(named))]
            lines.append(", ".join(named) + (" " * bool(named) + f"({', '.join(rest)})" if rest else ""))
    return lines


def _writer(path: Path, schema: pa.Schema, suffix: str) -> ParquetWriter | CSVWriter:
    if suffix == ".parquet":
        # A dictionary would not compress probabilities, of which hardly two are equal.
        return ParquetWriter(str(path), schema, use_dictionary=["labels"])  # pyright: ignore[reportArgumentType]
    return CSVWriter(str(path), schema)


def _together(
    batches: Iterator[tuple[Tensor, dict[str, Tensor]]], trained: Trained, most: int
) -> Iterator[tuple[Tensor, NDArray[np.int64], NDArray[np.bool_]]]:
    """Probabilities of many batches, their samples and which of these could not be opened.

    All share one block of memory: small pieces that stay would each pin large freed ones around them.
    """
    kept, rows, absent, filled = torch.empty(len(trained.labels), most), np.empty(most, int), np.empty(most, bool), 0
    for logits, batch in batches:
        if filled + len(logits) > most:
            yield kept[:, :filled].T, rows[:filled], absent[:filled]
            filled = 0
        place = slice(filled, filled + len(logits))
        kept[:, place], rows[place] = trained.calibrator(logits).T, batch["rows"].numpy()
        absent[place] = np.isin(rows[place], batch["unreadable"].numpy()) if "unreadable" in batch else False
        filled = place.stop
    yield kept[:, :filled].T, rows[:filled], absent[:filled]


def _rows(
    probabilities: Tensor,
    rows: NDArray[np.int64],
    absent: NDArray[np.bool_],
    data: Data,
    schema: pa.Schema,
    *,
    threshold: float | Tensor,
) -> pa.Table:
    names = [field.name.removeprefix(_PROBABILITY) for field in schema if field.name.startswith(_PROBABILITY)]
    mask = absent if absent.any() else None  # without one, probabilities are not copied
    columns = [pa.array(data.row_names(rows), schema[0].type)]
    columns += _decided(probabilities > threshold, names, schema, mask)
    columns += [pa.array(column, pa.float32(), mask=mask) for column in probabilities.T.numpy()]
    return pa.Table.from_arrays(columns, schema=schema)


def _schema(names: tuple[str, ...], which: tuple[str, pa.DataType], suffix: str) -> pa.Schema:
    """Columns of the file, which can be read as a listing whose labels are exactly the predicted ones."""
    if can_be_joined(names):
        decided = [("labels", pa.string())]
    elif suffix == ".parquet":
        decided = [("labels", pa.list_(pa.string()))]
    else:
        decided = [(LABEL_PREFIX + name, pa.int8()) for name in names]
    return pa.schema([which, *decided, *((_PROBABILITY + name, pa.float32()) for name in names)])


def _decided(positive: Tensor, names: list[str], schema: pa.Schema, mask: NDArray[np.bool_] | None) -> list[pa.Array]:
    if schema[1].name.startswith(LABEL_PREFIX):
        return [pa.array(column.astype(np.int8), mask=mask) for column in positive.T.numpy()]
    lists = [[names[k] for k in row.nonzero().flatten().tolist()] for row in positive]
    if schema[1].type == pa.string():
        return [pa.array(["|".join(found) for found in lists], pa.string(), mask=mask)]
    readable = lists if mask is None else [None if mask[row] else found for row, found in enumerate(lists)]
    return [pa.array(readable, schema[1].type)]
