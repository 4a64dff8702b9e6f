"""A kernel behind one autograd function, and as an operator that compiled graphs call."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from lopsided.losses.formula import Settings
from lopsided.losses.kernels import native_kernel, triton_kernel
from lopsided.losses.kernels.first_derivative import refuse_second_derivative, scaled
from lopsided.losses.kernels.results import Results
from lopsided.losses.reduction import divisor


def serves(logits: Tensor, targets: Tensor, settings: Settings, *, mask: Tensor | None, weight: Tensor | None) -> bool:
    """Whether a kernel takes this call."""
    parts = (logits, targets, mask, weight, *settings)
    return native_kernel.serves(*parts) or triton_kernel.serves(*parts)


def _kernel(logits: Tensor) -> ModuleType:
    return triton_kernel if triton_kernel.takes(logits) else native_kernel


def run(
    logits: Tensor,
    targets: Tensor,
    settings: Settings,
    *,
    mask: Tensor | None,
    weight: Tensor | None,
    want_slope: bool,
) -> Results:
    """Loss and slope of each element, without autograd."""
    return _kernel(logits).run(
        logits,
        targets,
        settings,
        mask=mask,
        weight=weight,
        reduction="none",
        want_slope=want_slope,
        want_gap=False,
    )


class _Loss(torch.autograd.Function):
    """Gives the loss and the gap's sums, or nothing in their place.

    That second output is kept as the anchor by which a second derivative comes back here to be refused.
    """

    @staticmethod
    def forward(
        ctx: Any,
        logits: Tensor,
        targets: Tensor,
        mask: Tensor | None,
        weight: Tensor | None,
        settings: Settings,
        reduction: str,
        want_gap: bool,
    ) -> tuple[Tensor, Tensor]:
        compute = _run_compiled if torch.compiler.is_compiling() else _kernel(logits).run
        results = compute(
            logits,
            targets,
            settings,
            mask=mask,
            weight=weight,
            reduction=reduction,
            want_slope=True,
            want_gap=want_gap,
        )
        ctx.set_materialize_grads(False)
        second = results.loss.new_empty(0) if results.gap_sums is None else results.gap_sums
        ctx.save_for_backward(results.slope, second)
        return results.loss, second

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor | None) -> tuple[Tensor | None, ...]:
        grad_loss = grad_outputs[0]
        if grad_loss is None:
            return None, None, None, None, None, None, None
        slope, anchor = ctx.saved_tensors
        if torch.is_grad_enabled() and not torch.compiler.is_compiling():  # compiled graphs refuse it themselves
            slope = refuse_second_derivative(slope, anchor)
        return scaled(slope, grad_loss), None, None, None, None, None, None


@torch.library.custom_op("lopsided::asymmetric_loss", mutates_args=(), device_types="cpu")
def _operator(
    logits: Tensor,
    targets: Tensor,
    mask: Tensor | None,
    weight: Tensor | None,
    gamma_pos: Tensor,
    gamma_neg: Tensor,
    margin: Tensor,
    detach_focus: bool,
    reduction: str,
    want_slope: bool,
    want_gap: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """The kernel as an operator of torch, which a compiled graph calls without looking inside."""
    loss, slope, gap_sums = native_kernel.run(
        logits,
        targets,
        Settings(gamma_pos, gamma_neg, margin, detach_focus),
        mask=mask,
        weight=weight,
        reduction=reduction,
        want_slope=want_slope,
        want_gap=want_gap,
    )
    return loss, slope, loss.new_empty(0) if gap_sums is None else gap_sums


@_operator.register_fake
def _(logits: Tensor, *others: Any) -> tuple[Tensor, Tensor, Tensor]:
    reduction, want_slope, want_gap = others[-3:]
    loss = logits.new_empty(logits.shape if reduction == "none" else (), dtype=torch.float32)
    slope = torch.empty_like(logits, memory_format=torch.contiguous_format) if want_slope else logits.new_empty(0)
    return loss, slope, logits.new_empty(4 if want_gap else 0, dtype=torch.float32)


def _run_compiled(
    logits: Tensor,
    targets: Tensor,
    settings: Settings,
    *,
    mask: Tensor | None,
    weight: Tensor | None,
    reduction: str,
    want_slope: bool,
    want_gap: bool,
) -> Results:
    """The kernel's ``run`` while a graph is traced: settings become tensors, so that a new value needs no new graph."""
    focus = [
        part if isinstance(part, Tensor) else torch.full((), part, dtype=torch.float32, device=logits.device)
        for part in settings[:3]
    ]
    results = _operator(logits, targets, mask, weight, *focus, settings.detach_focus, reduction, want_slope, want_gap)
    return Results(*results)


def loss_and_gap(
    logits: Tensor,
    targets: Tensor,
    settings: Settings,
    *,
    mask: Tensor | None,
    weight: Tensor | None,
    reduction: str,
    want_gap: bool,
) -> tuple[Tensor, Tensor | None]:
    """Reduced loss, differentiable once by the logits, and the sums of eq. 7 where they are asked for."""
    if logits.dtype == torch.float16 and reduction in ("mean", "batchmean"):  # a slope divided so could vanish in it
        loss, gap_sums = loss_and_gap(
            logits, targets, settings, mask=mask, weight=weight, reduction="sum", want_gap=want_gap
        )
        return loss / divisor(logits.shape, mask=mask, reduction=reduction), gap_sums
    if torch.is_grad_enabled() and logits.requires_grad:
        loss, second = _Loss.apply(logits, targets, mask, weight, settings, reduction, want_gap)  # pyright: ignore[reportGeneralTypeIssues]
        return loss, second.detach() if want_gap else None
    compute = _run_compiled if torch.compiler.is_compiling() else _kernel(logits).run
    results = compute(
        logits,
        targets,
        settings,
        mask=mask,
        weight=weight,
        reduction=reduction,
        want_slope=False,
        want_gap=want_gap,
    )
    return results.loss, results.gap_sums if want_gap else None
