"""Losses for training multi-label classifiers under imbalance."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lopsided.asymmetry import AdaptiveAsymmetricLoss
    from lopsided.losses import AsymmetricLoss, FocalLoss, SoftmaxAsymmetricLoss

__version__ = "0.1.0"
"""Version of the package."""

__all__ = ["AdaptiveAsymmetricLoss", "AsymmetricLoss", "FocalLoss", "SoftmaxAsymmetricLoss", "__version__"]

_PACKAGES = ("asymmetry", "losses")


def __getattr__(name: str) -> Any:
    """Load torch with the first loss that is asked for: the command line tells of wrong usage, and can be stopped,
    before that."""
    if name in _PACKAGES:
        return import_module(f"lopsided.{name}")
    if name not in __all__:
        raise AttributeError(f"module 'lopsided' has no attribute {name!r}")
    return getattr(import_module("lopsided.asymmetry" if name.startswith("Adaptive") else "lopsided.losses"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__, *_PACKAGES])
