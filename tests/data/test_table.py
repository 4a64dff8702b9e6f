import dataclasses

import numpy as np
import pytest
from scipy.sparse import csr_array

from lopsided.data import DataError, Labels, Table
from lopsided.data.features import exact_features


def table_of(features, *, splits=None, samples=2, **others):
    labels = Labels(("cat",), csr_array(np.ones((samples, 1), dtype=bool)))
    return Table("pets", features, labels, np.array(["train"] * samples if splits is None else splits), **others)


def test_splits_stand_in_the_usual_order_and_others_follow_by_name(make_table):
    table = make_table(["zoo", "test", "attic", "train", "val", "train"])
    assert table.split_names == ("train", "val", "test", "attic", "zoo")
    assert table.rows("train").tolist() == [3, 5]
    assert len(table) == 6


def test_a_split_that_is_not_there_is_refused_with_those_that_are(make_table):
    with pytest.raises(DataError, match="pets: expected a split among train, test, got 'val'"):
        make_table(["train", "test"]).rows("val")


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (np.zeros(2, np.float32), "with 1 dimensions"),
        (np.zeros((2, 3), np.float16), "got float16"),
        (np.zeros((2, 3), np.uint8), "got uint8 with 2 dimensions"),
        (csr_array((2, 3)), "got float64"),
        (np.zeros((2, 0), np.float32), "at least one sample and one feature"),
        (np.zeros((3, 1), np.float32), r"expected labels to be as many as the samples \(3\), got 2"),
    ],
)
def test_features_of_another_type_or_length_are_refused(features, message):
    with pytest.raises(DataError, match=message):
        table_of(features)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("form", [np.asarray, csr_array])
def test_a_number_that_is_not_finite_is_named_by_row_and_column(wrong, form):
    features = np.array([[0, 1], [2, wrong]], dtype=np.float32)
    with pytest.raises(DataError, match=r"in row 1 \(from 0\), column 'age'"):
        table_of(form(features), feature_names=("size", "age"))


def test_a_number_that_is_not_finite_is_found_in_features_of_many_dimensions():
    features = np.zeros((2, 3, 4), np.float32)
    features[1, 2, 3] = np.nan
    with pytest.raises(DataError, match=r"in row 1 \(from 0\), column 2, 3"):
        table_of(features)


def test_images_are_bytes_of_four_dimensions():
    assert len(table_of(np.zeros((2, 3, 4, 4), np.uint8))) == 2


@pytest.mark.parametrize("splits", [["train"], ["train", ""], [1, 2], [["train"], ["train"]]])
def test_splits_that_do_not_fit_are_refused(splits):
    with pytest.raises(DataError, match="expected splits to be"):
        table_of(np.zeros((2, 1), np.float32), splits=splits)


def test_feature_names_must_be_one_per_feature():
    with pytest.raises(DataError, match="expected feature_names to be one per feature, got 2"):
        table_of(np.zeros((2, 3), np.float32), feature_names=("a", "b"))


def test_the_truth_must_have_the_same_labels():
    truth = Labels(("dog",), csr_array(np.ones((2, 1), dtype=bool)))
    with pytest.raises(DataError, match="expected truth to have the names and samples of labels"):
        table_of(np.zeros((2, 1), np.float32), truth=truth)


@pytest.mark.parametrize(
    "numbers",
    [
        [1_732_752_000, 1_732_752_007],
        [1.732752e9 + 0.25, 1.732752e9],
        [-1_732_752_001, 31_536_000],
        [2.0**24 + 1, 0.0],
        [1000.0001, 1000.0002],
        [300.1],
    ],
)
def test_numbers_that_float32_does_not_tell_apart_stay_float64(numbers):
    features = exact_features(np.stack([np.zeros(len(numbers)), numbers], axis=1))
    assert features.dtype == np.float64
    assert features[:, 1].tolist() == numbers


@pytest.mark.parametrize(
    "numbers",
    [[0.1, 1.5], [2.0**30, 2.0**31], [300.1, 280.3, 270.9], [0.1, 0.1], np.array([1, 0], bool), np.float16([0.1, 2])],
)
def test_other_numbers_are_float32(numbers):
    assert exact_features(np.asarray(numbers)[:, None]).dtype == np.float32


def test_a_number_beyond_float32_is_refused_in_either_type(make_table):
    with pytest.raises(DataError, match="to be finite float32 numbers, got 1e\\+39 in row 1"):
        dataclasses.replace(make_table(["train"] * 2), features=np.array([[1.0], [1e39]]))
