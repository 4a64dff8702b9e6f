"""What holds of every loss for any logits, targets and masks, of any shape and size."""

import inspect

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lopsided import losses
from lopsided.asymmetry import AdaptiveAsymmetricLoss, ScheduledAsymmetricLoss

SHARES = torch.tensor([0.5, 0.01, 0.3, 0.2, 0.02, 0.04])
CASES = {
    "AsymmetricLoss": lambda labels: losses.AsymmetricLoss(gamma_pos=0, gamma_neg=4, margin=0.05),
    "FocalLoss": lambda labels: losses.FocalLoss(),
    "AsymmetricPolynomialLoss": lambda labels: losses.AsymmetricPolynomialLoss(),
    "HillLoss": lambda labels: losses.HillLoss(),
    "SPLCLoss": lambda labels: losses.SPLCLoss(epoch_samples=1, start=0),
    "TwoWayLoss": lambda labels: losses.TwoWayLoss(),
    "ZLPRLoss": lambda labels: losses.ZLPRLoss(),
    "DistributionBalancedLoss": lambda labels: losses.DistributionBalancedLoss(frequencies=SHARES[:labels]),
    # of six labels one per sample, so that most unknown ones cost something
    "PartialAsymmetricLoss": lambda labels: losses.PartialAsymmetricLoss(top_k=1),
    "RobustAsymmetricLoss": lambda labels: losses.RobustAsymmetricLoss(),
    "WeightedCrossEntropyLoss": lambda labels: losses.WeightedCrossEntropyLoss(frequencies=SHARES[:labels]),
    "LogitAdjustedLoss": lambda labels: losses.LogitAdjustedLoss(frequencies=SHARES[:labels]),
    "ClassBalancedLoss": lambda labels: losses.ClassBalancedLoss(positives=[9, 0, 3, 2, 100, 4][:labels]),
    "AdaptiveAsymmetricLoss": lambda labels: AdaptiveAsymmetricLoss(),
    "ScheduledAsymmetricLoss": lambda labels: ScheduledAsymmetricLoss(),
}
OF_CLASSES = {"SoftmaxAsymmetricLoss"}  # takes one label of many, and no mask
COSTS_UNKNOWN = {"PartialAsymmetricLoss"}  # whose logits where unknown are read
NUMBERS = st.one_of(st.sampled_from([0.0, -1e4, 1e4, -88.0, 88.0, 1e-30]), st.floats(-1e4, 1e4, width=32))


def test_no_loss_is_left_out():
    modules = {name for name in losses.__all__ if inspect.isclass(getattr(losses, name))}
    assert modules | {"AdaptiveAsymmetricLoss", "ScheduledAsymmetricLoss"} == set(CASES) | OF_CLASSES


@st.composite
def batches(draw):
    samples, labels = draw(st.integers(1, 4)), draw(st.integers(1, 6))
    size = samples * labels

    def matrix(values):
        return torch.tensor(draw(st.lists(values, min_size=size, max_size=size))).reshape(samples, labels)

    return matrix(NUMBERS), matrix(st.booleans()), matrix(st.booleans())


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=40, deadline=None)
@given(batch=batches())
def test_value_and_gradient_are_finite_and_what_is_unknown_does_not_matter(name, batch):
    logits, targets, mask = batch
    found = []
    for strange in (0.0, float("nan")):
        there = logits if name in COSTS_UNKNOWN else torch.where(mask, logits, torch.full_like(logits, strange))
        there = there.clone().requires_grad_()
        shares = torch.where(mask, targets.float(), torch.full_like(logits, strange))
        loss = CASES[name](logits.shape[1])(there, shares, mask=mask)
        loss.backward()
        assert torch.isfinite(loss)
        assert torch.isfinite(there.grad).all()
        if name not in COSTS_UNKNOWN:
            assert (there.grad[~mask] == 0).all()
        found.append((loss.detach(), there.grad))
    torch.testing.assert_close(*found, rtol=0, atol=0)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("value", [-1.0, 255.0, -100.0, 1 + 1e-6, float("nan")])
@pytest.mark.parametrize("shape", [(2, 3), (700, 6)])
def test_a_target_outside_0_to_1_is_refused_with_its_value_unless_it_is_masked(name, value, shape):
    criterion = CASES[name](shape[1])
    logits, targets = torch.zeros(shape), torch.zeros(shape)
    targets[0, 0] = 1
    mask = torch.ones(shape, dtype=torch.bool)
    clean = CASES[name](shape[1])(logits, targets, mask=mask.index_put((torch.tensor(1), torch.tensor(2)), ~mask[0, 0]))
    targets[1, 2] = value
    shown = f"{torch.tensor(value).item():.9g}"
    with pytest.raises(ValueError, match=rf"^expected targets to lie in \[0, 1\], got {shown}; .* say so with mask="):
        criterion(logits, targets, mask=mask)
    mask[1, 2] = False
    assert torch.equal(CASES[name](shape[1])(logits, targets, mask=mask), clean)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.float16, torch.float64])
def test_targets_of_every_type_are_looked_at(name, dtype):
    targets = torch.full((3, 2), 2, dtype=dtype)
    with pytest.raises(ValueError, match=r"^expected targets to lie in \[0, 1\], got 2; "):
        CASES[name](2)(torch.zeros(3, 2), targets, mask=torch.ones(2, dtype=torch.bool))


@pytest.mark.parametrize("name", sorted(set(CASES) - COSTS_UNKNOWN))
def test_an_infinite_logit_on_its_right_side_costs_nothing_and_pulls_nothing(name):
    labels = 2
    logits = torch.tensor([[torch.inf, -torch.inf], [0.5, -torch.inf]], requires_grad=True)
    loss = CASES[name](labels)(logits, torch.tensor([[1, 0], [1, 0]]))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()
    assert (logits.grad[logits.detach().isinf()] == 0).all()
