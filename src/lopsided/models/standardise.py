"""Bring features of very different sizes to one scale inside the network."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.sparse import coo_array, csr_array
from torch import Tensor, nn

_COLUMNS = 16  # measured at once: a float64 copy of all columns would be larger than the data


class Standardise(nn.Module):
    """Subtracts a mean and divides by a scale, which are saved with the weights.

    Features that float32 cannot tell apart come as float64. Then mean and scale are float64, too, and the output is
    still float32.

    Args:
        num_features: Size of an input, shape ``(samples, num_features)``.

    >>> layer = Standardise(2)
    >>> layer.fit(np.array([[900.0, 0.3], [1100.0, 0.5]], np.float32))
    >>> layer(torch.tensor([[1100.0, 0.5]]))
    tensor([[1.0000, 0.5000]])
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(num_features))
        self.register_buffer("scale", torch.ones(num_features))
        self.is_double = False
        self.register_load_state_dict_pre_hook(_as_stored)

    def make_double(self) -> None:
        """Keep mean and scale as float64 from now on; the output stays float32."""
        self.is_double = True
        self.mean, self.scale = self.mean.double(), self.scale.double()

    def fit(self, features: np.ndarray | csr_array) -> None:
        """Measure the features of the training split, float32 or float64 of shape ``(samples, num_features)``.

        Features within [-1, 1] stay as they are: a word that is there or not should not weigh more for being rare.
        """
        if isinstance(features, csr_array):
            mean, std, largest = _measured(features)
        else:
            starts = range(0, features.shape[1], _COLUMNS)
            blocks = [_measured(features[:, start : start + _COLUMNS]) for start in starts]
            mean, std, largest = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
        outside, rounding = largest > 1, 1e-6
        if features.dtype == np.float64:
            self.make_double()
            outside |= std < 1e-4 * largest  # float32 would hardly tell such values apart
            rounding = 1e-13
        varies = std > rounding * largest  # less is rounding error: a constant feature is only centred
        self.mean.copy_(torch.as_tensor(np.where(outside, mean, 0)))
        self.scale.copy_(torch.as_tensor(np.where(outside & varies, std, 1)))

    def forward(self, features: Tensor) -> Tensor:
        """Features of shape ``(samples, num_features)`` on one scale."""
        scaled = (features.to(self.mean.dtype) - self.mean) / self.scale
        return scaled.float() if self.is_double else scaled


def _as_stored(module: Standardise, state_dict: dict[str, Any], prefix: str, *_: Any) -> None:
    """Make room for float64 before weights are loaded, which would otherwise be rounded to float32."""
    mean = state_dict.get(f"{prefix}mean")
    if mean is not None and mean.dtype == torch.float64:
        module.make_double()


def _measured(features: np.ndarray | csr_array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean and standard deviation (float64) and largest magnitude of each column."""
    mean = features.mean(axis=0, dtype=float)
    if isinstance(features, np.ndarray) and features.dtype == np.float64:  # squares would lose the small differences
        return mean, features.std(axis=0), abs(features).max(axis=0)
    squares = features.multiply(features) if isinstance(features, csr_array) else np.square(features, dtype=float)
    std = np.sqrt(np.maximum(squares.mean(axis=0) - mean**2, 0))
    largest = abs(features).max(axis=0)
    if isinstance(largest, coo_array):
        largest = largest.toarray().ravel()
    return mean, std, largest
