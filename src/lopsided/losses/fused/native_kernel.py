"""The native CPU kernel behind one autograd function: loss, gradient and the gap's sums in one pass."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from lopsided.losses.checks import Focus
from lopsided.losses.formula import Settings
from lopsided.losses.fused import backend
from lopsided.losses.fused.once import refuse_second_derivative
from lopsided.losses.reduction import divisor

_TYPES = {
    torch.float32: 0,
    torch.float16: 1,
    torch.bfloat16: 2,
    torch.float64: 3,
    torch.int64: 4,
    torch.int32: 5,
    torch.int16: 6,
    torch.int8: 7,
    torch.uint8: 8,
    torch.bool: 9,
}
"""Numbered as in ``call.h``."""

ELEMENTS_PER_THREAD = 16384
"""One chunk of the kernel; below it a second thread costs more than it saves."""


class Results(NamedTuple):
    """What one pass gives; tensors that were not asked for are empty."""

    loss: Tensor  # float32, a scalar, or the shape of the logits for reduction "none"
    slope: Tensor  # type and shape of the logits
    gap_sums: Tensor  # shape (4,)


def serves(logits: Tensor, targets: Tensor) -> bool:
    """Whether the kernel takes this call: plain CPU tensors, not float64, outside of ``torch.func`` and tracing."""
    return (
        backend.instructions() >= 0
        and logits.dtype in (torch.float32, torch.float16, torch.bfloat16)
        and targets.dtype in _TYPES
        and logits.device.type == "cpu" == targets.device.type
        and (torch.compiler.is_compiling() or _are_plain(logits, targets))
    )


def _are_plain(logits: Tensor, targets: Tensor) -> bool:
    plain = (Tensor, torch.nn.Parameter)
    return type(logits) in plain and type(targets) in plain and not torch._C._are_functorch_transforms_active()


def run(
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
    """One pass over tensors that :func:`serves` takes and the checks let through, without autograd."""
    native = backend.native_module()
    assert native is not None
    logits, targets = logits.contiguous(), targets.contiguous()
    elements = logits.numel()
    whole = reduction == "none"
    loss = torch.empty(logits.shape if whole else (), dtype=torch.float32)
    slope = torch.empty_like(logits) if want_slope else logits.new_empty(0)
    gap_sums = torch.empty(4 if want_gap else 0)
    kept: list[Tensor] = []  # converted operands live until the kernel has read them
    native.loss_and_slope(
        logits.data_ptr(),
        _TYPES[logits.dtype],
        targets.data_ptr(),
        _TYPES[targets.dtype],
        elements,
        *_operand(mask, logits, torch.bool, kept),
        *_operand(weight, logits, torch.float32, kept),
        *_setting(settings.gamma_pos, logits, kept),
        *_setting(settings.gamma_neg, logits, kept),
        *_setting(settings.margin, logits, kept),
        settings.detach_focus,
        _divisor(logits, mask, reduction),
        loss.data_ptr() if whole else 0,
        slope.data_ptr() if want_slope else 0,
        0 if whole else loss.data_ptr(),
        gap_sums.data_ptr() if want_gap else 0,
        1 if elements <= ELEMENTS_PER_THREAD else torch.get_num_threads(),
        backend.instructions(),
    )
    return Results(loss, slope, gap_sums)


def _divisor(logits: Tensor, mask: Tensor | None, reduction: str) -> float:
    """What the sum is divided by; 0 lets the kernel count the known elements."""
    if reduction == "mean" and mask is not None:
        return 0.0
    count = divisor(logits.shape, mask=None, reduction=reduction)
    assert isinstance(count, int)
    return float(count)


def _setting(value: Focus, logits: Tensor, kept: list[Tensor]) -> tuple[float, int]:
    if isinstance(value, Tensor):
        return _operand(value, logits, torch.float32, kept)
    return float(value), 0


def _operand(value: Tensor | None, logits: Tensor, dtype: torch.dtype, kept: list[Tensor]) -> tuple[int, int]:
    """Address and period: one number, one per label, or one per element; what else broadcasts is written out."""
    if value is None:
        return 0, 0
    labels = logits.shape[-1] if logits.dim() else 1
    if value.numel() == 1:
        period = 1
    elif value.numel() == labels and value.shape[-1] == labels:
        period = labels
    else:
        value, period = value.expand(logits.shape), logits.numel()
    value = value.detach().to(dtype).contiguous()
    kept.append(value)
    return value.data_ptr(), period


class _Loss(torch.autograd.Function):
    """Gives the loss and the gap's sums, which also anchor a second derivative, so that it can be refused."""

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
        compute = _run_compiled if torch.compiler.is_compiling() else run
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
        ctx.save_for_backward(results.slope, results.gap_sums)
        return results.loss, results.gap_sums

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor | None) -> tuple[Tensor | None, ...]:
        grad_loss = grad_outputs[0]
        if grad_loss is None:
            return None, None, None, None, None, None, None
        slope, anchor = ctx.saved_tensors
        if torch.is_grad_enabled() and not torch.compiler.is_compiling():  # compiled graphs refuse it themselves
            slope = refuse_second_derivative(slope, anchor)
        if not _is_one(grad_loss):
            slope = (grad_loss * slope).to(slope.dtype)
        return slope, None, None, None, None, None, None


def _is_one(grad_loss: Tensor) -> bool:
    """Whether the slope is the gradient: handed out as it is, it becomes that of the logits without a copy."""
    if torch.compiler.is_compiling():  # the value is not there yet
        return False
    return grad_loss.dim() == 0 and grad_loss.item() == 1.0


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
    return run(
        logits,
        targets,
        Settings(gamma_pos, gamma_neg, margin, detach_focus),
        mask=mask,
        weight=weight,
        reduction=reduction,
        want_slope=want_slope,
        want_gap=want_gap,
    )


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
    """:func:`run` while a graph is traced: settings become tensors, so that a new value needs no new graph."""
    focus = [part if isinstance(part, Tensor) else torch.full((), part) for part in settings[:3]]
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
) -> tuple[Tensor, Tensor]:
    """Reduced loss, differentiable once by the logits, and the sums of eq. 7 (empty where not asked for)."""
    if logits.dtype == torch.float16 and reduction in ("mean", "batchmean"):  # a slope divided so could vanish in it
        loss, gap_sums = loss_and_gap(
            logits, targets, settings, mask=mask, weight=weight, reduction="sum", want_gap=want_gap
        )
        return loss / divisor(logits.shape, mask=mask, reduction=reduction), gap_sums
    if torch.is_grad_enabled() and logits.requires_grad:
        loss, gap_sums = _Loss.apply(logits, targets, mask, weight, settings, reduction, want_gap)  # pyright: ignore[reportGeneralTypeIssues]
        return loss, gap_sums.detach()
    compute = _run_compiled if torch.compiler.is_compiling() else run
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
    return results.loss, results.gap_sums
