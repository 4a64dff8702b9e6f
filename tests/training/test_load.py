"""Memory that does not grow with samples times labels."""

import dataclasses
import gc
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.sparse import csr_array

from lopsided.data import Labels, Table, read_source, summarise
from lopsided.inference.predict import predict
from lopsided.models import ModelOptions
from lopsided.training.fit import fit

CLEAR = Path("/proc/self/clear_refs")  # where Linux is told to forget the highest memory so far
needs_linux = pytest.mark.skipif(not CLEAR.exists(), reason="asks Linux for the memory of this process")


def megabytes(name):
    return int(Path("/proc/self/status").read_text().partition(f"{name}:")[2].split()[0]) / 1024


def growth(run):
    """Megabytes that this process holds more, at the most, while something runs."""
    gc.collect()
    CLEAR.write_text("5")
    before = megabytes("VmRSS")
    run()
    return megabytes("VmHWM") - before


def positives(rows, labels):
    """One label of each sample."""
    columns = np.arange(rows, dtype=np.int32) % labels
    return csr_array((np.ones(rows, dtype=bool), columns, np.arange(rows + 1)), shape=(rows, labels))


@needs_linux
def test_from_a_file_to_a_trained_run_nothing_is_made_of_samples_times_labels(tmp_path, config):
    rows, labels = 40_000, 20_000
    matrix = positives(rows, labels)
    np.savez(
        tmp_path / "t.npz",
        features=np.random.default_rng(0).random((rows, 2), dtype=np.float32),
        labels_indptr=matrix.indptr,
        labels_indices=matrix.indices,
        label_names=np.array([f"label {k}" for k in range(labels)]),
        split=np.array(["train"] * 500 + ["test"] * (rows - 500)),
    )
    options = dataclasses.replace(config.training, epochs=1, batch_size=32)
    changed = dataclasses.replace(config, model=ModelOptions(name="linear"), training=options)

    def run():
        data = read_source(f"table:{tmp_path / 't.npz'}")
        summarise(data)
        fit(changed, tmp_path / "run", data=data)

    assert growth(run) < rows * labels / 1e6 / 4  # 800 MB as bytes, four times as much as numbers


@needs_linux
def test_predictions_are_not_kept(tmp_path, config, monkeypatch):
    rows, labels = 60_000, 200
    monkeypatch.setattr("lopsided.inference.predict._TOGETHER", 2**19)
    features = np.random.default_rng(0).random((rows, 1), dtype=np.float32)
    names = tuple(f"label {k}" for k in range(labels))
    table = Table(
        "t", features, Labels(names, positives(rows, labels)), np.array(["train"] * 500 + ["test"] * (rows - 500))
    )
    options = dataclasses.replace(config.training, epochs=1, batch_size=500)
    run = fit(
        dataclasses.replace(config, model=ModelOptions(name="linear"), training=options), tmp_path / "run", data=table
    )
    predict(run, table, tmp_path / "p.parquet", split="train")  # what is imported and kept once
    grown = growth(lambda: predict(run, table, tmp_path / "p.parquet", split="test", threshold=0.99))
    assert grown < 4 * rows * labels / 1e6 / 2  # 48 MB in one piece


def test_parts_of_a_file_of_predictions_are_not_those_of_the_batches(tmp_path, table, config, monkeypatch):
    run = fit(config, tmp_path / "run", data=table)
    predict(run, table, tmp_path / "one.parquet", split="train")
    monkeypatch.setattr("lopsided.inference.predict._TOGETHER", 3 * 64)  # two batches of 32
    predict(run, table, tmp_path / "some.parquet", split="train")
    parts = [pq.ParquetFile(tmp_path / f"{name}.parquet") for name in ("one", "some")]
    assert [part.num_row_groups for part in parts] == [1, 4]
    assert parts[0].read().equals(parts[1].read())
    assert parts[0].metadata.num_rows == 200
