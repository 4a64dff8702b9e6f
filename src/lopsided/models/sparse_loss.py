"""A sparse layer and its loss in one, for labels too many to hold their logits several times."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lopsided.losses.kernels.first_derivative import scaled
from lopsided.losses.many_labels.job import Job
from lopsided.models.sparse import Slopes, SparseLinear


def loss_of_sparse_layer(inputs: Tensor, layer: SparseLinear, job: Job) -> Tensor:
    """Loss of a sparse layer, differentiable once by its weight and bias.

    Of all labels together only the gradient by the outputs is held, which the step of the rows needs: float32, shape
    ``(samples, labels)``.

    Args:
        inputs: CSR, shape ``(samples, features)``.
        layer: What gives the logits.
        job: Targets and settings.
    """
    return _SparseLoss.apply(layer.weight, layer.bias, inputs, layer, job)  # pyright: ignore[reportReturnType]


class _SparseLoss(torch.autograd.Function):
    """Sum of the losses; the gradient of the bias, and that of the outputs, are computed with it."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, bias: Tensor, inputs: Tensor, layer: SparseLinear, job: Job) -> Tensor:
        wanted = any(ctx.needs_input_grad[:2])
        total = torch.zeros((), dtype=torch.float64, device=bias.device)
        slopes = bias.new_empty(inputs.shape[0], layer.width) if wanted else None
        for part, loss, slope in job.run(
            lambda part: torch.sparse.mm(inputs, weight[:, part]) + bias[part], want_slope=wanted
        ):
            total += loss
            if slopes is not None:
                torch.div(slope, job.divisor, out=slopes[:, part])
        ctx.inputs, ctx.layer, ctx.slopes = inputs, layer, slopes
        return total.to(bias.dtype)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, *grad_outputs: Tensor
    ) -> tuple[Tensor | None, ...]:
        slopes = scaled(ctx.slopes, grad_outputs[0])
        return ctx.layer.gradient_of(Slopes(ctx.inputs, slopes)), slopes.sum(dim=0), None, None, None
