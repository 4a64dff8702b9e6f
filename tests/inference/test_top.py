import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest
from scipy.sparse import csr_array

from lopsided.data import Labels, Table
from lopsided.inference.scoring import collected
from lopsided.inference.top import predict_top
from lopsided.training import Config, TrainingOptions
from lopsided.training.fit import fit


@pytest.fixture
def table():
    draw = np.random.default_rng(0)
    features = draw.normal(size=(90, 5)).astype(np.float32)
    splits = np.array(["train"] * 60 + ["val"] * 15 + ["test"] * 15)
    return Table("made", features, Labels(("a", "b|c", "d"), csr_array(features[:, :3] > 0.5)), splits)


@pytest.fixture
def run(tmp_path, table):
    training = TrainingOptions(epochs=1, batch_size=8, accelerator="cpu")
    return fit(Config(source="table:made.csv", training=training), tmp_path / "run", data=table)


@pytest.mark.parametrize("name", ["top.csv", "top.parquet"])
def test_the_most_probable_labels_of_each_sample_are_written_highest_first(tmp_path, table, run, name):
    assert predict_top(run, table, tmp_path / name, top_k=2) == (15, [])
    read = pyarrow.csv.read_csv if name.endswith("csv") else pyarrow.parquet.read_table
    rows = read(tmp_path / name).to_pylist()
    trained = run.load()
    probabilities = trained.calibrator(collected(trained, table, split="test", batch_size=8).logits)
    assert [row["row"] for row in rows] == np.repeat(np.arange(75, 90), 2).tolist()
    assert [row["rank"] for row in rows] == [1, 2] * 15
    values, places = probabilities.topk(2, dim=1)
    assert [row["label"] for row in rows] == [trained.labels[k] for k in places.flatten().tolist()]
    np.testing.assert_allclose([row["probability"] for row in rows], values.flatten(), rtol=1e-5)


@pytest.mark.parametrize("top_k", [0, 4])
def test_more_labels_than_there_are_or_none_are_refused(tmp_path, table, run, top_k):
    with pytest.raises(ValueError, match=f"expected top_k to lie in 1 to 3, the number of labels, got {top_k}"):
        predict_top(run, table, tmp_path / "top.csv", top_k=top_k)


def test_a_file_of_another_ending_is_refused(tmp_path, table, run):
    with pytest.raises(ValueError, match=r"expected the output to end in .parquet or .csv, got top.txt"):
        predict_top(run, table, tmp_path / "top.txt", top_k=1)
