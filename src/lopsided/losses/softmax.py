"""The family for one label out of many: softmax in place of the sigmoid."""

from __future__ import annotations

import torch
from torch import Tensor

from lopsided.losses.base import Loss
from lopsided.losses.checks import check_logits, check_reduction, check_setting
from lopsided.losses.eager import is_eager
from lopsided.losses.elements import log_sum_exp

GAMMA_NEG = 4.0
"""The focusing power of the other classes where nothing else is said."""


def softmax_asymmetric_loss(
    logits: Tensor,
    labels: Tensor,
    *,
    gamma_pos: float = 0.0,
    gamma_neg: float = GAMMA_NEG,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> Tensor:
    r"""Asymmetric loss over softmax probabilities: the right class is a positive, every other one a negative.

    .. math:: L = -\sum_k y_k (1-p_k)^{\gamma_+} \log p_k + (1-y_k)\, p_k^{\gamma_-} \log(1-p_k)

    with :math:`y_k = (1-\epsilon) [k = label] + \epsilon / K`; cross-entropy is its limit for a large ``gamma_neg``.

    Args:
        logits: Scores before the softmax, shape ``(..., classes)``, floating point, at least two classes; of a class
            that is ruled out, minus infinity.
        labels: Number of the right class, integer, shape of ``logits`` without its last dimension.
        gamma_pos: Focusing power of the right class, >= 0.
        gamma_neg: Focusing power of the other classes, >= 0; it counts without smoothing too.
        label_smoothing: Share :math:`\epsilon` of the target spread over all classes, in [0, 1).
        reduction: ``"none"``, ``"sum"``, or ``"mean"`` and ``"batchmean"``, which are the same here: over samples.

    Returns: Loss in nats, a scalar or the shape of ``labels`` for ``"none"``; at least float32.

    >>> softmax_asymmetric_loss(torch.tensor([[2.0, 0.0, 0.0]]), torch.tensor([0]))
    tensor(0.2396)

    Source: Ridnik et al., ICCV 2021, eq. 5, with softmax probabilities.
    """
    _check(logits, labels, reduction)
    for name, value in (("gamma_pos", gamma_pos), ("gamma_neg", gamma_neg)):
        if isinstance(value, Tensor):
            raise TypeError(f"expected {name} to be a number, got a tensor: here it has one value for all classes")
        check_setting(name, value)
    check_setting("label_smoothing", label_smoothing, below=1.0)
    z = logits.to(torch.promote_types(logits.dtype, torch.float32))
    absent = z == -torch.inf
    log_p, log_rest = _log_of_both_sides(z, absent)
    costs_neg = -(gamma_neg * log_p).exp() * log_rest
    costs_pos = -(gamma_pos * log_rest).exp() * log_p
    right = _one_hot(labels, z.shape[-1]).to(z.dtype)
    targets = right * (1 - label_smoothing) + label_smoothing / z.shape[-1]
    losses = torch.lerp(costs_neg, costs_pos, targets).sum(dim=-1)
    losses = losses.masked_fill((absent & (targets > 0)).any(dim=-1), torch.inf)
    if reduction == "none":
        return losses
    total = losses.sum()
    return total if reduction == "sum" else total / max(losses.numel(), 1)


class SoftmaxAsymmetricLoss(Loss):
    """:func:`lopsided.losses.softmax_asymmetric_loss`, for one label out of many, with settings that stay.

    Args:
        gamma_pos: Focusing power of the right class, >= 0.
        gamma_neg: Focusing power of the other classes, >= 0.
        label_smoothing: Share of the target spread over all classes, in [0, 1).
        reduction: ``"none"``, ``"mean"``, ``"sum"`` or ``"batchmean"``.

    >>> SoftmaxAsymmetricLoss()(torch.tensor([[2.0, 0.0, 0.0]]), torch.tensor([0]))
    tensor(0.2396)
    """

    def __init__(
        self,
        *,
        gamma_pos: float = 0.0,
        gamma_neg: float = GAMMA_NEG,
        label_smoothing: float = 0.0,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        check_setting("gamma_pos", gamma_pos)
        check_setting("gamma_neg", gamma_neg)
        check_setting("label_smoothing", label_smoothing, below=1.0)
        self.gamma_pos, self.gamma_neg, self.label_smoothing = gamma_pos, gamma_neg, label_smoothing

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Loss of a batch; see :func:`lopsided.losses.softmax_asymmetric_loss`."""
        return softmax_asymmetric_loss(
            logits,
            labels,
            gamma_pos=self.gamma_pos,
            gamma_neg=self.gamma_neg,
            label_smoothing=self.label_smoothing,
            reduction=self.reduction,
        )


def _log_of_both_sides(z: Tensor, absent: Tensor) -> tuple[Tensor, Tensor]:
    """``log p`` and ``log(1 - p)`` of the softmax, exact also where one class has nearly all.

    For that class ``1 - p`` is summed over the others, and ``log p`` follows from it; for the rest it is the reverse.
    Classes that are ``absent`` get the lowest finite logit in the place of minus infinity, whose products with 0, in
    value and gradient, would not be 0.
    """
    z = z - z.detach().amax(dim=-1, keepdim=True)  # what is left to subtract below is then small
    z = z.masked_fill(absent, torch.finfo(z.dtype).min / 8)
    top = _one_hot(z.argmax(dim=-1), z.shape[-1])
    log_p = z.log_softmax(dim=-1)
    others = log_sum_exp(z.masked_fill(top, -torch.inf), dim=-1) - log_sum_exp(z, dim=-1)
    log_rest = torch.where(top, others, torch.log1p(-log_p.exp().masked_fill(top, 0)))
    most = top & (others < -0.7)  # 1 - p < 1/2
    log_p = torch.where(most, torch.log1p(-others.exp().clamp(max=0.5)), log_p)
    return log_p, log_rest


def _one_hot(labels: Tensor, num_classes: int) -> Tensor:
    """Like torch's own function, which reads values and so fails under vmap."""
    return labels.unsqueeze(-1) == torch.arange(num_classes, device=labels.device)


def _check(logits: Tensor, labels: Tensor, reduction: str) -> None:
    check_logits(logits)
    check_reduction(reduction)
    if logits.dim() == 0 or logits.shape[-1] < 2:
        raise ValueError(
            f"expected logits to have at least two classes in their last dimension, got {tuple(logits.shape)}"
        )
    if not isinstance(labels, Tensor):
        raise TypeError(f"expected labels to be a tensor, got {type(labels).__name__}")
    if labels.shape != logits.shape[:-1]:
        raise ValueError(f"expected labels to have the shape {tuple(logits.shape[:-1])}, got {tuple(labels.shape)}")
    if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
        raise TypeError(f"expected labels to be integer class numbers, got {labels.dtype}")
    if labels.numel() == 0 or not is_eager(labels):
        return
    lowest, highest = (int(bound.item()) for bound in torch.aminmax(labels))
    if lowest < 0 or highest >= logits.shape[-1]:
        raise ValueError(f"expected labels to lie in [0, {logits.shape[-1]}), got values from {lowest} to {highest}")
