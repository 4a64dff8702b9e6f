from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lopsided.data import DataError, DataOptions, SplitDataset, read_source
from lopsided.data.readers.digits import LABEL_NAMES


@pytest.fixture
def csv(tmp_path):
    path = tmp_path / "pets.csv"
    path.write_text("a,labels\n" + "".join(f"{i},cat|dog\n" for i in range(100)))
    return f"table:{path}"


def test_digits_are_drawn_in_the_number_wanted():
    table = read_source("digits", DataOptions(train_samples=40, missing=0.5), seed=3)
    assert len(table.rows("train")) == 40
    assert table.truth is not None


def test_a_table_gets_a_validation_split(csv):
    table = read_source(csv)
    assert [len(table.rows(split)) for split in table.split_names] == [90, 10]
    assert table.truth is None


def test_a_table_is_as_it_lies_on_disk_when_no_validation_is_wanted(csv):
    assert read_source(csv, DataOptions(validation_share=0)).split_names == ("train",)


def test_positives_are_hidden_in_train_only_and_the_truth_keeps_them(csv):
    table = read_source(csv, DataOptions(missing=0.25), seed=1)
    assert table.truth is not None
    assert table.truth.positives.nnz == 200
    assert table.labels.take(table.rows("train")).positives.nnz == 135
    assert table.labels.take(table.rows("val")).positives.nnz == 20


def test_hiding_does_not_change_the_validation_split(csv):
    plain, hidden = (read_source(csv, DataOptions(missing=missing), seed=4) for missing in (0.0, 0.5))
    assert (plain.splits == hidden.splits).all()


def test_the_seed_decides_the_validation_split(csv):
    one, same, other = (read_source(csv, seed=seed).splits for seed in (1, 1, 2))
    assert (one == same).all()
    assert (one != other).any()


def test_an_arff_stem_is_read(tmp_path):
    (tmp_path / "toy.arff").write_text("@relation r\n@attribute x real\n@attribute c {0,1}\n@data\n1,0\n2,1\n")
    (tmp_path / "toy.xml").write_text('<labels><label name="c"/></labels>')
    table = read_source(f"arff:{tmp_path}/toy")
    assert table.split_names == ("train", "val")
    assert np.sort(table.features.ravel()).tolist() == [1.0, 2.0]


def test_data_read_again_for_its_own_run_is_the_same(csv):
    options = DataOptions(missing=0.5)
    first = read_source(csv, options, seed=2)
    again = read_source(csv, options, seed=2, label_names=first.labels.names)
    assert again.labels.names == first.labels.names
    assert (again.splits == first.splits).all()
    assert (again.labels.positives != first.labels.positives).nnz == 0


@pytest.mark.parametrize("form", ["table:new.csv", "table:new.npz", "table:new.parquet", "arff:new"])
def test_new_data_without_labels_makes_batches_of_which_nothing_is_known(tmp_path, form):
    kind, _, place = form.partition(":")
    write_features(tmp_path / ("new.arff" if kind == "arff" else place))
    names = ["dog", "cat", "ant"]
    table = read_source(f"{kind}:{tmp_path / place}", DataOptions(validation_share=0), label_names=names)
    assert table.labels.names == ("dog", "cat", "ant")
    batch = SplitDataset(table, split="train")[[3, 0]]
    assert batch["inputs"].tolist() == [[3.0, 4.0], [0.0, 1.0]]
    assert batch["targets"].tolist() == [[0, 0, 0], [0, 0, 0]]
    assert batch["mask"].tolist() == [[False] * 3, [False] * 3]


def write_features(path: Path) -> None:
    features = np.arange(4.0)[:, None] + [0, 1]
    lines = "".join(f"{a},{b}\n" for a, b in features)
    match path.suffix:
        case ".csv":
            path.write_text("a,b\n" + lines)
        case ".npz":
            np.savez(path, features=features)
        case ".parquet":
            pq.write_table(pa.table({"a": features[:, 0], "b": features[:, 1]}), path)
        case _:
            path.write_text("@relation r\n@attribute a real\n@attribute b real\n@data\n" + lines)


