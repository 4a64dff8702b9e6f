"""Probabilities of every sample, written batch by batch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import torch
from pyarrow.csv import CSVWriter
from pyarrow.parquet import ParquetWriter

from lopsided.data import Table
from lopsided.training.run_folder import RunFolder, Trained
from lopsided.training.scoring import default_split, scored_batches

FORMATS = (".parquet", ".csv")


def predict(run: RunFolder, table: Table, out: Path, *, split: str | None = None, threshold: float = 0.5) -> int:
    """Write one row for each sample: its number, its predicted labels, and the probability of each label.

    Args:
        run: A trained run.
        table: The data; only its inputs are read.
        out: The file to write, .parquet or .csv; whole or absent.
        split: Which split; by default test, else val, else the first.
        threshold: Probability above which a label is predicted, in [0, 1].

    Returns:
        Number of samples.

    Raises:
        ValueError: The data does not fit the run, or the file's ending is another.
    """
    if out.suffix not in FORMATS:
        raise ValueError(f"the output must end in {' or '.join(FORMATS)}, got {out.name}")
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold must lie in [0, 1], got {threshold}")
    trained = run.load()
    split = split or default_split(table)
    schema = pa.schema(
        [("row", pa.int64()), ("labels", pa.string()), *((f"p:{name}", pa.float32()) for name in trained.labels)]
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(out.name + ".part")
    writer = ParquetWriter if out.suffix == ".parquet" else CSVWriter
    count = 0
    try:
        with writer(str(part), schema) as file:
            for rows in _rows(run, trained, table, schema, split=split, threshold=threshold):
                file.write_table(rows)
                count += len(rows)
        os.replace(part, out)
    finally:
        part.unlink(missing_ok=True)
    return count


def _rows(
    run: RunFolder, trained: Trained, table: Table, schema: pa.Schema, *, split: str, threshold: float
) -> Iterator[pa.Table]:
    for logits, batch in scored_batches(trained, table, split=split, batch_size=run.config().training.batch_size):
        probabilities = torch.sigmoid(logits)
        chosen = [
            "|".join(trained.labels[k] for k in row.nonzero().flatten().tolist()) for row in probabilities > threshold
        ]
        columns = [batch["rows"].numpy(), chosen, *probabilities.T.contiguous().numpy()]
        arrays = [pa.array(column, type=field.type) for column, field in zip(columns, schema, strict=True)]
        yield pa.Table.from_arrays(arrays, schema=schema)
