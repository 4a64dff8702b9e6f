"""What a kernel gives back."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Results(NamedTuple):
    """What one pass gives; a slope that was not asked for is empty."""

    loss: Tensor  # float32, a scalar, or the shape of the logits for reduction "none"
    slope: Tensor  # type and shape of the logits
    gap_sums: Tensor | None  # shape (4,), float32
