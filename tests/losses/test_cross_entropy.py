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


@pytest.mark.parametrize("loss", [focal_loss, binary_cross_entropy])
def test_targets_outside_of_0_to_1_are_refused_where_it_is_asked(loss):
    with pytest.raises(ValueError, match=r"expected targets to lie in \[0, 1\]"):
        loss(torch.zeros(1, 2), torch.tensor([[0.0, 2.0]]), check_targets=True)


@pytest.mark.parametrize("detach_focus", [False, True])
def test_focal_loss_is_the_asymmetric_loss_of_one_focusing_power(detach_focus):
    logits, targets = torch.randn(6, 4).requires_grad_(), torch.rand(6, 4)
    options = {"mask": torch.rand(6, 4) > 0.4, "weight": torch.rand(4), "detach_focus": detach_focus}
    one = focal_loss(logits, targets, gamma=1.5, reduction="batchmean", **options)
    other = asymmetric_loss(logits, targets, gamma_pos=1.5, gamma_neg=1.5, margin=0, reduction="batchmean", **options)
    assert torch.equal(one, other)
    assert torch.equal(*(torch.autograd.grad(loss, logits)[0] for loss in (one, other)))


@pytest.mark.parametrize("gamma", [15.0, 16.0, 17.0, 2.5])
def test_whole_powers_and_others_are_powers(gamma):
    logits = torch.linspace(-3, 3, 13, dtype=torch.float64)
    expected = torch.sigmoid(logits) ** gamma * -torch.log(torch.sigmoid(-logits))
    torch.testing.assert_close(focal_loss(logits, torch.zeros(13), gamma=gamma, reduction="none"), expected)
