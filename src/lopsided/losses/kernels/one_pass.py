"""A backend behind one autograd function, and as an operator that compiled graphs call."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lopsided.losses.formula import Settings
from lopsided.losses.kernels.backend import Backend, serving
from lopsided.losses.kernels.call import Call, Results
from lopsided.losses.kernels.first_derivative import refuse_second_derivative, scaled
from lopsided.losses.reduction import divisor


def loss_and_gap(call: Call, backend: Backend) -> tuple[Tensor, Tensor | None]:
    """Reduced loss, differentiable once by the logits, and the sums of eq. 7 where they are asked for."""
    logits, reduction = call.logits, call.reduction
    if logits.dtype == torch.float16 and reduction in ("mean", "batchmean"):  # a slope divided so could vanish in it
        loss, gap_sums = loss_and_gap(call._replace(reduction="sum"), backend)
        return loss / divisor(logits.shape, mask=call.mask, reduction=reduction), gap_sums
    if call.want_slope and not call.want_gap and reduction != "none":
        return _Loss.apply(logits, call, backend), None  # pyright: ignore[reportReturnType]
    if call.want_slope:
        loss, second = _LossAndGap.apply(logits, call, backend)  # pyright: ignore[reportGeneralTypeIssues]
        return loss, second.detach() if call.want_gap else None
    results = run(call, backend)
    return results.loss, results.gap_sums


def run(call: Call, backend: Backend) -> Results:
    """What the call wants, without autograd: computed now, or by a graph that is compiled."""
    return _run_compiled(call) if torch.compiler.is_compiling() else backend.run(call)


class _Loss(torch.autograd.Function):
    """Gives the loss, a scalar. A second output takes time, so that only :class:`_LossAndGap` has one."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, call: Call, backend: Backend) -> Tensor:
        if torch.compiler.is_compiling():  # a graph knows these logits from those outside
            loss, slope, _ = _run_compiled(call._replace(logits=logits))
        else:
            loss, slope, _ = backend.run(call)
        ctx.save_for_backward(slope, loss)
        return loss

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        slope, anchor = ctx.saved_tensors
        return _gradient(slope, anchor, grad_outputs[0]), None, None


class _LossAndGap(torch.autograd.Function):
    """Gives the loss and the gap's sums, or an empty tensor; through it a second derivative is refused."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, call: Call, backend: Backend) -> tuple[Tensor, Tensor]:
        if torch.compiler.is_compiling():  # a graph knows these logits from those outside
            call = call._replace(logits=logits)
        loss, slope, gap_sums = run(call, backend)
        ctx.set_materialize_grads(False)
        second = loss.new_empty(0) if gap_sums is None else gap_sums
        ctx.save_for_backward(slope, second)
        return loss, second

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor | None) -> tuple[Tensor | None, ...]:
        grad_loss = grad_outputs[0]
        if grad_loss is None:
            return None, None, None
        slope, anchor = ctx.saved_tensors
        return _gradient(slope, anchor, grad_loss), None, None


def _gradient(slope: Tensor, anchor: Tensor, grad_loss: Tensor) -> Tensor:
    """The slope times the incoming gradient; through the anchor, an output, a second derivative is refused."""
    if torch.is_grad_enabled() and not torch.compiler.is_compiling():  # compiled graphs refuse it themselves
        slope = refuse_second_derivative(slope, anchor)
    return scaled(slope, grad_loss)


def _run_compiled(call: Call) -> Results:
    """Call the operator; settings become tensors, so that a new value needs no new graph."""
    logits, targets, settings, mask, weight, *wanted = call
    focus = [
        part if isinstance(part, Tensor) else torch.full((), part, dtype=torch.float32, device=logits.device)
        for part in settings[:3]
    ]
    loss, slope, gap_sums = _operator(logits, targets, mask, weight, *focus, settings.detach_focus, *wanted)
    return Results(loss, slope, gap_sums if call.want_gap else None)


@torch.library.custom_op("lopsided::asymmetric_loss", mutates_args=())
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
    """A backend as an operator of torch, which a compiled graph calls without looking inside."""
    settings = Settings(gamma_pos, gamma_neg, margin, detach_focus)
    call = Call(logits, targets, settings, mask, weight, reduction, want_slope, want_gap)
    backend = serving(call)
    assert backend is not None  # it was asked when the graph was made
    loss, slope, gap_sums = backend.run(call)
    return loss, slope, loss.new_empty(0) if gap_sums is None else gap_sums


@_operator.register_fake
def _(logits: Tensor, *others: Any) -> tuple[Tensor, Tensor, Tensor]:
    reduction, want_slope, want_gap = others[-3:]
    loss = logits.new_empty(logits.shape if reduction == "none" else (), dtype=torch.float32)
    slope = torch.empty_like(logits, memory_format=torch.contiguous_format) if want_slope else logits.new_empty(0)
    return loss, slope, logits.new_empty(4 if want_gap else 0, dtype=torch.float32)
