"""What a backend is asked for, and what it gives back."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from lopsided.losses.formula import Settings


class Call(NamedTuple):
    """One batch whose loss is wanted, checked."""

    logits: Tensor
    targets: Tensor
    settings: Settings
    mask: Tensor | None = None
    weight: Tensor | None = None
    reduction: str = "none"
    want_slope: bool = True  # whether the gradient by the logits is needed
    want_gap: bool = False


class Results(NamedTuple):
    """What one pass gives; a slope that was not asked for is empty."""

    loss: Tensor  # float32, or float64 of plain torch; a scalar, or the shape of the logits for reduction "none"
    slope: Tensor  # type and shape of the logits
    gap_sums: Tensor | None = None  # of eq. 7, shape (4,), float32
