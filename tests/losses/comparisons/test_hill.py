import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lopsided.losses import focal_loss, hill_loss
from tests.reference.rivals import hill as reference


@given(z=st.floats(-50, 50), y=st.floats(0, 1), offset=st.floats(1, 3), margin=st.floats(0, 2), gamma=st.floats(0, 5))
def test_every_element_equals_the_equation(z, y, offset, margin, gamma):
    logits, targets = torch.tensor([z], dtype=torch.float64), torch.tensor([y], dtype=torch.float64)
    loss = hill_loss(logits, targets, offset=offset, logit_margin=margin, gamma=gamma)
    assert loss.item() == pytest.approx(reference(z, y, offset, margin, gamma), rel=1e-9, abs=1e-14)


def test_positives_without_margin_are_those_of_focal_loss():
    logits, ones = torch.randn(20), torch.ones(20)
    torch.testing.assert_close(hill_loss(logits, ones, logit_margin=0), focal_loss(logits, ones, gamma=2))


def test_the_pull_on_a_negative_is_a_hill():
    z = torch.logit(torch.tensor([0.001, 1 / 3, 0.5, 2 / 3, 0.999])).requires_grad_()
    (pull,) = torch.autograd.grad(hill_loss(z, torch.zeros(5), reduction="sum"), z)
    p = torch.sigmoid(z.detach())
    torch.testing.assert_close(pull, 3 * p**2 * (1 - p) ** 2)


def test_from_two_thirds_of_the_offset_on_a_negative_is_pulled_up():
    z = torch.logit(torch.tensor([0.79, 0.81])).requires_grad_()
    (pull,) = torch.autograd.grad(hill_loss(z, torch.zeros(2), offset=1.2, reduction="sum"), z)
    assert pull[0] > 0 > pull[1]
