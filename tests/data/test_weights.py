"""Weights of samples: a column that the user names, kept with the data."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.sparse import csr_array

from lopsided.cli.main import main
from lopsided.data import DataError, DataOptions, Labels, Table, read_source
from lopsided.data.contents.identity import identity_of, what_changed
from lopsided.data.source import for_new_data

WEIGHTS = ["1", "0", "2.5", "1e-3"]
OPTIONS = DataOptions(weight_column="trust", validation_share=0)


def rows(first, weights=WEIGHTS):
    names = ["a", "b", "a|b", ""]
    return [{**first(k), "trust": weights[k % 4], "labels": names[k % 4]} for k in range(8)]


def written(path, kind, weights=WEIGHTS):
    """A source of that kind, with the weights in a column ``trust``."""
    found = rows({"table": lambda k: {"x": float(k)}, "text": lambda k: {"text": f"words {k}"}}[kind], weights)
    if path.suffix == ".csv":
        lines = [",".join(found[0]), *(",".join(map(str, row.values())) for row in found)]
        path.write_text("\n".join(lines) + "\n")
    elif path.suffix == ".jsonl":
        numbers = [{**row, "trust": float(row["trust"])} for row in found]
        path.write_text("".join(json.dumps(row) + "\n" for row in numbers))
    else:
        columns = {name: [row[name] for row in found] for name in found[0]}
        columns["trust"] = pa.array([float(cell) for cell in columns["trust"]], pa.float32())
        pq.write_table(pa.table(columns), path)
    return f"{kind}:{path}"


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("kind", ["table", "text"])
def test_a_column_of_weights_is_read_from_every_kind_of_file(tmp_path, kind, suffix):
    data = read_source(written(tmp_path / f"f{suffix}", kind), OPTIONS)
    assert data.weights.dtype == np.float32
    assert data.weights.tolist() == [1, 0, 2.5, np.float32(1e-3)] * 2
    assert data.columns["weight"] == "trust"
    assert data.inputs().names == (("x",) if kind == "table" else ())


def test_a_listing_has_weights_and_no_column_is_taken_for_them_unless_it_is_named(tmp_path, make_images):
    make_images(tmp_path, 2)
    (tmp_path / "l.csv").write_text("path,labels,weight\n0.png,a,3\n1.png,b,0.5\n")
    source = f"listing:{tmp_path / 'l.csv'}"
    assert read_source(source, DataOptions(validation_share=0)).weights is None
    assert read_source(source, DataOptions(validation_share=0, weight_column="weight")).weights.tolist() == [3, 0.5]


@pytest.fixture
def make_images():
    image = pytest.importorskip("PIL.Image")

    def make(folder, count):
        for number in range(count):
            image.new("RGB", (8, 8), (number, 0, 0)).save(folder / f"{number}.png")

    return make


@pytest.mark.parametrize(
    ("cell", "came"),
    [
        ("-1", "'-1' in 'trust'"),
        ("nan", "'nan', a word for a missing value in 'trust'"),
        ("", "an empty cell in 'trust'"),
        ("much", "'much' in 'trust'"),
        ("1e39", "'1e39' in 'trust'"),
    ],
)
@pytest.mark.parametrize("kind", ["table", "text"])
def test_what_is_no_weight_is_refused_with_its_line(tmp_path, kind, cell, came):
    source = written(tmp_path / "f.csv", kind, ["1", "1", cell, "1"])
    with pytest.raises(DataError) as caught:
        read_source(source, OPTIONS)
    assert str(caught.value) == f"{tmp_path / 'f.csv'}, line 4: expected a weight, a number of at least 0, got {came}"


def test_a_number_in_parquet_that_is_no_weight_is_refused_with_its_row(tmp_path):
    source = written(tmp_path / "f.parquet", "table", ["1", "nan", "1", "1"])
    with pytest.raises(DataError, match=r"row 1 \(from 0\): expected a weight, a number of at least 0, got 'nan'"):
        read_source(source, OPTIONS)


def test_a_column_that_is_not_there_is_refused_with_the_nearest(tmp_path):
    source = written(tmp_path / "f.csv", "table")
    with pytest.raises(DataError, match=r"a column 'trsut', as data\.weight_column says, got none .* mean 'trust'\?"):
        read_source(source, DataOptions(weight_column="trsut"))


def test_other_data_for_a_run_needs_no_weights(tmp_path):
    options = for_new_data(DataOptions(weight_column="trust", group_column="patient"), f"table:{tmp_path}")
    assert (options.weight_column, options.group_column) == (None, "patient")


@pytest.mark.parametrize("suffix", [".csv", ".npz"])
def test_a_split_keeps_the_weights(tmp_path, capsys, suffix):
    source = written(tmp_path / "f.csv", "table")
    out = tmp_path / f"out{suffix}"
    if suffix == ".npz":
        table = read_source(source, OPTIONS)
        arrays = {"features": table.features, "labels": table.labels.dense(range(8))[0], "weight": table.weights}
        np.savez(tmp_path / "f.npz", **arrays)
        source = f"table:{tmp_path / 'f.npz'}"
    given = ["--data.weight_column", "trust"] if suffix == ".csv" else []
    assert main(["split", source, *given, "--test", "0.25", "--val", "0", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert ("to be read with --data.weight_column 'trust'" in printed) == (suffix == ".csv")
    found = read_source(f"table:{out}", OPTIONS if suffix == ".csv" else DataOptions(validation_share=0))
    assert found.weights.tolist() == [1, 0, 2.5, np.float32(1e-3)] * 2
    assert set(found.split_names) == {"train", "test"}


def test_inspect_says_their_range(tmp_path, capsys):
    source = written(tmp_path / "f.csv", "table")
    assert main(["inspect", source, "--data.weight_column", "trust"]) == 0
    assert "samples weigh from 0 to 2.5 in the training loss, 0.875 on average" in capsys.readouterr().out
    assert main(["inspect", source, "--data.weight_column", "trust", "--json"]) == 0
    about = json.loads(capsys.readouterr().out)["weights"]
    assert about == {"smallest": 0, "mean": pytest.approx(0.87525), "largest": 2.5}


def table(weights):
    return Table(
        "t",
        np.eye(2, dtype=np.float32),
        Labels(("a",), csr_array([[True], [False]])),
        np.array(["train"] * 2),
        weights=weights,
    )


def test_weights_belong_to_the_identity_of_data():
    one, other = table(np.ones(2, np.float32)), table(np.array([1, 2], np.float32))
    assert what_changed(identity_of(one), one) is None
    assert what_changed(identity_of(one), other) == "labels or weights of some samples changed (1 -> 1 positives)"
    assert identity_of(table(None)) != identity_of(one)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(3, np.float32), r"expected a float32 weight for each of the 2 samples, got float32 of shape \(3,\)"),
        (np.ones(2), r"expected a float32 weight for each of the 2 samples, got float64 of shape \(2,\)"),
        (np.array([1, -1], np.float32), r"expected weights of at least 0, got -1.0 to 1.0"),
        (np.array([1, np.nan], np.float32), r"expected weights of at least 0, got nan to nan"),
        (np.array([1, np.inf], np.float32), r"expected weights of at least 0, got 1.0 to inf"),
    ],
)
def test_weights_in_memory_are_checked_too(weights, message):
    with pytest.raises(DataError, match=message):
        table(weights)
