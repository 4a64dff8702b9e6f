"""The Triton kernel for GPUs: loss, gradient and the gap's sums in one pass. Not yet verified on a GPU.

It is checked by Triton's interpreter on the CPU and compiled ahead of time for a GPU's instructions, but has not run on
one; so it serves only where ``LOPSIDED_BACKEND`` is ``triton``. Compiled graphs don't use it: there torch's compiler
makes one kernel of the plain formula.
"""

from __future__ import annotations

import os
from typing import Any

import torch
from torch import Tensor

from lopsided.losses.checks import Focus
from lopsided.losses.eager import is_eager
from lopsided.losses.formula import Settings
from lopsided.losses.kernels import backend
from lopsided.losses.kernels.results import Results
from lopsided.losses.reduction import divisor

BLOCK = 1024
"""Elements of one program; its sums go to a place of their own, so that totals are the same bits in every run."""

NUMBER, ONE, LABELS, ELEMENTS = range(4)
"""How an operand belongs to elements: a number, or a tensor of one value, one per label, or one per element."""


def takes(logits: Tensor) -> bool:
    """Whether tensors on this device go to Triton."""
    if not backend.wants_triton() or torch.compiler.is_compiling():
        return False
    return logits.device.type == "cuda" or (logits.device.type == "cpu" and bool(os.environ.get("TRITON_INTERPRET")))


def serves(logits: Tensor, targets: Tensor, *others: object) -> bool:
    """Whether the kernel takes this call: tensors that may be read by their addresses, of a type other than float64."""
    return (
        takes(logits)
        and logits.dtype in (torch.float32, torch.float16, torch.bfloat16)
        and is_eager(logits, targets, *others, device=logits.device)
    )


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
    from lopsided.losses.kernels.triton_source import one_block

    logits, targets = logits.contiguous(), targets.contiguous()
    elements, whole, truth = logits.numel(), reduction == "none", targets.dtype == torch.bool
    programs = (elements + BLOCK - 1) // BLOCK
    known = None if mask is None else mask.to(logits.device)
    count = torch.as_tensor(divisor(logits.shape, mask=known, reduction=reduction), device=logits.device).float()
    losses = torch.empty(logits.shape if whole else 0, dtype=torch.float32, device=logits.device)
    slope = torch.empty_like(logits) if want_slope else logits.new_empty(0)
    sums = torch.empty((5, programs), dtype=torch.float32, device=logits.device)
    operands = [_operand(part, logits) for part in (known, weight, *settings[:3])]
    if elements:
        kernel: Any = one_block  # what its decorator makes of it is not known to type checkers
        kernel[(programs,)](
            logits,
            targets.view(torch.uint8) if truth else targets,
            *(tensor for tensor, _, _ in operands),
            *(number for _, number, _ in operands[2:]),
            count,
            losses,
            slope,
            sums,
            elements,
            logits.shape[-1] if logits.dim() else 1,
            programs,
            kinds=tuple(kind for _, _, kind in operands),
            detach=settings.detach_focus,
            truth=truth,
            has_mask=mask is not None,
            has_weight=weight is not None,
            whole=whole,
            want_slope=want_slope,
            block=BLOCK,
        )
    totals = sums.sum(dim=1, dtype=torch.float64)
    loss = losses if whole else (totals[0] / count).float()
    return Results(loss, slope, totals[1:].float() if want_gap else None)


def _operand(value: Focus | None, logits: Tensor) -> tuple[Tensor, float, int]:
    """The tensor that is read, the number that stands in its place, and which of the two it is."""
    if not isinstance(value, Tensor):
        return logits, 0.0 if value is None else float(value), NUMBER
    value = value.detach().to(logits.device)
    value = value.view(torch.uint8) if value.dtype == torch.bool else value.float()
    labels = logits.shape[-1] if logits.dim() else 1
    if value.numel() == 1:
        return value.contiguous(), 0.0, ONE
    if value.numel() == labels == value.shape[-1]:
        return value.contiguous(), 0.0, LABELS
    return value.expand(logits.shape).contiguous(), 0.0, ELEMENTS
