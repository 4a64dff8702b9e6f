import pytest

from lopsided.data import DataError
from lopsided.data.readers.arff.file import read_arff_file
from lopsided.data.readers.arff.meka import labels_of_meka, splits_of_meka


@pytest.fixture
def read(tmp_path):
    """Reads a file of three attributes and ten rows whose relation is called so."""

    def write_and_read(relation):
        path = tmp_path / "toy.arff"
        attributes = "".join(f"@attribute {name} {{0,1}}\n" for name in "abc")
        path.write_text(f"@relation '{relation}'\n{attributes}@data\n" + "0,1,0\n" * 10)
        return read_arff_file(path)

    return write_and_read


@pytest.mark.parametrize(
    ("relation", "names"),
    [
        ("Mood: -C 1", ("a",)),
        ("Mood: -C 2", ("a", "b")),
        ("Mood: -C -1", ("c",)),
        ("Mood:-C -2", ("b", "c")),
        ("Mood: -split-percentage 66 -C 2 -V 7", ("a", "b")),
        ("Mood", None),
        ("Mood -C 2", None),
        ("Mood: -c 2", None),
    ],
)
def test_labels_are_the_first_attributes_or_with_a_minus_the_last(read, relation, names):
    assert labels_of_meka(read(relation)) == names


@pytest.mark.parametrize("count", ["0", "3", "-3", "two", "1.5", "", "9999999999"])
def test_a_number_of_labels_that_leaves_no_feature_or_no_label_is_refused(read, count):
    with pytest.raises(DataError, match=rf"toy\.arff: expected -C with .* from 1 to 2 .*, got '{count}'$"):
        labels_of_meka(read(f"Mood: -C {count}"))


@pytest.mark.parametrize(
    ("relation", "train"),
    [("M: -C 1 -split-number 4", 4), ("M: -split-percentage 66.0", 7), ("M: -split-percentage 30 -C 1", 3)],
)
def test_the_first_rows_are_for_training(read, relation, train):
    splits = splits_of_meka(read(relation))
    assert splits is not None
    assert splits.tolist() == ["train"] * train + ["test"] * (10 - train)


def test_without_a_word_there_is_no_split(read):
    assert splits_of_meka(read("M: -C 1")) is None


@pytest.mark.parametrize(
    "option", ["-split-number 10", "-split-number 0", "-split-number x", "-split-percentage 100", "-split-percentage 1"]
)
def test_a_split_that_leaves_one_side_empty_is_refused(read, option):
    with pytest.raises(DataError, match="expected -split-number from 1 to 9 or -split-percentage"):
        splits_of_meka(read(f"M: {option}"))
