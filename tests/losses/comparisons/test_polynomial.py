import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lopsided.losses import asymmetric_loss, asymmetric_polynomial_loss, binary_cross_entropy
from tests.reference.rivals import polynomial as reference

NO_POWERS = {"linear_pos": 0, "quadratic_pos": 0, "linear_neg": 0}


@given(
    z=st.floats(-50, 50),
    y=st.floats(0, 1),
    gamma_pos=st.floats(0, 5),
    gamma_neg=st.floats(0, 5),
    margin=st.floats(1e-3, 0.9),
    powers=st.tuples(*[st.floats(-3, 3)] * 3),
    detached=st.booleans(),
)
def test_every_element_equals_the_equation(z, y, gamma_pos, gamma_neg, margin, powers, detached):
    loss = asymmetric_polynomial_loss(
        torch.tensor([z], dtype=torch.float64),
        torch.tensor([y], dtype=torch.float64),
        gamma_pos=gamma_pos,
        gamma_neg=gamma_neg,
        margin=margin,
        linear_pos=powers[0],
        quadratic_pos=powers[1],
        linear_neg=powers[2],
        detach_focus=detached,
    )
    assert loss.item() == pytest.approx(reference(z, y, gamma_pos, gamma_neg, margin, powers), rel=1e-9, abs=1e-13)


def test_without_powers_it_is_the_asymmetric_loss_and_without_focus_cross_entropy():
    logits, targets = torch.randn(4, 5), torch.rand(4, 5)
    settings = {"gamma_pos": 1.0, "gamma_neg": 3.0, "margin": 0.1}
    torch.testing.assert_close(
        asymmetric_polynomial_loss(logits, targets, **settings, **NO_POWERS),
        asymmetric_loss(logits, targets, **settings),
    )
    plain = asymmetric_polynomial_loss(logits, targets, gamma_neg=0, margin=0, **NO_POWERS)
    torch.testing.assert_close(plain, binary_cross_entropy(logits, targets))


def test_the_first_two_terms_of_a_positive_can_be_taken_away():
    z = torch.logit(torch.tensor([0.99], dtype=torch.float64))
    left = asymmetric_polynomial_loss(z, torch.ones(1), linear_pos=-1, quadratic_pos=-1)
    assert left.item() == pytest.approx(0.01**3 / 3, rel=0.01)


def test_a_detached_focus_is_a_constant_in_the_gradient():
    z = torch.tensor([0.3, -0.2], dtype=torch.float64).requires_grad_()
    y = torch.tensor([1, 0])
    settings = {"gamma_pos": 1.0, "gamma_neg": 2.0, "margin": 0.1, "linear_neg": 0.5}
    loss = asymmetric_polynomial_loss(z, y, detach_focus=True, reduction="sum", **settings)
    p = torch.sigmoid(z)
    q, p_m = 1 - p[0], p[1] - 0.1
    expected = q.detach() * (-p[0].log() - q + 1.25 * q**2) + p_m.detach() ** 2 * (-(1 - p_m).log() + 0.5 * p_m)
    torch.testing.assert_close(torch.autograd.grad(loss, z), torch.autograd.grad(expected, z))


@pytest.mark.parametrize("gamma", [0.0, 0.3])
@pytest.mark.parametrize("detached", [False, True])
def test_a_small_focusing_power_stays_finite_at_the_margin_and_when_saturated(gamma, detached):
    logits = torch.tensor([-1e4, -100.0, 0.0, 100.0, 1e4]).requires_grad_()
    for target in (0.0, 1.0):
        loss = asymmetric_polynomial_loss(
            logits,
            torch.full((5,), target),
            gamma_pos=gamma,
            gamma_neg=gamma,
            margin=0.5,
            linear_neg=1.0,
            detach_focus=detached,
            reduction="sum",
        )
        assert torch.isfinite(torch.autograd.grad(loss, logits)[0]).all()


def test_its_gradient_is_that_of_its_value_whatever_the_settings():
    logits = torch.linspace(-2, 2, 10, dtype=torch.float64).reshape(2, 5).requires_grad_()
    targets = torch.tensor([[1, 0, 1, 0, 1], [0, 1, 0, 1, 0]])
    settings = {"gamma_pos": 1.5, "gamma_neg": 2.0, "linear_pos": 0.5, "quadratic_pos": 1.0, "linear_neg": 2.0}
    (slope,) = torch.autograd.grad(asymmetric_polynomial_loss(logits, targets, reduction="sum", **settings), logits)
    step = 1e-6
    for k in range(10):
        moved = torch.zeros(10, dtype=torch.float64).index_fill(0, torch.tensor(k), step).view(2, 5)
        ends = [
            asymmetric_polynomial_loss(logits.detach() + w * moved, targets, reduction="sum", **settings)
            for w in (1, -1)
        ]
        assert slope.view(-1)[k].item() == pytest.approx(((ends[0] - ends[1]) / (2 * step)).item(), rel=1e-6, abs=1e-8)
