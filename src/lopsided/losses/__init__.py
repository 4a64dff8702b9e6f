"""Losses for multi-label classification under imbalance; torch and the standard library only."""

from typing import TYPE_CHECKING

from lopsided.lazy_names import lazy_names

if TYPE_CHECKING:
    from lopsided.losses.asymmetric import AsymmetricLoss, asymmetric_loss
    from lopsided.losses.comparisons.class_balanced import ClassBalancedLoss
    from lopsided.losses.comparisons.distribution_balanced import DistributionBalancedLoss, distribution_balanced_loss
    from lopsided.losses.comparisons.hill import HillLoss, hill_loss
    from lopsided.losses.comparisons.logit_adjusted import LogitAdjustedLoss
    from lopsided.losses.comparisons.partial import PartialAsymmetricLoss, partial_asymmetric_loss
    from lopsided.losses.comparisons.polynomial import AsymmetricPolynomialLoss, asymmetric_polynomial_loss
    from lopsided.losses.comparisons.robust import RobustAsymmetricLoss
    from lopsided.losses.comparisons.splc import SPLCLoss, splc_loss
    from lopsided.losses.comparisons.two_way import TwoWayLoss, two_way_loss
    from lopsided.losses.comparisons.weighted import WeightedCrossEntropyLoss
    from lopsided.losses.comparisons.zlpr import ZLPRLoss, zlpr_loss
    from lopsided.losses.cross_entropy import FocalLoss, binary_cross_entropy, focal_loss
    from lopsided.losses.gradient import asymmetric_gradient
    from lopsided.losses.many_labels.linear import linear_asymmetric_loss
    from lopsided.losses.recalibration import recalibrate, recalibration_ceiling
    from lopsided.losses.softmax import SoftmaxAsymmetricLoss, softmax_asymmetric_loss
else:
    __getattr__, __dir__ = lazy_names(__name__, __file__)

__all__ = [
    "AsymmetricLoss",
    "AsymmetricPolynomialLoss",
    "ClassBalancedLoss",
    "DistributionBalancedLoss",
    "FocalLoss",
    "HillLoss",
    "LogitAdjustedLoss",
    "PartialAsymmetricLoss",
    "RobustAsymmetricLoss",
    "SPLCLoss",
    "SoftmaxAsymmetricLoss",
    "TwoWayLoss",
    "WeightedCrossEntropyLoss",
    "ZLPRLoss",
    "asymmetric_gradient",
    "asymmetric_loss",
    "asymmetric_polynomial_loss",
    "binary_cross_entropy",
    "distribution_balanced_loss",
    "focal_loss",
    "hill_loss",
    "linear_asymmetric_loss",
    "partial_asymmetric_loss",
    "recalibrate",
    "recalibration_ceiling",
    "softmax_asymmetric_loss",
    "splc_loss",
    "two_way_loss",
    "zlpr_loss",
]
