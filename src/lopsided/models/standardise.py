"""Features of very different sizes, brought to one scale inside the network."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Standardise(nn.Module):
    """Subtracts a mean and divides by a scale, both kept with the weights.

    Args:
        num_features: Size of an input, shape ``(samples, num_features)``.

    >>> layer = Standardise(2)
    >>> layer.fit(torch.tensor([1000.0, 0.3]), torch.tensor([100.0, 0.1]), largest=torch.tensor([1200.0, 0.9]))
    >>> layer(torch.tensor([[1100.0, 0.5]]))
    tensor([[1.0000, 0.5000]])
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(num_features))
        self.register_buffer("scale", torch.ones(num_features))

    def fit(self, mean: Tensor, std: Tensor, *, largest: Tensor) -> None:
        """Take the statistics of the training split, each of shape ``(num_features,)``.

        Features within [-1, 1] stay as they are: words that are there or not must not grow with their rarity.
        """
        outside = (largest > 1) & (std > 0)
        self.mean.copy_(torch.where(outside, mean, 0))
        self.scale.copy_(torch.where(outside, std, 1))

    def forward(self, features: Tensor) -> Tensor:
        """Features of shape ``(samples, num_features)`` on one scale."""
        return (features - self.mean) / self.scale
