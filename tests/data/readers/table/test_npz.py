import io
import re
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lopsided.data import DataError
from tests.data.readers.for_run import read_table

FEATURES = np.array([[1.5, 2.0], [3.0, 4.0]])
LABELS = np.array([[1, 0, 1], [0, 0, 1]])


@pytest.fixture
def read(tmp_path):
    def write_and_read(*, of_run=None, **arrays):
        np.savez(tmp_path / "pets.npz", **arrays)
        return read_table(tmp_path / "pets.npz", label_names=of_run)

    return write_and_read


def test_features_and_labels_are_enough(read):
    table = read(features=FEATURES, labels=LABELS)
    assert table.features.dtype == np.float32
    assert table.labels.names == ("label 0", "label 1", "label 2")
    assert (table.labels.positives.toarray() == LABELS).all()
    assert table.labels.unknown is None
    assert table.split_names == ("train",)


def test_names_splits_and_mask_are_read(read):
    mask = np.array([[True, False, True], [True, True, True]])
    names, split = np.array(["a", "b c", "🦊"]), np.array(["validation", "test"])
    table = read(features=FEATURES, labels=LABELS.astype(float), label_names=names, split=split, mask=mask)
    assert table.labels.names == ("a", "b c", "🦊")
    assert table.splits.tolist() == ["val", "test"]
    assert (table.labels.unknown.toarray() == ~mask).all()


def test_a_separator_of_names_has_no_effect_unless_it_is_of_a_run(tmp_path):
    np.savez(tmp_path / "pets.npz", features=FEATURES, labels=LABELS, label_names=["a", "b", "c"])
    with pytest.raises(DataError, match=r"pets\.npz: expected no data\.separator with NPZ, got ','"):
        read_table(tmp_path / "pets.npz", separator=",")
    of_run = read_table(tmp_path / "pets.npz", separator=",", label_names=["a", "b", "c"])
    assert (of_run.labels.positives.toarray() == LABELS).all()


def test_what_stands_at_an_unknown_element_does_not_matter(read):
    labels = np.array([[np.nan, 7, 1], [0, 0, 1]])
    mask = np.array([[False, False, True], [True, True, True]])
    assert read(features=FEATURES, labels=labels, mask=mask).labels.positives.toarray().sum() == 2


def test_images_stay_bytes_and_other_bytes_become_numbers(read):
    assert read(features=np.zeros((2, 3, 4, 4), np.uint8), labels=LABELS).features.dtype == np.uint8
    assert read(features=np.zeros((2, 3), np.uint8), labels=LABELS).features.dtype == np.float32


def test_columns_get_the_order_of_the_run_and_are_unknown_where_absent(read):
    mask = np.array([[True, False, True], [True, True, True]])
    names = np.array(["c", "b", "a"])
    table = read(features=FEATURES, labels=LABELS, label_names=names, mask=mask, of_run=["a", "b", "c", "d"])
    assert table.labels.names == ("a", "b", "c", "d")
    assert table.labels.positives.toarray().astype(int).tolist() == [[1, 0, 1, 0], [1, 0, 0, 0]]
    assert table.labels.unknown.toarray().astype(int).tolist() == [[0, 1, 0, 1], [0, 0, 0, 1]]


@pytest.mark.parametrize("others", [{}, {"split": np.array(["new", "new"])}, {"label_names": np.array(["dog"])}])
def test_a_run_needs_no_labels_and_then_knows_none(read, others):
    table = read(features=FEATURES, of_run=["dog", "cat"], **others)
    assert table.features.tolist() == FEATURES.tolist()
    assert table.split_names == (("new",) if "split" in others else ("train",))
    assert table.labels.names == ("dog", "cat")
    assert table.labels.positives.nnz == 0
    assert not table.labels.dense(range(len(table)))[1].any()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"labels": LABELS}, r"got also 'label 0' \(and 2 more\)$"),
        ({"labels": LABELS, "label_names": np.array(["cat", "zebra", "dog"])}, "got also 'zebra'$"),
        ({"label_names": np.array(["zebra"])}, "got also 'zebra'$"),
    ],
)
def test_labels_that_a_run_does_not_know_are_refused(read, arrays, message):
    with pytest.raises(DataError, match=message) as caught:
        read(features=FEATURES, of_run=["dog", "cat"], **arrays)
    assert "pets.npz" in str(caught.value)


SPARSE = {
    "labels_indptr": np.array([0, 2, 3]),
    "labels_indices": np.array([2, 0, 2], dtype=np.uint16),
    "label_names": np.array(["cat", "dog", "fox"]),
}


def test_sparse_labels_say_what_whole_ones_say(read):
    table = read(features=FEATURES, **SPARSE)
    assert table.labels.names == ("cat", "dog", "fox")
    assert (table.labels.positives.toarray() == LABELS).all()
    assert table.labels.unknown is None
    assert table.labels.negatives is None


