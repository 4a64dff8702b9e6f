"""Losses for training multi-label classifiers under imbalance."""

__version__ = "0.1.0"
