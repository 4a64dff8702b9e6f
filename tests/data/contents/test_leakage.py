import numpy as np
import pytest
from scipy.sparse import csr_array

from lopsided.data import in_two_splits
from lopsided.data.contents import digests as module
from lopsided.data.contents.leakage import content_ids
from tests.data.image_manifests import manifest_of


@pytest.fixture
def files(tmp_path):
    """A manifest of files with these contents; None is a file that is missing."""

    def write(contents, splits=None):
        names = [f"{i}.jpg" for i in range(len(contents))]
        for name, content in zip(names, contents, strict=True):
            if content is not None:
                (tmp_path / name).write_bytes(content)
        return manifest_of(tmp_path, names, splits)

    return write


@pytest.mark.parametrize("form", [np.asarray, csr_array])
def test_equal_rows_have_equal_numbers(make_table, form):
    features = np.array([[0, 1], [2, 0], [0, 1], [1, 0], [0, 0], [0, 0]], dtype=np.float32)
    assert content_ids(make_table(["train"] * 6, features=form(features))).tolist() == [0, 1, 0, 2, 3, 3]


def test_zero_and_minus_zero_are_equal(make_table):
    features = np.array([[0.0], [-0.0]], dtype=np.float32)
    assert content_ids(make_table(["train"] * 2, features=features)).tolist() == [0, 0]


def test_zeros_that_are_stored_and_columns_out_of_order_do_not_matter(make_table):
    data, columns = np.array([1, 2, 0, 2, 1], dtype=np.float32), np.array([0, 1, 2, 1, 0])
    features = csr_array((data, columns, np.array([0, 3, 5])), shape=(2, 3))
    assert content_ids(make_table(["train"] * 2, features=features)).tolist() == [0, 0]


def test_a_content_counts_once_however_often_it_occurs(make_table):
    features = np.array([1, 1, 1, 2, 3, 3, 4, 4], dtype=np.float32)[:, None]
    table = make_table(["train", "test", "test", "train", "train", "train", "val", "train"], features=features)
    assert in_two_splits(table) == 2  # 1 and 4; 3 occurs twice, but in one split


def test_images_are_compared_too(make_table):
    images = np.zeros((3, 3, 4, 4), np.uint8)
    images[2, 1, 1, 1] = 1
    assert in_two_splits(make_table(["train", "test", "val"], features=images)) == 1


def test_files_of_equal_bytes_have_equal_numbers(files):
    assert content_ids(files([b"ab", b"b", b"ab", b"a", b"b", b"abc"])).tolist() == [0, 1, 0, 2, 1, 3]


def test_files_that_differ_in_any_byte_are_different(files):
    content = bytes(10_000)
    others = [content[:place] + b"x" + content[place + 1 :] for place in (0, 5000, 9999)]
    assert content_ids(files([content, *others, content, others[1]])).tolist() == [0, 1, 2, 3, 0, 2]


def test_files_that_are_missing_or_empty_are_like_no_others(files, tmp_path):
    manifest = files([None, None, b"", b"", b"a", b"b"])
    (tmp_path / "4.jpg").unlink()
    (tmp_path / "5.jpg").unlink()
    (tmp_path / "4.jpg").mkdir()
    (tmp_path / "5.jpg").mkdir()
    assert content_ids(manifest).tolist() == [0, 1, 2, 3, 4, 5]


def test_no_more_of_a_file_is_read_than_tells_it_apart(files, monkeypatch):
    manifest = files([bytes(9000), bytes(9000), bytes(8000) + b"x" * 1000, bytes(9001), b"a"])
    ends, wholes = [], []
    digest_of_end, digest_of_all = module._digest_of_end, module._digest_of_all
    monkeypatch.setattr(module, "_digest_of_end", lambda path: ends.append(path.stem) or digest_of_end(path))
    monkeypatch.setattr(module, "_digest_of_all", lambda path: wholes.append(path.stem) or digest_of_all(path))
    assert content_ids(manifest).tolist() == [0, 0, 1, 2, 3]
    assert (ends, wholes) == (["0", "1", "2"], ["0", "1"])


def test_files_in_two_splits_are_counted(files):
    manifest = files([b"a", b"b", b"a", b"c", b"c", None], ["train", "train", "test", "test", "test", "val"])
    assert in_two_splits(manifest) == 1
