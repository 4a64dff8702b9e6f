"""Networks for feature tables."""

from __future__ import annotations

from torch import nn


def linear(num_features: int, num_labels: int) -> nn.Module:
    """One weight per feature and label: logistic regression for each label.

    Args:
        num_features: Size of an input, shape ``(samples, num_features)``.
        num_labels: Size of the output, logits of shape ``(samples, num_labels)``.
    """
    return nn.Linear(num_features, num_labels)


def mlp(num_features: int, num_labels: int, *, hidden: int = 512, dropout: float = 0.0) -> nn.Module:
    """Two-layer network.

    Args:
        num_features: Size of an input, shape ``(samples, num_features)``.
        num_labels: Size of the output, logits of shape ``(samples, num_labels)``.
        hidden: Number of hidden units, >= 1.
        dropout: Share of hidden units silenced while training, in [0, 1).
    """
    return nn.Sequential(
        nn.Linear(num_features, hidden),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, num_labels),
    )
