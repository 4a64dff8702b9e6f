"""The most probable labels of every sample, for label sets of which nobody wants every probability."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow.csv import CSVWriter
from pyarrow.parquet import ParquetWriter

from lopsided.data import Data
from lopsided.files.whole import whole
from lopsided.inference.scoring import default_split, scored_batches
from lopsided.runs.folder import RunFolder

FORMATS = (".parquet", ".csv")

_COLUMN_TYPES = {str: pa.string(), int: pa.int64()}


def predict_top(
    run: RunFolder, data: Data, out: Path, *, top_k: int, split: str | None = None
) -> tuple[int, list[int]]:
    """Write ``top_k`` rows for each sample: its number or name, rank from 1, label and probability, highest first.

    No more than one batch is held. Images that cannot be opened have no rows.

    Args:
        run: A trained run.
        data: The data; only its inputs are read.
        out: The file to write, .parquet or .csv; whole or absent.
        top_k: How many labels of each sample, from 1 to their number.
        split: Which split; by default test, else val, else the first.

    Returns:
        Number of samples, and the numbers of those whose image could not be opened.

    Raises:
        ValueError: There are fewer labels, the data does not fit the run, or the file's ending is another.
    """
    if out.suffix not in FORMATS:
        raise ValueError(f"expected the output to end in {' or '.join(FORMATS)}, got {out.name}")
    trained = run.load()
    if not 1 <= top_k <= len(trained.labels):
        raise ValueError(f"expected top_k to lie in 1 to {len(trained.labels)}, the number of labels, got {top_k}")
    name, kind = data.row_column
    columns = [(name, _COLUMN_TYPES[kind]), ("rank", pa.int32()), ("label", pa.string()), ("probability", pa.float32())]
    schema, labels = pa.schema(columns), np.array(trained.labels, dtype=object)
    out.parent.mkdir(parents=True, exist_ok=True)
    count, unreadable, batch_size = 0, list[int](), run.config().training.batch_size
    writer = ParquetWriter if out.suffix == ".parquet" else CSVWriter
    with whole(out) as part, writer(str(part), schema) as file:
        for logits, batch in scored_batches(trained, data, split=split or default_split(data), batch_size=batch_size):
            rows = batch["rows"].numpy()
            absent = batch["unreadable"].numpy() if "unreadable" in batch else np.zeros(0, rows.dtype)
            there = ~np.isin(rows, absent)
            highest = trained.calibrator(logits).topk(top_k, dim=1)
            arrays = [
                pa.array(np.repeat(np.asarray(data.row_names(rows[there])), top_k).tolist(), schema[0].type),
                pa.array(np.tile(np.arange(1, top_k + 1, dtype=np.int32), int(there.sum()))),
                pa.array(labels[highest.indices.numpy()[there].ravel()], pa.string()),
                pa.array(highest.values.numpy()[there].ravel(), pa.float32()),
            ]
            file.write_table(pa.Table.from_arrays(arrays, schema=schema))
            count += len(rows)
            unreadable += absent.tolist()
    return count, unreadable
