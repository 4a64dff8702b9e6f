import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lopsided.losses import asymmetric_gradient, asymmetric_loss
from tests.reference.losses import asymmetric_gradient as finite_difference


@given(
    z=st.floats(-8, 8),
    y=st.floats(0, 1),
    gamma_pos=st.floats(0, 8),
    gamma_neg=st.floats(0, 8),
    margin=st.one_of(st.just(0.0), st.floats(1e-3, 0.95)),
)
def test_it_equals_finite_differences(z, y, gamma_pos, gamma_neg, margin):
    if margin and abs(1 / (1 + math.exp(-z)) - margin) < 1e-4:
        return  # the corner at p = m has two slopes
    logits, targets = torch.tensor([z], dtype=torch.float64), torch.tensor([y], dtype=torch.float64)
    slope = asymmetric_gradient(logits, targets, gamma_pos=gamma_pos, gamma_neg=gamma_neg, margin=margin)
    expected = finite_difference(z, y, gamma_pos, gamma_neg, margin)
    assert slope.item() == pytest.approx(expected, rel=1e-5, abs=1e-8)


def test_it_is_what_autograd_returns():
    logits, targets = torch.randn(5, 7, requires_grad=True), torch.rand(5, 7)
    settings = {"gamma_pos": 1.0, "gamma_neg": 4.0, "margin": 0.05}
    (slope,) = torch.autograd.grad(asymmetric_loss(logits, targets, reduction="sum", **settings), logits)
    torch.testing.assert_close(asymmetric_gradient(logits, targets, **settings), slope)


@pytest.mark.parametrize(
    ("gamma_neg", "margin", "peak"),
    [(2, 0.2, 0.839), (4, 0.2, 0.887), (4, 0.05, 0.900), (0, 0.2, 0.710), (2, 0, 0.942), (7, 0.05, 0.926)],
)
def test_the_gradient_of_a_negative_peaks_where_the_paper_puts_it(gamma_neg, margin, peak):
    p = torch.linspace(0.001, 0.999, 9981, dtype=torch.float64)
    slope = asymmetric_gradient(torch.logit(p), torch.zeros_like(p), gamma_pos=0, gamma_neg=gamma_neg, margin=margin)
    assert p[slope.argmax()].item() == pytest.approx(peak, abs=6e-4)


def test_its_precision_near_saturation_is_that_of_the_type():
    z = torch.linspace(-15, 15, 301)
    for target in (0.0, 1.0):
        targets = torch.full_like(z, target)
        slopes = [
            asymmetric_gradient(part, targets, gamma_pos=2, gamma_neg=2, margin=0.0).double()
            for part in (z, z.double())
        ]
        torch.testing.assert_close(slopes[0], slopes[1], rtol=2e-6, atol=0)


def test_it_has_no_graph():
    assert not asymmetric_gradient(
        torch.zeros(2, requires_grad=True), torch.zeros(2), gamma_pos=0, gamma_neg=2, margin=0
    ).requires_grad