@pytest.mark.parametrize("way", ["unknown", "negatives"])
def test_sparse_labels_may_be_unknown_in_two_ways(read, way):
    places = {f"{way}_indptr": np.array([0, 0, 1]), f"{way}_indices": np.array([1])}
    labels = read(features=FEATURES, **SPARSE, **places).labels
    mask = [[True, True, True], [True, False, True]] if way == "unknown" else [[True, False, True], [False, True, True]]
    assert labels.dense([0, 1])[1].tolist() == mask


def test_a_run_finds_its_labels_among_sparse_ones(read):
    labels = read(features=FEATURES, **SPARSE, of_run=["fox", "cow", "cat", "dog"]).labels
    targets, mask = labels.dense([0, 1])
    assert targets.astype(int).tolist() == [[1, 0, 1, 0], [1, 0, 0, 0]]
    assert mask.tolist() == [[True, False, True, True]] * 2


@pytest.mark.parametrize("block", [7, 2])
def test_whole_labels_of_many_rows_are_looked_at_in_blocks(read, monkeypatch, block):
    monkeypatch.setattr("lopsided.data.readers.table.npz_labels._BLOCK", block)
    draw = np.random.default_rng(0)
    labels, mask = draw.random((11, 3)) < 0.5, draw.random((11, 3)) < 0.6
    got = read(features=np.zeros((11, 2)), labels=labels, mask=mask).labels
    assert (got.positives.toarray() == labels & mask).all()
    assert (got.unknown.toarray() == ~mask).all()
    bad = labels.astype(int)
    bad[8, 1] = 5
    with pytest.raises(DataError, match="got 5 in row 8, column 1"):
        read(features=np.zeros((11, 2)), labels=bad)


def test_what_is_mostly_unknown_is_held_by_its_negatives(read):
    mask = np.array([[False, True, False], [False, False, True]])
    labels = read(features=FEATURES, labels=LABELS, mask=mask).labels
    assert labels.unknown is None
    assert labels.dense([0, 1])[1].tolist() == mask.tolist()
    assert labels.positives.toarray().tolist() == (mask & (LABELS == 1)).tolist()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": LABELS}, "whole, in 'labels', or sparse, got 'labels_indptr' beside 'labels'$"),
        ({"mask": LABELS == 1}, "'unknown_indices' to say where sparse labels are unknown, got 'mask'$"),
        ({"label_names": None}, "expected an array 'label_names' beside sparse labels, got none$"),
        ({"label_names": np.array([1, 2, 3])}, r"expected label_names to be texts, shape \(labels,\), got int64"),
        (
            {"label_names": np.array(["cat", "dog"])},
            "expected labels_indices to be numbers of labels from 0 to 1, got 2 at 0$",
        ),
        (
            {"labels_indices": np.array([2, -1, 2])},
            "expected labels_indices to be numbers of labels from 0 to 2, got -1 at 1$",
        ),
        ({"labels_indices": None}, "expected both 'labels_indptr' and 'labels_indices', got only 'labels_indptr'$"),
        ({"labels_indices": np.array([2.0, 0.0, 2.0])}, "expected labels_indices to be integers"),
        ({"labels_indptr": np.array([0, 3])}, r"one number more than there are samples \(2\), got 2$"),
        (
            {"labels_indptr": np.array([1, 2, 3])},
            r"to rise from 0 to the length of labels_indices \(3\), got 1 to 3$",
        ),
        ({"labels_indptr": np.array([0, 4, 3])}, "got 0 to 3 and back in between$"),
        ({"unknown_indptr": np.array([0, 1, 1])}, "expected both 'unknown_indptr' and 'unknown_indices'"),
        (
            {"unknown_indptr": np.array([0, 1, 1]), "unknown_indices": np.array([2])},
            "expected a label to be positive or unknown, got both for 'fox' of sample 0",
        ),
        ({"labels_indptr": None, "labels_indices": None}, "expected an array 'labels', got"),
    ],
)
def test_sparse_labels_that_do_not_fit_together_are_refused_in_one_line(read, changes, message):
    arrays = {name: array for name, array in {**SPARSE, **changes}.items() if array is not None}
    with pytest.raises(DataError, match=message) as caught:
        read(features=FEATURES, **arrays)
    assert "pets.npz" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "expected an array 'features', got no array"),
        ({"features": FEATURES}, "expected an array 'labels', got features"),
        ({"features": FEATURES, "labels": LABELS, "masks": LABELS}, "got 'masks'; did you mean mask?"),
        ({"features": FEATURES.astype(object), "labels": LABELS}, "expected arrays in NPZ, got 'Object arrays"),
        ({"features": FEATURES.astype(str), "labels": LABELS}, "expected features to be numbers"),
        ({"features": FEATURES[0], "labels": LABELS}, "with 1 dimensions"),
        ({"features": FEATURES * np.nan, "labels": LABELS}, r"got nan in row 0 \(from 0\), column 0"),
        ({"features": FEATURES * 1e300, "labels": LABELS}, "got inf in row 0"),
        ({"features": FEATURES, "labels": LABELS[0]}, r"expected labels to be 0 and 1, shape \(samples, labels\)"),
        ({"features": FEATURES, "labels": LABELS * 2}, "expected known labels to be 0 or 1, got 2 in row 0, column 0"),
        ({"features": FEATURES, "labels": LABELS[:1]}, r"expected labels to be as many as the samples \(2\), got 1"),
        ({"features": FEATURES, "labels": LABELS, "mask": LABELS}, "expected mask to be bool"),
        (
            {"features": FEATURES, "labels": LABELS, "label_names": np.array(["a"])},
            "expected label_names to be 3 texts",
        ),
        ({"features": FEATURES, "labels": LABELS, "split": np.array([0, 1])}, "expected split to be texts"),
        ({"features": FEATURES, "labels": LABELS, "split": np.array(["train"])}, "expected splits to be as many"),
        ({"features": FEATURES, "labels": LABELS, "split": np.array(["train", ""])}, "expected the name of a split"),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_one_line(read, arrays, message):
    with pytest.raises(DataError, match=message) as caught:
        read(**arrays)
    assert "pets.npz" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_one_array_alone_is_refused(tmp_path):
    with (tmp_path / "one.npz").open("wb") as file:
        np.save(file, FEATURES)
    with pytest.raises(DataError, match="one array in NPY"):
        read_table(tmp_path / "one.npz")


