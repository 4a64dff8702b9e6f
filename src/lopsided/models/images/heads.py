"""From the features of a backbone to logits."""

from __future__ import annotations

from torch import nn


def linear_head(num_features: int, num_labels: int, *, dropout: float = 0.0) -> nn.Module:
    """One weight per pooled feature and label.

    Args:
        num_features: Size of an input, shape ``(samples, num_features)``.
        num_labels: Size of the output, logits of shape ``(samples, num_labels)``.
        dropout: Share of the features silenced while training, in [0, 1).
    """
    return nn.Sequential(nn.Dropout(dropout), nn.Linear(num_features, num_labels))
