import numpy as np
import pytest

from lopsided.metrics.ranked.frequencies import Frequencies


def named(counts, num_samples=1000):
    return [["head", "medium", "tail"][group] for group in Frequencies(np.array(counts), num_samples).groups()]


def test_each_group_holds_about_a_third_of_the_positives_of_training():
    draw = np.random.default_rng(0)
    counts = np.sort(draw.pareto(3, size=500) * 100).astype(int)
    groups = Frequencies(counts, 10**6).groups()
    shares = [counts[groups == group].sum() / counts.sum() for group in range(3)]
    assert shares == pytest.approx([1 / 3] * 3, abs=0.03)
    assert (groups == 0).sum() < (groups == 1).sum() < (groups == 2).sum()


def test_the_label_with_which_a_third_is_reached_belongs_to_the_group_that_reaches_it():
    assert named([10, 20, 30, 60, 0]) == ["tail", "tail", "medium", "head", "tail"]
    assert named([1, 1, 1]) == ["head", "head", "head"]  # nothing tells them apart
    assert named([40, 40, 40, 39]) == ["head", "head", "head", "tail"]


def test_one_label_may_be_more_than_the_head_and_labels_that_training_never_has_are_tail():
    assert named([900, 1, 0]) == ["head", "tail", "tail"]
    assert named([0, 0]) == ["tail", "tail"]


@pytest.mark.parametrize("counts", [[-1, 2], [3, 11], [], [[1]]])
def test_counts_that_cannot_be_are_refused(counts):
    with pytest.raises(ValueError, match="expected counts of labels of 0 to 10 samples, got"):
        Frequencies(np.array(counts), 10)
