"""The folder of a sweep's results: workers of one sweep share it, those of another are refused."""

import dataclasses
import os
import signal
import subprocess
import sys

import pytest

from lopsided.experiments.out_folder import working_in

WORKER = """
import sys, numpy as np
from pathlib import Path
from scipy.sparse import csr_array
from lopsided.data import Labels, Table
from lopsided.experiments.out_folder import working_in
labels = Labels(("a",), csr_array((2, 1), dtype=bool))
data = Table("made", np.zeros((2, 1), np.float32), labels, np.array(["train", "test"]))
with working_in(Path(sys.argv[1]), study="one", data=data):
    print("works", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def same_data(table):
    """What the worker of another process trains on."""
    two = table.rows("train")[:2]
    features = table.features[two, :1] * 0
    labels = dataclasses.replace(table.labels, names=("a",), positives=table.labels.positives[two, :1] > 1)
    return dataclasses.replace(table, features=features, labels=labels, splits=table.splits[[0, -1]])


@pytest.fixture
def worker(tmp_path):
    """Another process that works on the sweep ``one``."""
    line = [sys.executable, "-c", WORKER, str(tmp_path / "out")]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "works\n"
        yield process
        process.kill()


def test_another_sweep_is_refused_as_long_as_a_worker_lives(tmp_path, same_data, worker):
    out = tmp_path / "out"
    with working_in(out, study="one", data=same_data):
        pass
    said = f"out: expected no other process that writes there, got process {worker.pid} on .*, for another sweep: name"
    with pytest.raises(ValueError, match=said), working_in(out, study="two", data=same_data):
        pass
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    with working_in(out, study="two", data=same_data):
        assert len(list(out.glob("worker-*"))) == 1
    assert sorted(path.name for path in out.iterdir()) == ["data.json", "outputs.lock"]


def test_results_on_other_data_are_refused_and_stay(tmp_path, table, same_data):
    out = tmp_path / "out"
    with working_in(out, study="one", data=table):
        pass
    before = (out / "data.json").read_bytes()
    with (
        pytest.raises(ValueError, match="expected the data that the results in .* were made on"),
        working_in(out, study="b", data=same_data),
    ):
        pass
    assert (out / "data.json").read_bytes() == before


@pytest.mark.parametrize("content", ["{", "{}", '{"format": 1, "identity": []}'])
def test_a_damaged_record_is_refused_by_name(tmp_path, table, content):
    (tmp_path / "data.json").write_text(content)
    with (
        pytest.raises(ValueError, match="data.json"),
        working_in(tmp_path, study="b", data=table),
    ):
        pass
