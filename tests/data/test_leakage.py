import numpy as np
import pytest
from scipy.sparse import csr_array

from lopsided.data import in_two_splits
from lopsided.data.leakage import content_ids


@pytest.mark.parametrize("form", [np.asarray, csr_array])
def test_equal_rows_have_equal_numbers(form):
    features = np.array([[0, 1], [2, 0], [0, 1], [1, 0], [0, 0], [0, 0]], dtype=np.float32)
    assert content_ids(form(features)).tolist() == [0, 1, 0, 2, 3, 3]


def test_zero_and_minus_zero_are_equal():
    assert content_ids(np.array([[0.0], [-0.0]], dtype=np.float32)).tolist() == [0, 0]


def test_zeros_that_are_stored_and_columns_out_of_order_do_not_matter():
    data, columns = np.array([1, 2, 0, 2, 1], dtype=np.float32), np.array([0, 1, 2, 1, 0])
    assert content_ids(csr_array((data, columns, np.array([0, 3, 5])), shape=(2, 3))).tolist() == [0, 0]


def test_a_content_counts_once_however_often_it_occurs(make_table):
    features = np.array([1, 1, 1, 2, 3, 3, 4, 4], dtype=np.float32)[:, None]
    table = make_table(["train", "test", "test", "train", "train", "train", "val", "train"], features=features)
    assert in_two_splits(table) == 2  # 1 and 4; 3 occurs twice, but in one split


def test_images_are_compared_too(make_table):
    images = np.zeros((3, 3, 4, 4), np.uint8)
    images[2, 1, 1, 1] = 1
    assert in_two_splits(make_table(["train", "test", "val"], features=images)) == 1
