"""Losses that know how frequent labels are: weighted, logit-adjusted and class-balanced cross-entropy."""

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from lopsided.losses import ClassBalancedLoss, LogitAdjustedLoss, WeightedCrossEntropyLoss, binary_cross_entropy

SHARES = torch.tensor([0.5, 0.2, 0.001], dtype=torch.float64)
PLAIN = [
    WeightedCrossEntropyLoss(frequencies=SHARES, power=0),
    LogitAdjustedLoss(frequencies=SHARES, strength=0),
    ClassBalancedLoss(positives=[50, 20, 1], beta=0),
]


def batch():
    draw = torch.Generator().manual_seed(3)
    return torch.randn(8, 3, generator=draw) * 4, (torch.rand(8, 3, generator=draw) < 0.3).float()


@pytest.mark.parametrize("criterion", PLAIN, ids=repr)
def test_without_strength_they_are_cross_entropy(criterion):
    torch.testing.assert_close(criterion(*batch()), binary_cross_entropy(*batch()))


def test_weights_are_those_of_pos_weight():
    criterion = WeightedCrossEntropyLoss(frequencies=SHARES, power=0.5, cap=10)
    expected = binary_cross_entropy_with_logits(*batch(), pos_weight=torch.tensor([1.0, 2.0, 10.0]))
    torch.testing.assert_close(criterion(*batch()), expected)


def test_one_pos_weight_for_all_labels_takes_the_place_of_theirs():
    criterion = WeightedCrossEntropyLoss(frequencies=SHARES, pos_weight=7.0)
    expected = binary_cross_entropy_with_logits(*batch(), pos_weight=torch.full((3,), 7.0))
    torch.testing.assert_close(criterion(*batch()), expected)
    torch.testing.assert_close(criterion.shift, -torch.full((3,), 7.0).log())
    with pytest.raises(ValueError, match="expected pos_weight to be > 0, got 0"):
        WeightedCrossEntropyLoss(frequencies=SHARES, pos_weight=0.0)


def test_adjusted_logits_are_cross_entropy_of_the_sum():
    logits, targets = batch()
    expected = binary_cross_entropy(logits + 0.7 * torch.logit(SHARES).float(), targets)
    torch.testing.assert_close(LogitAdjustedLoss(frequencies=SHARES, strength=0.7)(logits, targets), expected)


def test_a_label_counts_as_its_effective_number_says():
    counts, beta = torch.tensor([500.0, 20.0, 1.0], dtype=torch.float64), 0.99
    weights = (1 - beta) / (1 - beta**counts)
    criterion = ClassBalancedLoss(positives=[500, 20, 0], beta=beta, reduction="none")
    of_each = criterion(*batch()) / binary_cross_entropy(*batch(), reduction="none")
    torch.testing.assert_close(of_each[0], (weights / weights.mean()).float())


@pytest.mark.parametrize("criterion_of", [WeightedCrossEntropyLoss, LogitAdjustedLoss])
@pytest.mark.parametrize("share", [0.02, 0.4, 0.97])
def test_the_shift_brings_the_best_logit_back_to_the_true_probability(criterion_of, share):
    criterion = criterion_of(frequencies=[0.05], reduction="sum").double()
    logit = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    descent = torch.optim.LBFGS([logit], tolerance_grad=1e-12, line_search_fn="strong_wolfe")

    def cost():
        descent.zero_grad()
        loss = criterion(logit, torch.tensor([share], dtype=torch.float64))
        loss.backward()
        return loss

    descent.step(cost)
    assert torch.sigmoid(logit + criterion.shift).item() == pytest.approx(share, abs=1e-5)


@pytest.mark.parametrize("criterion", PLAIN, ids=repr)
def test_another_number_of_labels_is_refused(criterion):
    with pytest.raises(ValueError, match=r"to have one value per label, shape \(4,\), got \(3,\)"):
        criterion(torch.zeros(2, 4), torch.zeros(2, 4))


@pytest.mark.parametrize("positives", [[3, -1], [], [[1, 2]], [float("nan")]])
def test_counts_that_are_none_are_refused(positives):
    with pytest.raises(ValueError, match="expected positives to be counts >= 0, one per label, got"):
        ClassBalancedLoss(positives=positives)


@pytest.mark.parametrize("shares", [[0.0, 0.5], [0.5, 1.0], [3.0]])
def test_frequencies_that_are_no_shares_are_refused(shares):
    for criterion_of in (WeightedCrossEntropyLoss, LogitAdjustedLoss):
        with pytest.raises(ValueError, match="expected frequencies to lie between 0 and 1"):
            criterion_of(frequencies=shares)
