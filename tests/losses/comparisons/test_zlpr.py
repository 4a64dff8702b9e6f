import math

import pytest
import torch

from lopsided.losses import binary_cross_entropy, zlpr_loss
from tests.reference.rivals import zlpr as reference


def test_every_sample_equals_the_equation_soft_targets_included():
    logits = torch.randn(12, 6, dtype=torch.float64) * 4
    for targets in (torch.rand(12, 6).round(), torch.rand(12, 6, dtype=torch.float64)):
        expected = [reference(z, y) for z, y in zip(logits.numpy(), targets.numpy(), strict=True)]
        losses = zlpr_loss(logits, targets, reduction="none")
        torch.testing.assert_close(losses, torch.tensor(expected, dtype=torch.float64))


def test_one_positive_and_one_negative_written_out():
    loss = zlpr_loss(torch.tensor([[0.5, -2.0]]), torch.tensor([[1, 0]]))
    assert loss.item() == pytest.approx(math.log(1 + math.exp(-0.5)) + math.log(1 + math.exp(-2.0)))


def test_with_a_single_label_it_is_cross_entropy():
    logits, targets = torch.randn(9, 1), torch.rand(9, 1).round()
    torch.testing.assert_close(zlpr_loss(logits, targets), binary_cross_entropy(logits, targets))


def test_a_masked_label_is_as_if_it_were_not_there():
    logits, targets = torch.randn(4, 5), torch.rand(4, 5)
    row = torch.tensor([True, False, True, True, False])
    torch.testing.assert_close(zlpr_loss(logits, targets, mask=row), zlpr_loss(logits[:, row], targets[:, row]))


def test_the_mean_is_over_samples_of_which_something_is_known():
    logits, targets = torch.randn(3, 5), torch.rand(3, 5).round()
    mask = torch.tensor([[True] * 5, [True, False, True, False, True], [False] * 5])
    losses = zlpr_loss(logits, targets, mask=mask, reduction="none")
    assert losses[2] == 0
    for reduction, divisor in (("mean", 2), ("batchmean", 3), ("sum", 1)):
        torch.testing.assert_close(zlpr_loss(logits, targets, mask=mask, reduction=reduction), losses.sum() / divisor)


def test_samples_may_have_any_shape():
    logits, targets = torch.randn(2, 3, 5), torch.rand(2, 3, 5)
    losses = zlpr_loss(logits, targets, reduction="none")
    assert losses.shape == (2, 3)
    torch.testing.assert_close(zlpr_loss(logits.view(6, 5), targets.view(6, 5), reduction="none"), losses.flatten())
    with pytest.raises(ValueError, match="expected logits to have a dimension of labels"):
        zlpr_loss(torch.tensor(1.0), torch.tensor(1.0))
