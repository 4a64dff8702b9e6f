import dataclasses

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from scipy.sparse import csr_array

from lopsided.data import Labels
from lopsided.inference import predict as module
from lopsided.inference.predict import predict
from lopsided.inference.thresholds import choose
from lopsided.training.fit import fit

# what Lightning and TensorBoard themselves warn of
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:Detected pickle protocol"),
]


@pytest.fixture
def run(tmp_path, table, config):
    training = dataclasses.replace(config.training, learning_rate=1e-2)
    return fit(dataclasses.replace(config, training=training), tmp_path / "run", data=table)


def written(run, table, out, **settings):
    predict(run, table, out, **settings)
    rows = pq.read_table(out).to_pylist()
    return (
        [row["row"] for row in rows],
        [row["labels"] for row in rows],
        [[row[f"p:{n}"] for n in "abc"] for row in rows],
    )


def test_a_probability_equal_to_the_threshold_is_a_no(tmp_path, run, table):
    _, _, found = written(run, table, tmp_path / "a.parquet")
    at = found[7][1]  # as float32
    _, labels, _ = written(run, table, tmp_path / "b.parquet", threshold=at)
    assert "b" not in labels[7].split("|")
    assert ["b" in each.split("|") for each in labels] == [p[1] > at for p in found]
    _, labels, _ = written(
        run, table, tmp_path / "c.parquet", threshold=float(np.nextafter(np.float32(at), np.float32(0)))
    )
    assert "b" in labels[7].split("|")


def test_each_label_has_its_own_threshold_where_they_were_chosen_so(tmp_path, run, table):
    rows = choose(run, table, per_label=True)["labels"]
    _, labels, found = written(run, table, tmp_path / "a.parquet", split="val")
    thresholds = [rows[name]["threshold"] for name in "abc"]
    wanted = ["|".join(n for n, p, t in zip("abc", row, thresholds, strict=True) if p > t) for row in found]
    assert labels == wanted
    assert len(set(wanted)) > 2
    assert thresholds[0] != thresholds[2]


def test_how_many_are_written_together_changes_nothing(tmp_path, run, table, monkeypatch):
    whole = written(run, table, tmp_path / "a.parquet", split="train")
    for together in (1, 3 * 33, 3 * 64, 3 * 199):  # values
        monkeypatch.setattr(module, "_TOGETHER", together)
        assert written(run, table, tmp_path / "b.parquet", split="train") == whole
    assert whole[0] == table.rows("train").tolist()


def test_labels_of_the_data_are_not_read(tmp_path, run, table):
    usual = written(run, table, tmp_path / "a.parquet")
    nothing = Labels(table.labels.names, csr_array((300, 3), dtype=bool)).without(range(300))
    assert written(run, dataclasses.replace(table, labels=nothing), tmp_path / "b.parquet") == usual
    assert usual[0] == table.rows("test").tolist()
    torch.testing.assert_close(
        torch.tensor(usual[2]), run.load().calibrator(run.load().model(torch.from_numpy(table.features[250:]))).detach()
    )
