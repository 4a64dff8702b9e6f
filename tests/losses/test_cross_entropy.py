import inspect

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from lopsided.losses import asymmetric_loss, binary_cross_entropy, focal_loss


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_it_equals_the_one_of_torch(reduction):
    logits, targets, weight = torch.randn(6, 4) * 10, torch.rand(6, 4), torch.rand(4)
    torch.testing.assert_close(
        binary_cross_entropy(logits, targets, weight=weight, reduction=reduction),
        binary_cross_entropy_with_logits(logits, targets, weight=weight, reduction=reduction),
    )


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0, 5.0])
def test_focal_loss_equals_its_definition(gamma):
    logits, targets = torch.randn(6, 4, dtype=torch.float64), torch.rand(6, 4).round()
    p = torch.sigmoid(logits)
    right = torch.where(targets == 1, p, 1 - p)
    expected = -((1 - right) ** gamma) * right.log()
    torch.testing.assert_close(focal_loss(logits, targets, gamma=gamma, reduction="none"), expected)


def test_focal_loss_is_the_symmetric_member():
    logits, targets = torch.randn(6, 4), torch.rand(6, 4)
    torch.testing.assert_close(
        focal_loss(logits, targets, gamma=3), asymmetric_loss(logits, targets, gamma_pos=3, gamma_neg=3, margin=0)
    )


@pytest.mark.parametrize("loss", [asymmetric_loss, focal_loss, binary_cross_entropy])
def test_all_but_logits_and_targets_is_keyword_only(loss):
    kinds = [parameter.kind.name for parameter in inspect.signature(loss).parameters.values()]
    assert kinds[:2] == ["POSITIONAL_OR_KEYWORD"] * 2
    assert set(kinds[2:]) == {"KEYWORD_ONLY"}
