import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from lopsided.data import DataError, Labels, Table, in_two_splits, with_validation
from lopsided.data.splits.together import groups_in_two_splits
from lopsided.data.splits.validation import with_test
from tests.data.image_manifests import manifest_of


def test_a_share_of_train_moves_to_val_and_the_rest_stays(make_table):
    before = make_table(["train"] * 100 + ["test"] * 20)
    after = with_validation(before, share=0.2, seed=0)
    assert [len(after.rows(split)) for split in ("train", "val", "test")] == [80, 20, 20]
    assert (after.rows("test") == before.rows("test")).all()
    assert before.split_names == ("train", "test")
    assert after.features is before.features


def test_the_seed_decides_which(make_table):
    table = make_table(["train"] * 100)
    one, same, other = (with_validation(table, seed=seed).rows("val").tolist() for seed in (1, 1, 2))
    assert one == same != other


@pytest.mark.parametrize("splits", [["train", "train", "val"], ["test", "test"]])
def test_a_table_with_val_or_without_train_stays_as_it_is(make_table, splits):
    table = make_table(splits)
    assert with_validation(table) is table


def test_a_share_of_nothing_moves_nothing(make_table):
    table = make_table(["train", "train"])
    assert with_validation(table, share=0) is table


def test_at_least_one_sample_moves_and_the_seed_decides_which(make_table):
    moved = [with_validation(make_table(["train"] * 8), share=0.01, seed=seed).rows("val") for seed in range(8)]
    assert {len(rows) for rows in moved} == {1}
    assert len({rows[0] for rows in moved}) > 1


def test_short_split_names_leave_room_for_val(make_table):
    table = make_table(["a", "b"])
    assert table.splits.dtype == "<U1"
    assert with_validation(table).splits.tolist() == ["a", "b"]


def test_samples_with_equal_features_stay_together(make_table):
    features = np.repeat(np.arange(25), 4)[:, None].astype(np.float32)
    after = with_validation(make_table(["train"] * 100, features=features), share=0.3, seed=5)
    assert in_two_splits(after) == 0
    assert len(after.rows("val")) == 28  # seven groups of four; an eighth would be more than 30


def test_a_group_larger_than_the_share_stays_in_train(make_table):
    features = np.array([0] * 90 + list(range(1, 11)), dtype=np.float32)[:, None]
    after = with_validation(make_table(["train"] * 100, features=features), share=0.1)
    assert after.rows("val").tolist() == list(range(90, 100))


def test_the_smallest_group_moves_when_every_group_is_larger_than_the_share(make_table):
    features = np.array([0, 0, 0, 1, 1], dtype=np.float32)[:, None]
    assert with_validation(make_table(["train"] * 5, features=features), share=0.2).rows("val").tolist() == [3, 4]


def test_samples_that_are_all_equal_cannot_be_split(make_table):
    with pytest.raises(DataError, match="pets: expected at least two different training samples"):
        with_validation(make_table(["train"] * 3, features=np.zeros((3, 2), np.float32)))


