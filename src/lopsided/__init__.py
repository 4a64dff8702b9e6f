"""Losses for training multi-label classifiers under imbalance."""

from lopsided.asymmetry import AdaptiveAsymmetricLoss
from lopsided.losses import AsymmetricLoss, FocalLoss, SoftmaxAsymmetricLoss

__version__ = "0.1.0"
"""Version of the package."""

__all__ = ["AdaptiveAsymmetricLoss", "AsymmetricLoss", "FocalLoss", "SoftmaxAsymmetricLoss", "__version__"]
