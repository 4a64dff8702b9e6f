import numpy as np
import pytest

from lopsided.data import DataError, digits, in_two_splits, summarise
from lopsided.data.readers.digits import COLOURS


@pytest.fixture(scope="module")
def table():
    return digits(train_samples=1500, validation_samples=600, test_samples=600)


def test_scenes_are_small_colour_images_in_three_splits(table):
    assert table.features.shape == (2700, 3, 32, 32)
    assert table.features.dtype == np.uint8
    assert [len(table.rows(split)) for split in table.split_names] == [1500, 600, 600]
    assert table.truth is None


def test_a_label_is_a_digit_and_a_colour(table):
    assert len(table.labels.names) == 80
    assert {"0 red", "3 cyan", "9 white"} <= set(table.labels.names)


def test_about_three_of_eighty_labels_are_positive_and_each_is_somewhere(table):
    for split in summarise(table)["splits"].values():
        assert 2.8 < split["positives_per_sample"] < 3.1
        assert split["labels_without_positives"] == 0


def test_a_scene_holds_one_to_five_digits(table):
    assert set(np.unique(table.labels.positives.sum(axis=1))) == {1, 2, 3, 4, 5}


def test_the_colours_named_are_the_colours_painted(table):
    labels = table.labels
    for position, (name, colour) in enumerate(COLOURS.items()):
        alone = np.flatnonzero(
            (labels.positives.sum(axis=1) == 1) & (labels.positives[:, position::8].sum(axis=1) == 1)
        )
        distances = np.abs(table.features[alone[:20]] - np.array(colour, float)[None, :, None, None]).sum(axis=1)
        assert distances.reshape(len(distances), -1).min(axis=1).max() < 100, name  # red and orange are 120 apart


def test_most_ink_of_most_digits_stays_visible():
    # Where a scene has one digit of each of several colours, enough pixels must be close to each of them.
    table = digits(train_samples=400, validation_samples=0, test_samples=0)
    colours = np.array(list(COLOURS.values()), float)
    pixels = table.features.reshape(400, 3, -1).transpose(0, 2, 1)[:, :, None, :]
    painted = (np.abs(pixels - colours).sum(axis=-1) < 120).sum(axis=1)
    present = table.labels.positives.toarray().reshape(400, 10, 8).any(axis=1)
    assert np.mean(painted[present] >= 5) > 0.97


def test_no_scene_stands_in_two_splits(table):
    assert in_two_splits(table) == 0


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(table):
    again = digits(train_samples=1500, validation_samples=600, test_samples=600)
    other = digits(train_samples=1500, validation_samples=600, test_samples=600, seed=1)
    assert again.features.tobytes() == table.features.tobytes()
    assert (again.labels.positives != table.labels.positives).nnz == 0
    assert again.features.tobytes() != other.features.tobytes()


def test_every_version_draws_the_same_scenes():
    """Rounding differs between processors, and so may a few pixels by 1."""
    means = digits(train_samples=200, validation_samples=0, test_samples=0).features.mean(axis=(0, 2, 3))
    assert means == pytest.approx([47.49717, 43.72734, 41.11429], abs=1e-3)


def test_the_first_scenes_do_not_depend_on_how_many_are_drawn(table):
    few = digits(train_samples=70, validation_samples=30, test_samples=10)
    for split in few.split_names:
        rows, of_all = few.rows(split), table.rows(split)[: len(few.rows(split))]
        assert (few.features[rows] == table.features[of_all]).all()
        assert (few.labels.dense(rows)[0] == table.labels.dense(of_all)[0]).all()


def test_hidden_positives_are_of_training_scenes_only_and_the_truth_keeps_them(table):
    hidden = digits(train_samples=1500, validation_samples=600, test_samples=600, missing=0.3)
    assert (hidden.features == table.features).all()
    assert hidden.truth is not None
    assert (hidden.truth.positives != table.labels.positives).nnz == 0
    train, rest = hidden.rows("train"), np.flatnonzero(hidden.splits != "train")
    share = hidden.labels.take(train).positives.nnz / hidden.truth.take(train).positives.nnz
    assert share == pytest.approx(0.7, abs=1e-3)
    assert (hidden.labels.dense(rest)[0] == hidden.truth.dense(rest)[0]).all()
    assert hidden.labels.unknown is None


def test_a_split_may_be_empty():
    assert digits(train_samples=0, validation_samples=0, test_samples=3).split_names == ("test",)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"train_samples": -1}, "expected the number of train samples to be at least 0, got -1"),
        ({"train_samples": 0, "validation_samples": 0, "test_samples": 0}, "at least one sample"),
        ({"missing": 1.5, "train_samples": 1}, r"in \[0, 1\], got 1.5"),
        ({"seed": -1}, "expected seed to be at least 0, got -1"),
    ],
)
def test_impossible_wishes_are_refused(wrong, message):
    with pytest.raises(DataError, match=message):
        digits(**wrong)


def test_scenes_are_drawn_in_blocks_and_any_number_of_them_is_whole():
    many = digits(train_samples=1201, validation_samples=501, test_samples=1)
    assert [len(many.rows(split)) for split in ("train", "val", "test")] == [1201, 501, 1]
    assert len(np.unique(many.features.reshape(1703, -1), axis=0)) == 1703  # no block is another one again


def test_every_split_and_every_seed_has_scenes_of_its_own():
    found = [
        digits(train_samples=3, validation_samples=3, test_samples=3, seed=seed).features.reshape(9, -1)
        for seed in (0, 1, 2)
    ]
    assert len(np.unique(np.concatenate(found), axis=0)) == 27
