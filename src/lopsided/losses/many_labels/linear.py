"""The last layer and its loss in one, for label sets so large that the logits of a batch don't fit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lopsided.losses.asymmetric import checked_settings
from lopsided.losses.checks import Focus, check_mask, check_reduction, check_weight
from lopsided.losses.formula import GAMMA_NEG, GAMMA_POS, MARGIN, Settings
from lopsided.losses.kernels import value_and_gradient
from lopsided.losses.kernels.call import Call
from lopsided.losses.kernels.first_derivative import refuse_second_derivative, scaled
from lopsided.losses.many_labels.target_chunks import TargetChunks, target_chunks
from lopsided.losses.reduction import divisor

LOGITS_AT_A_TIME = 1 << 22
"""16 MB of float32: enough for a matrix product at full speed, and little beside the weight of such a layer."""


def linear_asymmetric_loss(
    features: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    *,
    gamma_pos: Focus = GAMMA_POS,
    gamma_neg: Focus = GAMMA_NEG,
    margin: Focus = MARGIN,
    mask: Tensor | None = None,
    loss_weight: Tensor | None = None,
    detach_focus: bool = False,
    reduction: str = "mean",
    indices: bool = False,
) -> Tensor:
    """:func:`asymmetric_loss` of ``features @ weight.T + bias``, chunk after chunk of labels.

    The logits of all labels are never held. The forward pass computes the gradients and keeps them; a second derivative
    is refused.

    Args:
        features: What goes into the layer, shape ``(samples, width)``, floating point.
        weight: Of the layer, shape ``(labels, width)``, computed in the type of ``features``.
        bias: Of the layer, shape ``(labels,)``, or None.
        targets: Shape ``(samples, labels)``, dense as for the loss or sparse CSR with the share y as value; or with
            ``indices`` the numbers of each sample's positive labels, shape ``(samples, most)``, -1 in unused places.
        gamma_pos, gamma_neg, margin: As for the loss; tensors broadcast to ``(samples, labels)``.
        mask, loss_weight: True where known, and factor of each element; likewise.
        detach_focus: Take the focusing power as a constant in the gradient.
        reduction: ``"mean"``, ``"sum"`` or ``"batchmean"``.
        indices: Whether ``targets`` holds label numbers.

    Returns: Loss in nats, a scalar, at least float32.

    >>> features, weight = torch.ones(2, 3), torch.zeros(5, 3)
    >>> linear_asymmetric_loss(features, weight, None, torch.tensor([[0, 4], [2, -1]]), indices=True, margin=0.0)
    tensor(0.3292)

    Source: Ridnik et al., ICCV 2021, eq. 3-6.
    """
    _check_layer(features, weight, bias)
    shape = torch.Size((features.shape[0], weight.shape[0]))
    chunks = target_chunks(targets, shape, indices=indices)
    like = features.new_empty(()).expand(shape)  # stands for the logits in checks of shapes
    check_mask(mask, like)
    check_weight(loss_weight, like)
    if check_reduction(reduction) == "none":
        raise ValueError(
            'expected reduction to be "mean", "sum" or "batchmean", got "none": it would hold every element'
        )
    settings = checked_settings(like, gamma_pos, gamma_neg, margin, detach_focus)
    count = divisor(shape, mask=mask, reduction=reduction)
    if features.dtype == torch.float16:  # a slope divided by many elements could vanish in it
        return _LinearLoss.apply(features, weight, bias, _Job(chunks, settings, mask, loss_weight, 1)) / count  # pyright: ignore[reportOperatorIssue]
    return _LinearLoss.apply(features, weight, bias, _Job(chunks, settings, mask, loss_weight, count))  # pyright: ignore[reportReturnType]


class _Job(NamedTuple):
    """What is not differentiated."""

    targets: TargetChunks
    settings: Settings
    mask: Tensor | None
    loss_weight: Tensor | None
    divisor: int | Tensor

    def parts(self) -> Iterator[slice]:
        """Chunks of labels."""
        samples, labels = self.targets.shape
        step = max(LOGITS_AT_A_TIME // max(samples, 1), 256)
        return (slice(first, min(first + step, labels)) for first in range(0, labels, step))

    def call(self, logits: Tensor, part: slice, *, want_slope: bool) -> Call:
        """The call for the logits of a chunk."""
        operands = (*self.settings[:3], self.mask, self.loss_weight)
        *focus, mask, weight = (_labels(value, part, self.targets.shape[1]) for value in operands)
        settings = Settings(*focus, detach_focus=self.settings.detach_focus)
        return Call(logits, self.targets.dense(part), settings, mask, weight, want_slope=want_slope)


def _labels(value: Any, part: slice, labels: int) -> Any:
    """The part of a broadcast operand that belongs to some labels."""
    if isinstance(value, Tensor) and value.dim() and value.shape[-1] == labels:
        return value[..., part]
    return value


class _LinearLoss(torch.autograd.Function):
    """Sum of the losses; the gradients of features, weight and bias are computed with it."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor, bias: Tensor | None, job: _Job) -> Tensor:
        wide = torch.promote_types(features.dtype, torch.float32)
        total = torch.zeros((), dtype=torch.float64, device=features.device)
        wanted = ctx.needs_input_grad[:3]
        grad_features = torch.zeros_like(features, dtype=wide) if wanted[0] else None
        grad_weight = torch.empty_like(weight) if wanted[1] else None
        grad_bias = torch.empty_like(bias) if bias is not None and wanted[2] else None
        for part in job.parts():
            rows = weight[part].to(features.dtype)
            logits = features @ rows.T if bias is None else torch.addmm(bias[part].to(rows), features, rows.T)
            losses, slope, _ = value_and_gradient(job.call(logits, part, want_slope=any(wanted)))
            total += losses.sum(dtype=torch.float64) / job.divisor
            if grad_features is not None:
                grad_features += slope @ rows / job.divisor
            if grad_weight is not None:
                grad_weight[part] = slope.T @ features / job.divisor
            if grad_bias is not None:
                grad_bias[part] = slope.sum(dim=0, dtype=wide) / job.divisor
        result = total.to(wide)
        narrow = None if grad_features is None else grad_features.to(features)
        ctx.save_for_backward(narrow, grad_weight, grad_bias, result)
        return result

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        *kept, anchor = ctx.saved_tensors
        if torch.is_grad_enabled():
            kept = [None if grad is None else refuse_second_derivative(grad, anchor) for grad in kept]
        return *(None if grad is None else scaled(grad, grad_outputs[0]) for grad in kept), None


def _check_layer(features: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    for name, value, dims in (("features", features, 2), ("weight", weight, 2), ("bias", bias, 1)):
        if value is None and name == "bias":
            continue
        if not isinstance(value, Tensor):
            raise TypeError(f"expected {name} to be a tensor, got {type(value).__name__}")
        if not value.is_floating_point():
            raise TypeError(f"expected {name} to be floating point, got {value.dtype}")
        if value.dim() != dims:
            wanted = {"features": "(samples, width)", "weight": "(labels, width)", "bias": "(labels,)"}[name]
            raise ValueError(f"expected {name} to have the shape {wanted}, got {tuple(value.shape)}")
    if weight.shape[1] != features.shape[1]:
        raise ValueError(f"expected weight to have the width of features {features.shape[1]}, got {weight.shape[1]}")
    if bias is not None and bias.shape[0] != weight.shape[0]:
        raise ValueError(f"expected bias to have the labels of weight {weight.shape[0]}, got {bias.shape[0]}")
