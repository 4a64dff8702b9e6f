"""Scale pixels to the range that a network was trained on, inside the network."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Pixels(nn.Module):
    """Brings images to [0, 1], then subtracts ``mean`` and divides by ``std`` if they are given.

    The type of the images says what they hold: integers are 0..255, floating-point numbers are in [0, 1] already.

    Args:
        mean: Mean of each channel, in [0, 1]; None leaves images in [0, 1].
        std: Standard deviation of each channel, > 0; given with ``mean``.

    >>> Pixels([0.5], [0.25])(torch.tensor([[[[0, 255]]]], dtype=torch.uint8))
    tensor([[[[-2.,  2.]]]])
    """

    mean: Tensor | None
    std: Tensor | None

    def __init__(self, mean: Sequence[float] | None = None, std: Sequence[float] | None = None) -> None:
        super().__init__()
        if (mean is None) != (std is None) or (mean is not None and std is not None and len(mean) != len(std)):
            raise ValueError(f"expected mean and std to be given for the same channels, got {mean} and {std}")
        self.register_buffer("mean", None if mean is None else torch.tensor(mean).view(-1, 1, 1))
        self.register_buffer("std", None if std is None else torch.tensor(std).view(-1, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Scale images of shape ``(samples, channels, height, width)``, uint8 or floating point, to floating point."""
        if not images.is_floating_point():
            images = images.float() / 255
        if self.mean is None or self.std is None:
            return images
        return (images - self.mean) / self.std
