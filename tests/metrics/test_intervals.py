import numpy as np
import pytest
import torch

from lopsided.metrics import f1_draws, interval, operating_point


def made(samples=80, seed=0):
    draw = torch.Generator().manual_seed(seed)
    probabilities = torch.rand(samples, 4, generator=draw)
    return probabilities, torch.rand(samples, 4, generator=draw) < 0.3 + 0.4 * (probabilities > 0.6)


def test_each_draw_is_the_f1_of_its_samples():
    probabilities, targets = made()
    mask = torch.rand(targets.shape, generator=torch.Generator().manual_seed(3)) < 0.8
    thresholds = torch.tensor([0.2, 0.4, 0.5, 0.6])
    found = f1_draws(probabilities, targets, threshold=thresholds, mask=mask, num_draws=60, seed=5)
    assert found.shape == (2, 60)
    random = np.random.default_rng(5)
    for macro, micro in found.T.tolist():
        rows = random.integers(80, size=80)
        point = operating_point(probabilities[rows], targets[rows], threshold=thresholds, mask=mask[rows])
        assert (macro, micro) == pytest.approx((point.mean_f1, point.of1), abs=1e-6)


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    probabilities, targets = made(samples=20_000, seed=1)
    truth = operating_point(probabilities, targets).of1
    hits = 0
    for number in range(60):
        rows = slice(200 * number, 200 * number + 200)
        low, high = interval(f1_draws(probabilities[rows], targets[rows], num_draws=200)[1])
        hits += low <= truth <= high
    assert 50 <= hits <= 60


def test_two_thresholds_are_measured_on_the_same_draws():
    probabilities, targets = made()
    probabilities = probabilities.masked_fill((probabilities > 0.4) & (probabilities <= 0.5), 0.6)
    same = [f1_draws(probabilities, targets, threshold=t, num_draws=60) for t in (0.4, 0.5)]  # nothing lies between
    assert torch.equal(*same)
    assert not torch.equal(same[0], f1_draws(probabilities, targets, threshold=0.4, num_draws=60, seed=1))


def test_draws_without_a_positive_are_left_out():
    probabilities, targets = torch.rand(5, 2), torch.zeros(5, 2)
    targets[0, 0] = 1
    draws = f1_draws(probabilities, targets, num_draws=100)
    assert draws.isnan().any()
    assert np.isfinite(interval(draws[0])).all()


def test_labels_without_a_positive_take_no_part_in_the_macro_f1():
    probabilities, targets = made()
    targets[:, 1] = False  # predicted, and never there
    targets[2:, 2] = False  # there in some of the draws
    targets[0, 2] = True
    found = f1_draws(probabilities, targets, num_draws=60, seed=2)
    random = np.random.default_rng(2)
    for macro, micro in found.T.tolist():
        rows = random.integers(80, size=80)
        point = operating_point(probabilities[rows], targets[rows])
        assert (macro, micro) == pytest.approx((point.mean_f1, point.of1), abs=1e-6)


def test_an_interval_holds_the_share_that_is_asked_for_and_is_of_95_percent_by_default():
    draws = torch.arange(101, dtype=torch.float64)
    assert interval(draws) == pytest.approx((2.5, 97.5))
    assert interval(draws, share=0.5) == pytest.approx((25, 75))
    assert f1_draws(*made()).shape == (2, 500)
