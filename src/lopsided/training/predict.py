"""Probabilities of every sample, written batch by batch."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow.csv import CSVWriter
from pyarrow.parquet import ParquetWriter
from torch import Tensor

from lopsided.data import Data, Manifest
from lopsided.training.run_folder import RunFolder, Trained
from lopsided.training.scoring import default_split, scored_batches
from lopsided.training.thresholds import decision_of

FORMATS = (".parquet", ".csv")

# Cells written together. A Parquet file keeps 2 kB about each column of each part in memory until it is closed: with a
# part for every batch that would be more than the predictions.
_CELLS = 2**25


def predict(
    run: RunFolder, data: Data, out: Path, *, split: str | None = None, threshold: float | None = None
) -> tuple[int, list[int]]:
    """Write one row for each sample: its number, or the path of its image; its predicted labels; and the probability
    of each label, freed from the bias of its loss and in the order of the scores. Of an image that cannot be opened
    these are empty.

    Args:
        run: A trained run.
        data: The data; only its inputs are read.
        out: The file to write, .parquet or .csv; whole or absent.
        split: Which split; by default test, else val, else the first.
        threshold: Probability above which a label is predicted, in [0, 1]; by default those that were chosen for the
            run, else 0.5.

    Returns:
        Number of samples, and the numbers of those whose image could not be opened.

    Raises:
        ValueError: The data does not fit the run, or the file's ending is another.
    """
    if out.suffix not in FORMATS:
        raise ValueError(f"the output must end in {' or '.join(FORMATS)}, got {out.name}")
    trained = run.load()
    decision = decision_of(run, trained, threshold)
    split = split or default_split(data)
    which = ("path", pa.string()) if isinstance(data, Manifest) else ("row", pa.int64())
    schema = pa.schema([which, ("labels", pa.string()), *((f"p:{name}", pa.float32()) for name in trained.labels)])
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(out.name + ".part")
    count, unreadable, pending = 0, [], list[pa.Table]()
    try:
        with _writer(part, schema, out.suffix) as file:
            batches = scored_batches(trained, data, split=split, batch_size=run.config().training.batch_size)
            for logits, batch in batches:
                pending.append(_rows(logits, batch, trained, data, schema, threshold=decision.threshold))
                if sum(table.num_rows for table in pending) * len(schema) >= _CELLS:
                    file.write_table(pa.concat_tables(pending))
                    pending.clear()
                count += len(logits)
                unreadable += batch["unreadable"].tolist() if "unreadable" in batch else []
            if pending:
                file.write_table(pa.concat_tables(pending))
        os.replace(part, out)
    finally:
        part.unlink(missing_ok=True)
    return count, unreadable


def _writer(path: Path, schema: pa.Schema, suffix: str) -> ParquetWriter | CSVWriter:
    if suffix == ".parquet":
        # A dictionary would say nothing of probabilities, of which hardly two are equal.
        return ParquetWriter(str(path), schema, use_dictionary=["labels"])  # pyright: ignore[reportArgumentType]
    return CSVWriter(str(path), schema)


def _rows(
    logits: Tensor,
    batch: dict[str, Tensor],
    trained: Trained,
    data: Data,
    schema: pa.Schema,
    *,
    threshold: float | Tensor,
) -> pa.Table:
    probabilities = trained.calibrator(logits)
    chosen = [
        "|".join(trained.labels[k] for k in row.nonzero().flatten().tolist()) for row in probabilities > threshold
    ]
    rows = batch["rows"].numpy()
    which = [str(data.paths[row]) for row in rows] if isinstance(data, Manifest) else rows
    absent = np.isin(rows, batch["unreadable"].numpy()) if "unreadable" in batch else None
    columns = [pa.array(which, schema[0].type)]
    for column, field in zip([chosen, *probabilities.T.contiguous().numpy()], list(schema)[1:], strict=True):
        columns.append(pa.array(column, field.type, mask=absent))
    return pa.Table.from_arrays(columns, schema=schema)
