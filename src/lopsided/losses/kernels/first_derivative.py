"""First derivatives only: a second one is refused, not silently left out."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lopsided.losses.eager import is_eager

SECOND_DERIVATIVE = (
    "lopsided losses have first derivatives only: their gradient can't be differentiated again (create_graph=True "
    "followed by a second backward)"
)


def refuse_second_derivative(slope: Tensor, anchor: Tensor) -> Tensor:
    """The gradient ``slope``, joined to the graph through the output ``anchor``: differentiating it raises."""
    return _Refused.apply(slope, anchor)  # pyright: ignore[reportReturnType]


def scaled(slope: Tensor, grad_loss: Tensor) -> Tensor:
    """The slope times the incoming gradient; where that is known to be 1, the slope itself, which saves a copy."""
    if grad_loss.dim() == 0 and not grad_loss.requires_grad and is_eager(grad_loss) and grad_loss.item() == 1.0:
        return slope
    return (grad_loss * slope).to(slope.dtype)


class _Refused(torch.autograd.Function):
    """A gradient that raises a clear error when it is differentiated again."""

    @staticmethod
    def forward(_ctx: Any, slope: Tensor, _anchor: Tensor) -> Tensor:
        return slope.view_as(slope)

    @staticmethod
    def backward(ctx: Any, *_grad_outputs: Tensor | None) -> tuple[Tensor | None, ...]:  # noqa: ARG004
        raise RuntimeError(SECOND_DERIVATIVE)
