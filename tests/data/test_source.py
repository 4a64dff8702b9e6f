import numpy as np
import pytest

from lopsided.data import DataError, DataOptions, read_source


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


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "tabel:pets.csv",
            r"wanted a source digits, table:FILE or arff:STEM, got 'tabel:pets.csv'; did you mean table:FILE\?",
        ),
        ("Digits", r"got 'Digits'; did you mean digits\?"),
        ("pets.csv", r"did you mean table:pets.csv\?"),
        ("", "wanted a source digits, table:FILE or arff:STEM, got ''"),
        ("zzz", "got 'zzz'$"),
        ("digits:3", "wanted digits, got 'digits:3'"),
        ("digits:", "wanted digits, got 'digits:'"),
        ("table", "wanted table:FILE, got 'table'"),
        ("arff:", "wanted arff:STEM, got 'arff:'"),
        ("table:nowhere.csv", "nowhere.csv: wanted a file"),
    ],
)
def test_a_source_that_is_none_is_refused_in_one_line(source, message):
    with pytest.raises(DataError, match=message) as caught:
        read_source(source)
    assert "\n" not in str(caught.value)


def test_a_negative_seed_is_refused(csv):
    with pytest.raises(DataError, match="seed must be at least 0"):
        read_source(csv, seed=-1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"train_samples": 0}, "train_samples must be at least 1, got 0"),
        ({"missing": 1.0}, "missing must be at least 0 and below 1, got 1.0"),
        ({"validation_share": -0.1}, "validation_share must be at least 0 and below 1, got -0.1"),
        ({"validation_share": float("nan")}, "got nan"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(DataError, match=message):
        DataOptions(**options)
