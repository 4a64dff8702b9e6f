"""The last layer and its loss in one, for label sets so large that the logits of a batch don't fit."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lopsided.losses.checks import Focus
from lopsided.losses.formula import GAMMA_NEG, GAMMA_POS, MARGIN
from lopsided.losses.kernels.first_derivative import refuse_second_derivative, scaled
from lopsided.losses.many_labels.job import Job, checked_job


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
    like = features.new_empty(()).expand(features.shape[0], weight.shape[0])
    job = checked_job(
        like,
        targets,
        focus=(gamma_pos, gamma_neg, margin),
        mask=mask,
        loss_weight=loss_weight,
        detach_focus=detach_focus,
        reduction=reduction,
        indices=indices,
    )
    return loss_of_layer(features, weight, bias, job)


def loss_of_layer(features: Tensor, weight: Tensor, bias: Tensor | None, job: Job) -> Tensor:
    """Loss of a dense layer, differentiable once by its features, weight and bias; they are checked already."""
    if features.dtype == torch.float16:  # a slope divided by many elements could vanish in it
        whole = job._replace(divisor=1)
        return _LinearLoss.apply(features, weight, bias, whole) / job.divisor  # pyright: ignore[reportOperatorIssue]
    return _LinearLoss.apply(features, weight, bias, job)  # pyright: ignore[reportReturnType]


class _LinearLoss(torch.autograd.Function):
    """Sum of the losses; the gradients of features, weight and bias are computed with it."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor, bias: Tensor | None, job: Job) -> Tensor:
        wide = torch.promote_types(features.dtype, torch.float32)
        total = torch.zeros((), dtype=torch.float64, device=features.device)
        wanted = ctx.needs_input_grad[:3]
        grad_features = torch.zeros_like(features, dtype=wide) if wanted[0] else None
        grad_weight = torch.empty_like(weight) if wanted[1] else None
        grad_bias = torch.empty_like(bias) if bias is not None and wanted[2] else None

        def logits_of(part: slice) -> Tensor:
            rows = weight[part].to(features.dtype)
            return features @ rows.T if bias is None else torch.addmm(bias[part].to(rows), features, rows.T)

        for part, loss, slope in job.run(logits_of, want_slope=any(wanted)):
            total += loss
            if grad_features is not None:
                grad_features += slope @ weight[part].to(features.dtype) / job.divisor
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
