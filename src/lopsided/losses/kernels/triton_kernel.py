"""The Triton kernel for GPUs: loss, gradient and the gap's sums in one pass. Not yet verified on a GPU.

Triton's interpreter checks it on the CPU, and it is compiled ahead of time for a GPU's instructions, but it has not run
on a GPU; so it serves only where ``LOPSIDED_BACKEND`` is ``triton``, compiled graphs included.
"""

from __future__ import annotations

import importlib.util
import os
from typing import Any

import torch
from torch import Tensor

from lopsided.losses.checks import Focus
from lopsided.losses.kernels.call import Call, Results
from lopsided.losses.reduction import divisor

BLOCK = 1024
"""Elements of one program; its sums go to a place of their own, so that totals are the same bits in every run."""

NUMBER, ONE, LABELS, ELEMENTS = range(4)
"""How an operand belongs to elements: a number, or a tensor of one value, one per label, or one per element."""


def is_ready(device: str) -> bool:
    """Whether Triton serves this device: a GPU, or the CPU where its interpreter is on; raises where it is missing."""
    if importlib.util.find_spec("triton") is None:
        raise ModuleNotFoundError("LOPSIDED_BACKEND=triton needs triton: pip install triton", name="triton")
    return device == "cuda" or bool(os.environ.get("TRITON_INTERPRET"))


def serves(call: Call) -> bool:
    """Whether the kernel reads these types: logits other than float64."""
    return call.logits.dtype in (torch.float32, torch.float16, torch.bfloat16)


def run(call: Call) -> Results:
    """One pass over checked tensors, without autograd."""
    from lopsided.losses.kernels.triton_source import one_block

    logits, targets, settings, mask, weight, reduction, want_slope, want_gap = call
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
    """The tensor to read, the number to use instead of one, and the kind that says which of the two counts."""
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
