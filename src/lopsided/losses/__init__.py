"""Losses for multi-label classification under imbalance; torch and the standard library only."""

from lopsided.losses.asymmetric import asymmetric_loss
from lopsided.losses.cross_entropy import binary_cross_entropy, focal_loss
from lopsided.losses.gradient import asymmetric_gradient
from lopsided.losses.linear import linear_asymmetric_loss
from lopsided.losses.modules import AsymmetricLoss, FocalLoss, SoftmaxAsymmetricLoss
from lopsided.losses.recalibration import recalibrate, recalibration_ceiling
from lopsided.losses.softmax import softmax_asymmetric_loss

__all__ = [
    "AsymmetricLoss",
    "FocalLoss",
    "SoftmaxAsymmetricLoss",
    "asymmetric_gradient",
    "asymmetric_loss",
    "binary_cross_entropy",
    "focal_loss",
    "linear_asymmetric_loss",
    "recalibrate",
    "recalibration_ceiling",
    "softmax_asymmetric_loss",
]
