import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lopsided.losses import RobustAsymmetricLoss, asymmetric_polynomial_loss
from tests.reference.rivals import robust as reference


@given(
    z=st.floats(-30, 30),
    y=st.floats(0, 1),
    gammas=st.tuples(st.floats(0, 3), st.floats(0, 5)),
    margin=st.floats(0, 0.5),
    offset=st.floats(1, 3),
    powers=st.tuples(st.floats(-1, 2), st.floats(-1, 3)),
)
def test_every_element_equals_the_equation(z, y, gammas, margin, offset, powers):
    logits, targets = torch.tensor([z], dtype=torch.float64), torch.tensor([y], dtype=torch.float64)
    settings = dict(zip(("gamma_pos", "gamma_neg", "linear_pos", "quadratic_pos"), (*gammas, *powers), strict=True))
    loss = RobustAsymmetricLoss(**settings, margin=margin, offset=offset)(logits, targets)
    assert loss.item() == pytest.approx(reference(z, y, *gammas, margin, offset, powers), rel=1e-7, abs=1e-12)


def test_positives_are_those_of_the_polynomial_loss():
    logits, ones = torch.randn(20), torch.ones(20)
    torch.testing.assert_close(RobustAsymmetricLoss()(logits, ones), asymmetric_polynomial_loss(logits, ones))


@pytest.mark.parametrize("margin", [0.0, 0.05])
@pytest.mark.parametrize("gamma_neg", [0.0, 0.5, 4.0])
def test_gradients_agree_with_differences_and_are_finite_where_a_negative_is_certain(margin, gamma_neg):
    criterion = RobustAsymmetricLoss(margin=margin, gamma_neg=gamma_neg, reduction="sum")
    z = torch.tensor([-200.0, -3.0, 0.2, 3.0, 200.0], dtype=torch.float64, requires_grad=True)
    for targets in (torch.zeros(5), torch.ones(5)):
        (gradient,) = torch.autograd.grad(criterion(z, targets), z)
        assert gradient.isfinite().all()
        with torch.no_grad():
            steps = torch.diag(torch.full((5,), 1e-6, dtype=torch.float64))
            there, back = ([criterion(z + sign * step, targets) for step in steps] for sign in (1, -1))
        torch.testing.assert_close(gradient, (torch.stack(there) - torch.stack(back)) / 2e-6, rtol=1e-4, atol=1e-7)