def archive():
    buffer = io.BytesIO()
    np.savez_compressed(buffer, features=FEATURES, labels=LABELS, split=np.array(["train", "val"]))
    return buffer.getvalue()


@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), max_size=6), st.integers(0, 3000))
@settings(max_examples=150, deadline=None)
def test_damaged_bytes_give_a_table_or_our_error(refusal, tmp_path_factory, edits, length):
    content = bytearray(archive())
    for position, byte in edits:
        content[position % len(content)] = byte
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    path.write_bytes(content if length % 3 else content[: length % len(content)])
    assert "\n" not in refusal(read_table, path)


def zipped(path, features):
    labels = io.BytesIO()
    np.save(labels, np.eye(2))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("features.npy", features)
        file.writestr("labels.npy", labels.getvalue())
    return path


def npy(header):
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (b"", "got \"'features', which is no array\""),
        (b"text", "got \"'features', which is no array\""),
        (npy("{'descr': (("), "expected arrays in NPZ, got"),  # Python's tokenizer refuses it, with an error of its own
        (npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 10)}"), "expected arrays in NPZ, got"),
        (npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 2)}"), "expected arrays in NPZ, got"),
        (npy("{'descr': '|O', 'fortran_order': False, 'shape': (2, 2)}"), "expected arrays in NPZ, got 'Object arrays"),
        (npy("__import__('os').mkdir('x')"), "expected arrays in NPZ, got"),
    ],
    ids=range(7),
)
def test_a_member_that_is_no_array_is_refused(tmp_path, features, message):
    with pytest.raises(DataError, match=re.escape(message)):
        read_table(zipped(tmp_path / "t.npz", features))


def test_an_archive_that_unpacks_to_more_than_the_memory_is_refused_before(tmp_path, monkeypatch):
    path = zipped(
        tmp_path / "t.npz", npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 50000)}") + bytes(800_000)
    )
    assert path.stat().st_size < 3000
    assert read_table(path).features.shape == (2, 50_000)
    monkeypatch.setattr("lopsided.files.memory.machine_memory", lambda: 1e6)
    with pytest.raises(DataError, match=r"expected arrays of at most 0.0 GiB \(80% of memory\), got"):
        read_table(path)


def test_large_whole_numbers_stay_apart(read):
    times = 1_732_752_000 + 7 * np.arange(20)[:, None]
    assert read(features=times, labels=np.ones((20, 1), int)).features.tolist() == times.tolist()


@pytest.mark.parametrize("value", [-1, 255, 0.5])
def test_labels_that_are_neither_0_nor_1_are_refused(read, value):
    with pytest.raises(DataError, match="expected known labels to be 0 or 1, got"):
        read(features=FEATURES, labels=np.array([[1, 0], [0, value]]))


def test_a_word_for_a_missing_value_is_no_split(read):
    with pytest.raises(DataError, match="expected the name of a split, got 'nan'"):
        read(features=FEATURES, labels=LABELS, split=np.array(["train", "nan"]))


def test_names_of_labels_have_one_unicode_form(read):
    names = np.array(["cafe\u0301", "b", "c"])
    assert read(features=FEATURES, labels=LABELS, label_names=names).labels.names == ("café", "b", "c")
