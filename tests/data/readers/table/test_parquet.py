import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lopsided.data import DataError
from tests.data.readers.for_run import read_table


@pytest.fixture
def read(tmp_path):
    def write_and_read(columns, **options):
        path = tmp_path / "pets.parquet"
        pq.write_table(pa.table(columns), path)
        return read_table(path, **options)

    return write_and_read


def test_numbers_of_every_kind_are_features(read):
    table = read({"i": [1, -2], "f": [0.5, 1.5], "b": [True, False], "labels": ["x", ""]})
    assert table.features.tolist() == [[1.0, 0.5, 1.0], [-2.0, 1.5, 0.0]]
    assert table.features.dtype == np.float32
    assert table.feature_names == ("i", "f", "b")


@pytest.mark.parametrize(
    "labels",
    [
        pa.array(["dog|cat", None, "cat"]),
        pa.array(["dog|cat", "", "cat"]).dictionary_encode(),
        pa.array([["dog", "cat"], [], ["cat"]]),
        pa.array([["dog", "cat"], None, ["cat", "cat"]], pa.large_list(pa.large_string())),
    ],
)
def test_labels_may_be_joined_text_or_lists(read, labels):
    table = read({"a": [1, 2, 3], "labels": labels})
    assert table.labels.names == ("cat", "dog")
    assert table.labels.positives.toarray().tolist() == [[True, True], [False, False], [True, False]]


def test_a_name_in_a_list_may_hold_a_bar(read):
    assert read({"a": [1], "labels": [["this|that"]]}).labels.names == ("this|that",)


@pytest.mark.parametrize(
    "flags",
    [
        pa.array([1, 0, None]),
        pa.array([True, False, None]),
        pa.array([1.0, 0.0, float("nan")]),
        pa.array([1.0, 0.0, None]).cast(pa.float16()),
        pa.array(["1", "0", "?"]),
        pa.array(["1", "0", None]),
    ],
)
def test_a_label_column_without_a_value_is_unknown(read, flags):
    table = read({"a": [1, 2, 3], "label:St. Bernard": flags})
    assert table.labels.names == ("St. Bernard",)
    assert table.labels.positives.toarray().ravel().tolist() == [True, False, False]
    assert table.labels.unknown.toarray().ravel().tolist() == [False, False, True]


@pytest.mark.parametrize("kind", [pa.list_(pa.float64()), pa.large_list(pa.int8()), pa.list_(pa.float32(), 2)])
def test_a_column_of_lists_is_as_many_features_as_they_are_long(read, kind):
    table = read({"size": [9, 8], "features": pa.array([[1, 2], [3, 4]], kind), "labels": ["x", "y"]})
    assert table.features.tolist() == [[9, 1, 2], [8, 3, 4]]
    assert table.feature_names == ("size", "features[0]", "features[1]")


def test_splits_and_unknowns_are_read(read):
    table = read({"a": [1, 2], "labels": ["x", ""], "unknown": [None, "x"], "split": ["dev", "test"]})
    assert table.splits.tolist() == ["val", "test"]
    assert table.labels.unknown.toarray().tolist() == [[False], [True]]


def test_row_numbers_that_pandas_adds_are_no_feature(read):
    assert read({"a": [1], "__index_level_0__": [7], "labels": ["x"]}).feature_names == ("a",)


def test_names_that_are_listed_get_the_order_of_the_run_and_are_negative_where_never_listed(read):
    labels = read({"a": [1, 2], "labels": [["cat", "ant"], []]}, label_names=["dog", "cat", "ant"]).labels
    assert labels.names == ("dog", "cat", "ant")
    assert labels.positives.toarray().tolist() == [[False, True, True], [False, False, False]]
    assert labels.unknown is None


def test_label_columns_get_the_order_of_the_run_and_are_unknown_where_absent(read):
    columns = {"label:cat": [1, None], "a": [5, 6], "label:ant": [0, 1]}
    labels = read(columns, label_names=["ant", "bee", "cat"]).labels
    assert labels.names == ("ant", "bee", "cat")
    assert labels.positives.toarray().tolist() == [[False, False, True], [True, False, False]]
    assert labels.unknown.toarray().tolist() == [[False, True, False], [False, True, True]]


