"""Value and gradient in one pass of plain torch, in blocks that fit the cache, behind one autograd function."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

from lopsided.losses.checks import Focus
from lopsided.losses.eager import is_eager
from lopsided.losses.elements import finite
from lopsided.losses.formula import Settings, element, gradient, value
from lopsided.losses.kernels.call import Call, Results
from lopsided.losses.kernels.first_derivative import SECOND_DERIVATIVE

ELEMENTS_PER_THREAD = 65536
"""Measured: smaller blocks leave threads waiting (torch gives a second one work from 32768 elements on), larger ones
leave the cache."""


def elementwise_loss(call: Call) -> Tensor:
    """Weighted loss of each element, 0 where unknown, differentiable once by the logits; at least float32.

    The backward pass keeps the gradient alone, in the shape and type of the logits; in float16 it is rounded before the
    incoming gradient scales it.
    """
    logits, targets, settings, mask, weight, *_ = call
    want_slope = torch.is_grad_enabled()  # inside vmap a tensor does not say whether it requires grad
    return _Loss.apply(logits, targets, mask, weight, *settings, want_slope)[0]  # pyright: ignore[reportOptionalSubscript]


def run(call: Call) -> Results:
    """Weighted loss and its derivative by the logit, element by element, without autograd."""
    logits, targets, settings, mask, weight, *_ = call
    dtype = _compute_dtype(logits)
    settings = settings.to(dtype)
    call = call._replace(settings=settings)
    if logits.numel() <= ELEMENTS_PER_THREAD or not is_eager(logits, targets, mask, weight, *settings):
        return _one_block(call)
    losses = torch.empty(logits.shape, dtype=dtype, device=logits.device)
    slopes = torch.empty_like(logits, memory_format=torch.contiguous_format) if call.want_slope else logits.new_empty(0)
    wide = [part.expand(logits.shape) if isinstance(part, Tensor) else part for part in (mask, weight, *settings[:3])]
    for index in _blocks(logits.shape, ELEMENTS_PER_THREAD * torch.get_num_threads()):
        part_mask, part_weight, *focus = (part[index] if isinstance(part, Tensor) else part for part in wide)
        part_settings = Settings(*focus, detach_focus=settings.detach_focus)  # pyright: ignore[reportArgumentType]
        part = Call(logits[index], targets[index], part_settings, part_mask, part_weight, want_slope=call.want_slope)  # pyright: ignore[reportArgumentType]
        losses[index], slope, _ = _one_block(part)
        if call.want_slope:
            slopes[index] = slope
    return Results(losses, slopes)


def _one_block(call: Call) -> Results:
    logits, targets, settings, mask, weight, *_ = call
    dtype = _compute_dtype(logits)
    z, y = finite(logits.to(dtype)), targets.to(dtype)
    unknown = None if mask is None else ~mask
    if unknown is not None:  # unknown elements may hold NaN: replaced before, silenced after
        z, y = z.masked_fill(unknown, 0), y.masked_fill(unknown, 0)
    parts = element(z, settings)
    results = [value(parts, y)]
    if call.want_slope:
        results.append(gradient(parts, y, settings))
    if weight is not None:
        results = [part * weight.to(dtype) for part in results]
    if unknown is not None:
        results = [part.masked_fill(unknown, 0) for part in results]
    return Results(results[0], results[1].to(logits.dtype) if call.want_slope else logits.new_empty(0))


def _compute_dtype(logits: Tensor) -> torch.dtype:
    return torch.float64 if logits.dtype == torch.float64 else torch.float32


def _blocks(shape: torch.Size, limit: int) -> Iterator[tuple[int | slice, ...]]:
    """Indices of parts that together cover ``shape``, each of at most ``limit`` elements."""
    if shape.numel() <= limit:
        yield ()
        return
    row = shape[1:].numel()
    if row >= limit:
        for first in range(shape[0]):
            for rest in _blocks(shape[1:], limit):
                yield (first, *rest)
        return
    step = max(limit // row, 1)
    for start in range(0, shape[0], step):
        yield (slice(start, start + step),)


class _Loss(torch.autograd.Function):
    """Gives loss and gradient; only the loss is meant to be differentiated.

    The gradient is an output so that vmap and ``torch.func`` can follow it, and so that a second derivative, which
    would need one more tensor to be kept, reaches ``backward`` as its incoming gradient and is refused, not ignored.
    """

    @staticmethod
    def forward(
        logits: Tensor,
        targets: Tensor,
        mask: Tensor | None,
        weight: Tensor | None,
        gamma_pos: Focus,
        gamma_neg: Focus,
        margin: Focus,
        detach_focus: bool,
        want_slope: bool,
    ) -> tuple[Tensor, Tensor]:
        settings = Settings(gamma_pos, gamma_neg, margin, detach_focus)
        return run(Call(logits, targets, settings, mask, weight, want_slope=want_slope))[:2]

    @staticmethod
    def setup_context(ctx: FunctionCtx, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:  # noqa: ARG004
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(output[1])

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor | None) -> tuple[Tensor | None, ...]:
        grad_loss, grad_slope = grad_outputs
        if grad_slope is not None and not torch.compiler.is_compiling():  # compiled graphs refuse it themselves
            raise RuntimeError(SECOND_DERIVATIVE)
        (slope,) = ctx.saved_tensors
        grad = None if grad_loss is None else (grad_loss * slope).to(slope.dtype)
        return grad, None, None, None, None, None, None, None, None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *inputs: Any) -> tuple[tuple[Tensor, Tensor], tuple[int, int]]:
        """Elements are independent, so a batch of calls is one call with one more leading dimension."""
        logits, batched = inputs[0], in_dims[0]
        rank = logits.dim() - (batched is not None)

        def lift(part: Any, dim: int | None) -> Any:
            if not isinstance(part, Tensor):
                return part
            if dim is None:
                return part.expand(info.batch_size, *part.shape) if part is logits else part
            part = part.movedim(dim, 0)
            return part.reshape(part.shape[0], *[1] * (rank + 1 - part.dim()), *part.shape[1:])

        lifted = [lift(part, dim) for part, dim in zip(inputs, in_dims, strict=True)]
        lifted[1] = lifted[1].expand(lifted[0].shape)
        return _Loss.apply(*lifted), (0, 0)  # pyright: ignore[reportReturnType]
