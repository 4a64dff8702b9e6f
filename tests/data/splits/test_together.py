import dataclasses

import numpy as np
import pytest

from lopsided.data import DataError
from lopsided.data.splits.together import check_parts, groups_in_two_splits, kept_together


def test_groups_equal_features_and_look_alikes_stay_together_through_each_other(make_table):
    features = np.array([[0], [0], [1], [2], [3], [4]], np.float32)
    table = dataclasses.replace(
        make_table(["train"] * 6, features=features), groups=np.array(["ann", "bob", "bob", "eve", "joe", "kim"])
    )
    assert kept_together(table).tolist() == [0, 0, 0, 1, 2, 3]
    assert kept_together(table, near=np.array([0, 1, 2, 3, 3, 4])).tolist() == [0, 0, 0, 1, 1, 2]
    assert kept_together(dataclasses.replace(table, groups=None)).tolist() == [0, 0, 1, 2, 3, 4]


@pytest.mark.parametrize("groups", [np.array([7, 8, 7, 9]), np.array(["a", "b", "a", "c"], np.dtypes.StringDType())])
def test_groups_may_be_numbers_or_texts_of_any_length(make_table, groups):
    assert kept_together(dataclasses.replace(make_table(["train"] * 4), groups=groups)).tolist() == [0, 1, 0, 2]


def test_more_parts_than_groups_are_refused_and_as_many_are_not():
    check_parts(np.array([0, 1, 1, 2]), 3, name="visits")
    with pytest.raises(DataError, match="visits: expected at least 4 groups of samples to make 4 splits of, got 3"):
        check_parts(np.array([0, 1, 1, 2]), 4, name="visits")


def test_groups_in_two_splits_are_named_the_largest_first(make_table):
    table = make_table(["train", "test", "train", "test", "train", "val"])
    groups = np.array(["kim", "kim", "ann", "ann", "ann", "eve"])
    assert groups_in_two_splits(dataclasses.replace(table, groups=groups)) == ["ann", "kim"]
    assert groups_in_two_splits(dataclasses.replace(table, groups=np.arange(6))) == []
    assert groups_in_two_splits(table) == []
