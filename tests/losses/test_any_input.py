"""What holds of every loss for any logits, targets and masks, of any shape and size."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lopsided import losses

CASES = {
    "asymmetric": losses.AsymmetricLoss(0, 4, 0.05),
    "focal": losses.FocalLoss(),
    "polynomial": losses.AsymmetricPolynomialLoss(),
    "hill": losses.HillLoss(),
    "splc": losses.SPLCLoss(epoch_samples=1),
    "two way": losses.TwoWayLoss(),
    "zlpr": losses.ZLPRLoss(),
    "partial": losses.PartialAsymmetricLoss(),
}
NUMBERS = st.one_of(st.sampled_from([0.0, -1e4, 1e4, -88.0, 88.0, 1e-30]), st.floats(-1e4, 1e4, width=32))


@st.composite
def batches(draw):
    samples, labels = draw(st.integers(1, 4)), draw(st.integers(1, 4))
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
        there = torch.where(mask, logits, torch.full_like(logits, strange)).requires_grad_()
        loss = CASES[name](there, targets, mask=mask)
        loss.backward()
        assert torch.isfinite(loss)
        assert torch.isfinite(there.grad).all()
        assert (there.grad[~mask] == 0).all()
        found.append((loss.detach(), there.grad))
    torch.testing.assert_close(*found, rtol=0, atol=0)