def test_new_data_may_still_be_split_for_validation(csv):
    table = read_source(csv, label_names=["dog", "cat", "ant"])
    assert table.split_names == ("train", "val")
    assert table.labels.positives.sum(axis=0).tolist() == [100, 100, 0]


def test_a_label_that_the_run_does_not_know_is_refused(csv):
    with pytest.raises(DataError, match=r"expected the labels of the run, got also 'dog'$"):
        read_source(csv, label_names=["cat"])


def test_the_labels_of_digits_are_those_of_a_run_on_digits():
    assert read_source("digits", DataOptions(train_samples=1), label_names=LABEL_NAMES).labels.names == LABEL_NAMES


def test_digits_are_read_for_a_run_that_knows_their_labels():
    few = DataOptions(train_samples=1)
    turned = read_source("digits", few, label_names=[*LABEL_NAMES[::-1], "cat"]).labels
    assert turned.names[-1] == "cat"
    assert (turned.dense([0])[0][0, :80] == read_source("digits", few).labels.dense([0])[0][0, ::-1]).all()
    assert not turned.dense([0])[1][0, -1]
    with pytest.raises(DataError, match=r"expected the labels of the run, got also '0 red' \(and 79 more\)$"):
        read_source("digits", label_names=["cat"])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "tabel:pets.csv",
            r"expected a source digits, listing:FILE, .* or arff:STEM, got 'tabel:pets.csv'; did you mean table:FILE\?",
        ),
        ("Digits", r"got 'Digits'; did you mean digits\?"),
        ("pets.csv", r"did you mean table:pets.csv \(features\) or listing:pets.csv \(paths of images\)\?"),
        ("", "text:FILE or arff:STEM, got ''"),
        ("zzz", "got 'zzz'$"),
        ("digits:3", "expected digits, got 'digits:3'"),
        ("digits:", "expected digits, got 'digits:'"),
        ("table", "expected table:FILE, got 'table'"),
        ("arff:", "expected arff:STEM, got 'arff:'"),
        ("table:nowhere.csv", "nowhere.csv: expected a file"),
    ],
)
def test_a_source_that_is_none_is_refused_in_one_line(source, message):
    with pytest.raises(DataError, match=message) as caught:
        read_source(source)
    assert "\n" not in str(caught.value)


def test_a_negative_seed_is_refused(csv):
    with pytest.raises(DataError, match="expected seed to be at least 0"):
        read_source(csv, seed=-1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"train_samples": 0}, "^expected data.train_samples to be at least 1, got 0"),
        ({"missing": 1.0}, "^expected data.missing to be at least 0 and below 1, got 1.0"),
        ({"unknown": -0.1}, "^expected data.unknown to be at least 0 and below 1, got -0.1"),
        ({"validation_share": -0.1}, "^expected data.validation_share to be at least 0 and below 1, got -0.1"),
        ({"validation_share": float("nan")}, "got nan"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(DataError, match=message):
        DataOptions(**options)


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("valid.csv", "chexpert"),
        ("Data_Entry_2017_v2020.csv", "chest-xray14"),
        ("train/a_green.png", "protein-atlas"),
        ("P/P_labels_metadata.json", "bigearthnet"),
        ("train/metadata.jsonl", "imagefolder"),
        ("samples.json", "fiftyone"),
        ("data.yaml", "yolo"),
        ("ImageSets/Main/train.txt", "voc"),
        ("cat/a.jpg", "listing"),
    ],
)
def test_a_folder_without_a_kind_is_known_by_what_lies_in_it(tmp_path, file, kind):
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).touch()
    with pytest.raises(DataError, match=rf"; did you mean {kind}:{tmp_path}( \(a folder for each label\))?\?"):
        read_source(str(tmp_path))
