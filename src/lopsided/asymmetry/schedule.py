"""gamma_neg or margin as a function of the training step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from lopsided.losses.asymmetric import asymmetric_loss
from lopsided.losses.base import Loss
from lopsided.losses.checks import check_setting
from lopsided.losses.formula import GAMMA_NEG, GAMMA_POS, MARGIN


@dataclass(frozen=True)
class Ramp:
    """A value that goes from ``start`` to ``end`` over ``steps`` steps and stays there.

    Args:
        start: Value up to step ``delay``.
        end: Value from step ``delay + steps`` on.
        steps: Number of steps between the two, >= 1.
        delay: Number of steps before it starts to move, >= 0.
        shape: ``"linear"``, or ``"cosine"``: slow at both ends.

    >>> [float(Ramp(0.0, 4.0, steps=4)(step)) for step in (0, 1, 4, 9)]
    [0.0, 1.0, 4.0, 4.0]
    """

    start: float
    end: float
    steps: int
    delay: int = 0
    shape: Literal["linear", "cosine"] = "linear"

    def __post_init__(self) -> None:
        if self.steps < 1 or self.delay < 0:
            raise ValueError(f"expected steps >= 1 and delay >= 0, got steps={self.steps}, delay={self.delay}")
        if self.shape not in ("linear", "cosine"):
            raise ValueError(f"expected shape to be linear or cosine, got {self.shape!r}")

    def __call__(self, step: int | Tensor) -> Tensor:
        """Value at a step, counted from 0; a tensor stays on its device."""
        at = step if isinstance(step, Tensor) else torch.tensor(step, device="cpu")
        share = ((at - self.delay) / self.steps).clamp(0, 1)
        if self.shape == "cosine":
            share = (1 - torch.cos(math.pi * share)) / 2
        return self.start + (self.end - self.start) * share


class ScheduledAsymmetricLoss(Loss):
    """Asymmetric loss whose ``gamma_neg`` or ``margin`` follows a schedule; every call in ``train()`` is one step.

    Args:
        gamma_neg: Focusing power of negatives, >= 0, a number or a :class:`Ramp`.
        margin: Probability below which a negative costs nothing, in [0, 1), a number or a :class:`Ramp`.
        gamma_pos: Focusing power of positives, >= 0.
        detach_focus: Take the focusing power as a constant in the gradient.
        reduction: ``"none"``, ``"mean"``, ``"sum"`` or ``"batchmean"``.

    >>> criterion = ScheduledAsymmetricLoss(gamma_neg=Ramp(0.0, 4.0, steps=2), margin=0.0)
    >>> [round(float(criterion(torch.zeros(1, 1), torch.zeros(1, 1))), 4) for _ in range(3)]
    [0.6931, 0.1733, 0.0433]
    """

    step: Tensor

    def __init__(
        self,
        *,
        gamma_neg: float | Ramp = GAMMA_NEG,
        margin: float | Ramp = MARGIN,
        gamma_pos: float = GAMMA_POS,
        detach_focus: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        check_setting("gamma_pos", gamma_pos)
        for name, value, below in (("gamma_neg", gamma_neg, math.inf), ("margin", margin, 1.0)):
            for end in (value.start, value.end) if isinstance(value, Ramp) else (value,):
                check_setting(name, end, below=below)
        self.gamma_pos, self.gamma_neg, self.margin = gamma_pos, gamma_neg, margin
        self.detach_focus = detach_focus
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def forward(
        self, logits: Tensor, targets: Tensor, *, mask: Tensor | None = None, weight: Tensor | None = None
    ) -> Tensor:
        """Loss of a batch; see :func:`lopsided.losses.asymmetric_loss`."""
        loss = asymmetric_loss(
            logits,
            targets,
            gamma_pos=self.gamma_pos,
            gamma_neg=self.gamma_neg(self.step) if isinstance(self.gamma_neg, Ramp) else self.gamma_neg,
            margin=self.margin(self.step) if isinstance(self.margin, Ramp) else self.margin,
            mask=mask,
            weight=weight,
            detach_focus=self.detach_focus,
            reduction=self.reduction,
        )
        if self.training:
            self.step = self.step + 1  # a new tensor: a compiled backward pass may still read the old one
        return loss
