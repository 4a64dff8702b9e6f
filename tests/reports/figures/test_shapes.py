import numpy as np
import pytest
import torch

from lopsided.losses import asymmetric_loss, binary_cross_entropy, focal_loss
from lopsided.reports.figures.shapes import Shape, distinct, negative_loss, positive_loss, shape_of
from lopsided.runs.config import LossOptions

P = np.linspace(0.001, 0.999, 101)
LOGITS = torch.logit(torch.from_numpy(P))


@pytest.mark.parametrize(
    ("options", "loss"),
    [
        (LossOptions(name="cross_entropy"), binary_cross_entropy),
        (LossOptions(name="focal"), focal_loss),
        (LossOptions(name="asymmetric"), asymmetric_loss),
        (LossOptions(name="adaptive"), asymmetric_loss),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_curve_of_a_loss_is_that_loss(options, loss):
    for target, curve in ((0.0, negative_loss), (1.0, positive_loss)):
        wanted = loss(LOGITS, torch.full_like(LOGITS, target), reduction="none")
        np.testing.assert_allclose(curve(P, shape_of(options)), wanted.numpy(), rtol=1e-12)


def test_the_settings_reach_the_curve():
    assert shape_of(LossOptions(gamma_pos=1, gamma_neg=4, margin=0.05)) == Shape(1, 4, 0.05)
    assert shape_of(LossOptions(name="focal", gamma=3)) == Shape(3, 3, 0)


def test_a_loss_outside_the_family_has_no_shape():
    with pytest.raises(
        ValueError,
        match="expected the loss of a curve to be one of cross_entropy, focal, asymmetric, adaptive, got hill",
    ):
        shape_of(LossOptions(name="hill"))


def test_one_curve_is_drawn_once():
    twice = [LossOptions(), LossOptions(gamma_neg=2.0), LossOptions(gamma_pos=1.0)]
    assert distinct(twice) == [twice[0], twice[2]]
    assert distinct(twice, negatives_only=True) == [twice[0]]