def test_a_run_needs_no_labels_and_then_knows_none(read):
    table = read({"a": [1, 2], "f": [[3], [4]], "split": ["new", "test"]}, label_names=["dog", "cat"])
    assert table.splits.tolist() == ["new", "test"]
    assert table.feature_names == ("a", "f[0]")
    assert table.labels.names == ("dog", "cat")
    assert table.labels.positives.nnz == 0
    assert not table.labels.dense(range(len(table)))[1].any()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": [1], "labels": ["zebra|yak|dog"]}, r"got also 'yak' \(and 1 more\)$"),
        ({"a": [1], "label:zebra": [0]}, "got also 'zebra'$"),
    ],
)
def test_labels_that_a_run_does_not_know_are_refused(read, columns, message):
    with pytest.raises(DataError, match=message) as caught:
        read(columns, label_names=["dog"])
    assert "pets.parquet" in str(caught.value)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": pa.array([], pa.int8()), "labels": pa.array([], pa.string())}, "expected rows, got none"),
        ({"labels": ["x"]}, "at least one column of features"),
        ({"a": [1]}, "expected a column 'labels'"),
        ({"colour": ["red"], "labels": ["x"]}, "expected column 'colour', a feature, to hold numbers, got string"),
        ({"a": [1, None], "labels": ["x", "y"]}, "expected column 'a', a feature, .* got nothing in row 1"),
        ({"a": [1.0, float("inf")], "labels": ["x", "y"]}, r"got inf in row 1 \(from 0\), column 'a'"),
        ({"f": [[1, 2], [3]], "labels": ["x", "y"]}, "expected column 'f' to hold 2 numbers per row, got 1 in row 1"),
        ({"f": [[1, None]], "labels": ["x"]}, "got nothing within a list"),
        ({"f": [["a"]], "labels": ["x"]}, "expected column 'f', a feature, to hold numbers, got list"),
        ({"a": [1], "labels": [3]}, "expected column 'labels' to hold names, got int64"),
        ({"a": [1], "label:x": [2]}, r"row 0 \(from 0\): column 'label:x': expected 0, 1 or"),
        ({"a": [1], "label:x": ["2"]}, "expected 0, 1 or, where unknown, nothing, got '2'"),
        (
            {"a": [1], "labels": ["x"], "unknown": ["x"]},
            r"row 0 \(from 0\): expected a label to be positive or unknown",
        ),
        ({"a": [1], "labels": ["x"], "split": [None]}, "expected the name of a split"),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_one_line(read, columns, message):
    with pytest.raises(DataError, match=message) as caught:
        read(columns)
    assert "pets.parquet" in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), min_size=1, max_size=6), st.integers(0, 3000))
@settings(max_examples=100, deadline=None, derandomize=True)  # Arrow's own C++ is not what is tried here
def test_damaged_bytes_give_a_table_or_our_error(refusal, tmp_path_factory, edits, length):
    path = tmp_path_factory.getbasetemp() / "damaged.parquet"
    pq.write_table(pa.table({"a": [1.5, 2.5], "f": [[1, 2], [3, 4]], "labels": [["x"], ["y"]]}), path)
    content = bytearray(path.read_bytes())
    for position, byte in edits:
        content[position % len(content)] = byte
    path.write_bytes(content if length % 3 else content[: length % len(content)])
    assert "\n" not in refusal(read_table, path)


def test_more_cells_than_there_is_memory_are_refused_before(tmp_path, monkeypatch):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"size": np.zeros(1_000_000), "labels": ["cat"] * 1_000_000}), path)
    assert path.stat().st_size < 20_000
    monkeypatch.setattr("lopsided.files.memory.machine_memory", lambda: 1e6)
    with pytest.raises(DataError, match=r"expected cells of a byte each, or more, of at most"):
        read_table(path)


def test_row_numbers_of_pandas_are_left_out_and_said(read):
    table = read({"a": [1, 2], "labels": ["x", "y"], "__index_level_0__": [0, 1]})
    assert table.feature_names == ("a",)
    assert table.notes == ("the column '__index_level_0__' holds row numbers of pandas: left out",)


def test_large_whole_numbers_stay_apart(read):
    times = [1_732_752_000 + 7 * row for row in range(20)]
    table = read({"when": times, "a": pa.array([0.1] * 20), "labels": ["x"] * 20})
    assert table.features[:, 0].tolist() == times


@pytest.mark.parametrize("kind", [pa.int64(), pa.uint64()])
def test_unix_times_in_nanoseconds_are_read_as_near_as_float64_comes(read, kind):
    times = [1_732_752_000_000_000_001, 1_732_752_000_000_001_025, 1_732_752_000_000_002_049]
    table = read({"time": pa.array(times, kind), "labels": ["x", "", "x"]})
    assert table.features[:, 0].tolist() == [float(time) for time in times]
    assert len(set(table.features[:, 0].tolist())) == 3
