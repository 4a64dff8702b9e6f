"""The native CPU kernel: loss, gradient and the gap's sums in one pass over plain tensors."""

from __future__ import annotations

import functools
import os
from types import ModuleType

import torch
from torch import Tensor

from lopsided.losses.checks import Focus, targets_outside
from lopsided.losses.kernels import memory
from lopsided.losses.kernels.call import Call, Results
from lopsided.losses.reduction import divisor

INSTRUCTIONS = ("plain", "avx2", "avx512")
"""What the kernel was compiled for, numbered as in ``pass.h``."""

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

_CPU = torch.device("cpu")
"""Named in every call, because torch's default device may be another one."""

ELEMENTS_PER_THREAD = 16384
"""One chunk of the kernel; below it a second thread costs more than it saves."""


@functools.cache
def native_module() -> ModuleType | None:
    """The compiled module, or None where the package was installed without a compiler."""
    try:
        from lopsided.losses.kernels import _native
    except ImportError:
        return None
    return _native


@functools.cache
def instructions() -> int:
    """Number of the instructions that ``LOPSIDED_BACKEND`` names, by default the best; -1 without a kernel."""
    asked, native = os.environ.get("LOPSIDED_BACKEND", ""), native_module()
    if native is None:
        if asked.startswith("native"):
            raise RuntimeError(
                f"expected the native kernel for LOPSIDED_BACKEND={asked}, got an installation without it"
            )
        return -1
    best = native.best_instructions()
    wanted = INSTRUCTIONS.index(asked.removeprefix("native-")) if asked.startswith("native-") else best
    if wanted > best:
        raise RuntimeError(f"expected LOPSIDED_BACKEND to be native-{INSTRUCTIONS[best]} at most here, got {asked}")
    return wanted


def is_ready(device: str) -> bool:
    """Whether the kernel was built, which is for CPUs."""
    return device == "cpu" and instructions() >= 0


def serves(call: Call) -> bool:
    """Whether the kernel reads these types: logits other than float64."""
    return call.logits.dtype in (torch.float32, torch.float16, torch.bfloat16) and call.targets.dtype in _TYPES


def run(call: Call) -> Results:
    """One pass over checked tensors, without autograd; raises ValueError where a known target is outside [0, 1]."""
    logits, targets, settings, mask, weight, reduction, want_slope, want_gap = call
    native = native_module()
    assert native is not None
    logits, targets = logits.contiguous(), targets.contiguous()
    elements, whole = logits.numel(), reduction == "none"
    loss = torch.empty(logits.shape if whole else (), dtype=torch.float32, device=_CPU)
    slope = memory.like(logits) if want_slope else logits.new_empty(0)
    gap_sums = torch.empty(4, dtype=torch.float32, device=_CPU) if want_gap else None
    kept: list[Tensor] = []  # converted operands live until the kernel has read them
    outside = native.loss_and_slope(
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
        0 if gap_sums is None else gap_sums.data_ptr(),
        1 if elements <= ELEMENTS_PER_THREAD else torch.get_num_threads(),
        instructions(),
    )
    if outside is not None:
        raise targets_outside(outside)
    return Results(loss, slope, gap_sums)


def _divisor(logits: Tensor, mask: Tensor | None, reduction: str) -> float:
    """What the sum is divided by; 0 lets the kernel count the known elements."""
    if reduction == "mean":
        return 0.0 if mask is not None else float(logits.numel())
    count = divisor(logits.shape, mask=None, reduction=reduction)
    assert isinstance(count, int)
    return float(count)


def _setting(value: Focus, logits: Tensor, kept: list[Tensor]) -> tuple[float, int]:
    if isinstance(value, Tensor):
        return _operand(value, logits, torch.float32, kept)
    return float(value), 0


def _operand(value: Tensor | None, logits: Tensor, dtype: torch.dtype, kept: list[Tensor]) -> tuple[int, int]:
    """Address and period: one number, one per label, or one per element; other shapes are expanded first."""
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
