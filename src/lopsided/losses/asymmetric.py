"""Asymmetric loss, eq. 3 to 5: the family's general member, as a function and as a module."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from lopsided.losses.base import Loss
from lopsided.losses.checks import Focus, check_broadcast, check_inputs, check_reduction, check_setting
from lopsided.losses.formula import GAMMA_NEG, GAMMA_POS, MARGIN, Settings
from lopsided.losses.kernels import loss_and_gap
from lopsided.losses.kernels.call import Call


def asymmetric_loss(
    logits: Tensor,
    targets: Tensor,
    *,
    gamma_pos: Focus = GAMMA_POS,
    gamma_neg: Focus = GAMMA_NEG,
    margin: Focus = MARGIN,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    detach_focus: bool = False,
    reduction: str = "mean",
    check_targets: bool = False,
) -> Tensor:
    r"""Focal loss with its own focusing power for positives and negatives, and a margin for negatives.

    .. math:: L = -y (1-p)^{\gamma_+} \log p - (1-y)\, p_m^{\gamma_-} \log(1-p_m), \quad p_m = \max(\sigma(z) - m, 0)

    Args:
        logits: Scores z before the sigmoid, shape ``(..., labels)``, floating point.
        targets: Share y of the positive class in [0, 1], bool, integer or float, shape of ``logits``; other known
            values, such as -1 for "unknown", are refused on the CPU.
        gamma_pos: Focusing power of positives, >= 0, a number or a tensor that broadcasts to ``logits``.
        gamma_neg: Focusing power of negatives, likewise.
        margin: Probability below which a negative costs nothing, in [0, 1), likewise.
        mask: bool, True where the label is known, broadcasts to ``logits``; the rest costs nothing, even NaN.
        weight: Factor of each element, broadcasts to ``logits``.
        detach_focus: Take the focusing power as a constant in the gradient, as the published training script does.
        reduction: ``"none"``, ``"mean"`` over known elements, ``"sum"``, or ``"batchmean"``: sum over samples' number.
        check_targets: Refuse targets outside [0, 1] on a GPU too, which then has to be waited for.

    Returns: Loss in nats, a scalar or the shape of ``logits`` for ``"none"``; at least float32.

    >>> import torch
    >>> asymmetric_loss(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]), margin=0.0, reduction="none")
    tensor([[0.6931, 0.1733]])

    Source: Ridnik et al., ICCV 2021, eq. 3-5.
    """
    check_inputs(logits, targets, mask=mask, weight=weight, read_targets=check_targets)
    settings = checked_settings(logits, gamma_pos, gamma_neg, margin, detach_focus)
    check_reduction(reduction)
    want_slope = logits.requires_grad and torch.is_grad_enabled()
    return loss_and_gap(Call(logits, targets, settings, mask, weight, reduction, want_slope))[0]


def checked_settings(
    logits: Tensor, gamma_pos: Focus, gamma_neg: Focus, margin: Focus, detach_focus: bool = False
) -> Settings:
    """Settings whose values and shapes fit the logits."""
    for name, value, below in (
        ("gamma_pos", gamma_pos, float("inf")),
        ("gamma_neg", gamma_neg, float("inf")),
        ("margin", margin, 1.0),
    ):
        check_setting(name, value, below=below)
        if isinstance(value, Tensor):
            check_broadcast(name, value, logits)
    return Settings(gamma_pos, gamma_neg, margin, detach_focus)


class AsymmetricLoss(Loss):
    """:func:`lopsided.losses.asymmetric_loss` with settings that stay; takes the place of ``BCEWithLogitsLoss``.

    Each of gamma_pos, gamma_neg and margin is a number, or a tensor that broadcasts to the logits.

    Args:
        gamma_pos: Focusing power of positives, >= 0.
        gamma_neg: Focusing power of negatives, >= 0.
        margin: Probability below which a negative costs nothing, in [0, 1).
        detach_focus: Take the focusing power as a constant in the gradient.
        reduction: ``"none"``, ``"mean"``, ``"sum"`` or ``"batchmean"``.
        check_targets: Refuse targets outside [0, 1] on a GPU too, which then has to be waited for.

    >>> import torch
    >>> criterion = AsymmetricLoss()
    >>> criterion(torch.tensor([[2.0, -3.0]]), torch.tensor([[1.0, 0.0]]))
    tensor(0.0635)
    """

    published: ClassVar = (("gamma_neg", "gamma_neg"), ("gamma_pos", "gamma_pos"), ("margin", "clip"))
    gamma_pos: Focus
    margin: Focus

    def __init__(
        self,
        *,
        gamma_pos: Focus = GAMMA_POS,
        gamma_neg: Focus = GAMMA_NEG,
        margin: Focus = MARGIN,
        detach_focus: bool = False,
        reduction: str = "mean",
        check_targets: bool = False,
    ) -> None:
        super().__init__(reduction=reduction)
        self.keep("gamma_pos", gamma_pos)
        self.keep("gamma_neg", gamma_neg)
        self.keep("margin", margin, below=1.0)
        self.detach_focus, self.check_targets = detach_focus, check_targets

    def forward(
        self, logits: Tensor, targets: Tensor, *, mask: Tensor | None = None, weight: Tensor | None = None
    ) -> Tensor:
        """Loss of a batch; see :func:`lopsided.losses.asymmetric_loss`."""
        return asymmetric_loss(
            logits,
            targets,
            gamma_pos=self.gamma_pos,
            gamma_neg=self.gamma_neg,
            margin=self.margin,
            mask=mask,
            weight=weight,
            detach_focus=self.detach_focus,
            reduction=self.reduction,
            check_targets=self.check_targets,
        )
