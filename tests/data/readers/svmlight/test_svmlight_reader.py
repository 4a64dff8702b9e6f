import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lopsided.data import DataError, DataOptions, read_source, read_svmlight


@pytest.fixture
def read(tmp_path):
    def write_and_read(content, **options):
        path = tmp_path / "wide.txt"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_svmlight(path, **options)

    return write_and_read


def test_labels_and_features_are_read_as_their_numbers_say(read):
    table = read("0,2 0:1 4:-.5e1\n3\n 1:2 # no label\n1:3\n")
    assert table.features.toarray().tolist() == [[1, 0, 0, 0, -5], [0] * 5, [0, 2, 0, 0, 0], [0, 3, 0, 0, 0]]
    assert table.labels.names == ("label 0", "label 2", "label 3")
    assert table.labels.positives.toarray().astype(int).tolist() == [[1, 1, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]]
    assert table.inputs().kind == "sparse"
    assert table.split_names == ("train",)


def test_a_header_says_how_many_features_and_labels_there_are(read):
    table = read("2 9 4\n1 3:1\n\n")
    assert table.features.shape == (2, 9)
    assert table.labels.names == ("label 0", "label 1", "label 2", "label 3")


def test_the_last_number_of_a_header_says_that_counting_begins_at_one(read):
    table = read("1 5 4\n1,4 5:2\n")
    assert table.features.toarray().tolist() == [[0, 0, 0, 0, 2]]
    assert table.labels.names == ("label 1", "label 2", "label 3", "label 4")


def test_whether_features_begin_at_zero_or_one_is_asked_where_nothing_says_so(read):
    with pytest.raises(DataError, match=r"got 1 as the lowest number: say --data.first_feature 1 if"):
        read("0 1:1 3:1\n")
    assert read("0 1:1 3:1\n", first_feature=1).features.toarray().tolist() == [[1, 0, 1]]
    assert read("0 1:1 3:1\n", first_feature=0).features.toarray().tolist() == [[0, 1, 0, 1]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "expected at least one sample, got none"),
        ("1 1:1\n0 1:1 1:2\n", "line 2: expected each feature once in a sample, got 1 twice"),
        ("1 1:1\n0 0:1\n", r"line 2: expected features from 1, as data.first_feature says, got 0"),
        ("1 1:nan\n", "line 1: expected pairs FEATURE:VALUE of a whole number and a number, got '1:nan'"),
        ("1 1:1\n\n1 1:1e50\n", r"line 3: expected values that are finite as float32, got 1:1e\+50"),
        ("1 99999999999:1\n", "line 1: expected numbers of features of at most 2147483646, got 99999999999:1"),
        ("99999999999 1:1\n", "line 1: expected labels of at most 2147483646, got 99999999999"),
        ("1 qid:3 1:1\n", "line 1: expected pairs FEATURE:VALUE, got 'qid:3', which is of ranking data"),
        ("1, 1:1\n", "line 1: expected numbers of labels joined by commas, got '1,'"),
        ("cat 1:1\n", "line 1: expected numbers of labels joined by commas, got 'cat'"),
        ("2,2 1:1\n", "line 1: expected each label once, got '2,2'"),
        ("1 3:1,5\n", "got '3:1,5'"),
        ("3 9 4\n1 3:1\n", "expected 3 samples, as the header says, got 1 lines after it"),
        ("1 2 4\n1 7:1\n", "line 2: expected features from 1 to 2, as the header says, got 7"),
        ("1 9 4\n7 3:1\n", "line 2: expected labels from 0 to 3, as the header says, got 7"),
        (" 1:1\n", "expected at least one label, got none"),
    ],
)
def test_what_is_not_of_this_form_is_refused_with_its_line(read, content, message):
    with pytest.raises(DataError, match=message):
        read(content, first_feature=1)


@given(st.binary(max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_bytes_give_a_table_or_our_error(content):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.txt"
        path.write_bytes(b"1 1:1\n" + content)
        try:
            table = read_svmlight(path, first_feature=1)
        except DataError:
            return
        assert np.isfinite(table.features.data).all()


def test_the_labels_of_a_run_are_negative_where_the_file_does_not_name_them(read):
    table = read("2 0:1\n", label_names=("label 2", "label 5"))
    assert table.labels.names == ("label 2", "label 5")
    assert table.labels.num_unknown == 0


def test_a_run_with_names_for_labels_is_refused(read):
    with pytest.raises(DataError, match="expected the run to have numbered labels such as 'label 0', got 'cat'"):
        read("2 0:1\n", label_names=("cat",))


def test_splits_are_files_that_are_called_so(tmp_path):
    (tmp_path / "eurlex_train.txt").write_text("2 6 3\n0 1:1\n1 2:1\n")
    (tmp_path / "eurlex_test.txt").write_text("1 6 3\n2 5:1\n")
    for place in (tmp_path, tmp_path / "eurlex"):
        table = read_svmlight(place)
        assert table.splits.tolist() == ["train", "train", "test"]
        assert table.features.shape == (3, 6)


def test_two_files_of_one_split_are_refused_with_a_way_to_name_one(tmp_path):
    for name in ("a_train.txt", "b_train.txt"):
        (tmp_path / name).write_text("0 0:1\n")
    with pytest.raises(DataError, match=r"got a_train.txt and b_train.txt: name the beginning of one, such as svm"):
        read_svmlight(tmp_path)
    assert len(read_svmlight(tmp_path / "a")) == 1


def test_a_place_without_files_is_refused_with_what_is_there(tmp_path):
    (tmp_path / "other.txt").write_text("0 0:1\n")
    with pytest.raises(DataError, match=r"expected eurlex or eurlex_train.txt, got 'other.txt'"):
        read_svmlight(tmp_path / "eurlex")


def test_the_option_reaches_the_reader(tmp_path):
    (tmp_path / "a.txt").write_text("0 1:1\n3 2:1\n")
    data = read_source(f"svmlight:{tmp_path / 'a.txt'}", DataOptions(first_feature=1, validation_share=0))
    assert data.inputs().shape == (2,)
    with pytest.raises(DataError, match="expected data.first_feature to be 0 or 1, got 2"):
        DataOptions(first_feature=2)
