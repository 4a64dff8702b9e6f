"""Asymmetric loss, eq. 3 to 5: the public function of the family's general member."""

from __future__ import annotations

from torch import Tensor

from lopsided.losses.checks import (
    Focus,
    check_broadcast,
    check_logits,
    check_mask,
    check_reduction,
    check_setting,
    check_weight,
)
from lopsided.losses.checks import check_targets as refuse_bad_targets
from lopsided.losses.formula import Settings
from lopsided.losses.kernels import loss_and_gap


def asymmetric_loss(
    logits: Tensor,
    targets: Tensor,
    *,
    gamma_pos: Focus = 0.0,
    gamma_neg: Focus = 2.0,
    margin: Focus = 0.2,
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
    check_inputs(logits, targets, mask=mask, weight=weight, reduction=reduction, read_targets=check_targets)
    settings = checked_settings(logits, gamma_pos, gamma_neg, margin, detach_focus)
    return loss_and_gap(logits, targets, settings, mask=mask, weight=weight, reduction=reduction)[0]


def asymmetric_loss_and_gap(
    logits: Tensor,
    targets: Tensor,
    *,
    gamma_pos: Focus,
    gamma_neg: Focus,
    margin: Focus,
    mask: Tensor | None,
    weight: Tensor | None,
    detach_focus: bool,
    reduction: str,
    want_gap: bool,
) -> tuple[Tensor, Tensor | None]:
    """:func:`asymmetric_loss` and, from the same pass where a backend has them for nothing, the sums of eq. 7."""
    check_inputs(logits, targets, mask=mask, weight=weight, reduction=reduction, read_targets=False)
    settings = checked_settings(logits, gamma_pos, gamma_neg, margin, detach_focus)
    return loss_and_gap(logits, targets, settings, mask=mask, weight=weight, reduction=reduction, want_gap=want_gap)


def check_inputs(
    logits: Tensor,
    targets: Tensor,
    *,
    mask: Tensor | None,
    weight: Tensor | None,
    reduction: str,
    read_targets: bool,
) -> None:
    """Refuse tensors that do not belong together, with what was expected and what came."""
    check_logits(logits)
    check_mask(mask, logits)
    refuse_bad_targets(targets, logits, mask=mask, read_values=read_targets)
    check_weight(weight, logits)
    check_reduction(reduction)


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