def test_files_of_equal_bytes_stay_together(tmp_path):
    names = [f"{i}.jpg" for i in range(40)]
    for i, name in enumerate(names):
        (tmp_path / name).write_bytes(bytes([i // 4]))
    before = manifest_of(tmp_path, names)
    after = with_validation(before, share=0.3, seed=1)
    assert len(after.rows("val")) == 12
    assert in_two_splits(after) == 0
    assert (after.paths is before.paths, before.split_names) == (True, ("train",))


def test_files_that_are_missing_can_be_validated_on_too(tmp_path):
    assert len(with_validation(manifest_of(tmp_path, ["a.jpg"] * 10), share=0.2).rows("val")) == 2


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_a_share_outside_0_to_1_is_refused(make_table, share):
    with pytest.raises(DataError, match="at least 0 and below 1"):
        with_validation(make_table(["train"]), share=share)


@settings(max_examples=60, deadline=None)
@given(
    contents=st.lists(st.integers(0, 5), min_size=2, max_size=40),
    splits=st.lists(st.sampled_from(["train", "train", "test", "x"]), min_size=40, max_size=40),
    share=st.floats(0, 0.99),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_samples_keep_their_place_and_equal_ones_stay_together(contents, splits, share, seed):
    before = np.array(splits[: len(contents)])
    labels = Labels(("cat",), csr_array(np.ones((len(contents), 1), dtype=bool)))
    table = Table("any", np.array(contents, np.float32)[:, None], labels, before)
    if share > 0 and len({c for c, split in zip(contents, before.tolist(), strict=True) if split == "train"}) == 1:
        with pytest.raises(DataError, match="at least two different training samples"):
            with_validation(table, share=share, seed=seed)
        return
    after = with_validation(table, share=share, seed=seed).splits
    moved = after != before
    assert set(after[moved].tolist()) <= {"val"}
    assert (before[moved] == "train").all()
    assert bool(moved.any()) == (share > 0 and "train" in before.tolist())
    of_train = [
        (c, split) for c, split, was in zip(contents, after.tolist(), before.tolist(), strict=True) if was == "train"
    ]
    assert len(set(of_train)) == len({c for c, _ in of_train})


def grouped(make_table, groups, *, features=None):
    """A table of one split with these groups."""
    return dataclasses.replace(make_table(["train"] * len(groups), features=features), groups=np.asarray(groups))


@pytest.mark.parametrize("take", [with_validation, with_test])
@pytest.mark.parametrize("seed", range(4))
def test_groups_and_equal_samples_stay_together_and_labels_get_their_share(make_table, take, seed):
    groups = np.random.default_rng(seed).integers(150, size=600)
    features = np.arange(600, dtype=np.float32)[:, None]
    features[1] = features[0]  # two groups that a copy joins
    data = grouped(make_table, groups, features=features)
    after = take(data, share=0.2, seed=seed)
    (name,) = set(after.split_names) - {"train"}
    assert groups_in_two_splits(after) == []
    assert in_two_splits(after) == 0
    assert abs(len(after.rows(name)) - 120) <= 30  # labels come first, the rarest before all, and sizes follow
    got = after.labels.take(after.rows(name)).positives_per_label()
    assert (np.abs(got / after.labels.positives_per_label() - 0.2) <= (0.09, 0.02)).all()
    np.testing.assert_array_equal(after.splits, take(data, share=0.2, seed=seed).splits)
    assert (after.splits != take(data, share=0.2, seed=seed + 1).splits).any()


def test_a_share_below_every_group_moves_the_smallest(make_table):
    data = grouped(make_table, ["ann"] * 5 + ["bob"] * 2 + ["eve"] * 5)
    assert with_validation(data, share=0.01).rows("val").tolist() == [5, 6]
    assert with_test(data, share=0.01).rows("test").tolist() == [5, 6]


def test_samples_of_a_single_group_cannot_be_split(make_table):
    for take in (with_validation, with_test):
        with pytest.raises(DataError, match="pets: expected at least 2 groups of samples to make 2 splits of, got 1"):
            take(grouped(make_table, ["ann"] * 5), share=0.2)


def test_a_test_split_is_taken_from_the_training_samples_alone(make_table):
    before = make_table(["train"] * 50 + ["val"] * 50)
    after = with_test(before, share=0.2)
    assert after.rows("test").max() < 50
    assert len(after.rows("test")) == 10
    assert after.rows("val").tolist() == before.rows("val").tolist()
    assert with_test(before, share=0) is before


@pytest.mark.parametrize("splits", [["train", "test"], ["val", "val"]])
def test_a_test_split_that_is_there_or_cannot_be_had_is_refused(make_table, splits):
    with pytest.raises(DataError, match="expected data.test_share with a train split and without a test split"):
        with_test(make_table(splits), share=0.1)
