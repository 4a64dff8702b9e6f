import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from lopsided.data import DataError, Labels, Table, in_two_splits, with_validation
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
