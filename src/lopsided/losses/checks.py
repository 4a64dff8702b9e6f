"""Input checks that the losses share: what was wanted and what came, before any work is done."""

from __future__ import annotations

import math
from numbers import Real
from typing import Literal, TypeAlias, cast

import torch
from torch import Tensor

Focus: TypeAlias = float | Tensor
"""A focusing power or a margin: one number for all, or a tensor that broadcasts against the logits."""

Reduction = Literal["none", "mean", "sum", "batchmean"]
REDUCTIONS: tuple[Reduction, ...] = ("none", "mean", "sum", "batchmean")


def check_logits(logits: Tensor) -> None:
    """Refuse anything but a floating-point tensor."""
    if not isinstance(logits, Tensor):
        raise TypeError(f"logits must be a tensor, got {type(logits).__name__}")
    if not logits.is_floating_point():
        raise TypeError(f"logits must be floating point, got {logits.dtype}")


def check_targets(targets: Tensor, logits: Tensor, *, mask: Tensor | None = None, read_values: bool = False) -> None:
    """Refuse targets of another shape or kind; with ``read_values`` also known values outside [0, 1] (costs a pass)."""
    if not isinstance(targets, Tensor):
        raise TypeError(f"targets must be a tensor, got {type(targets).__name__}")
    if targets.shape != logits.shape:
        raise ValueError(f"targets must have the shape of logits {tuple(logits.shape)}, got {tuple(targets.shape)}")
    if targets.is_complex():
        raise TypeError(f"targets must be bool, integer or floating point, got {targets.dtype}")
    if targets.requires_grad:
        raise ValueError("targets must not require grad: the gradient is with respect to the logits only")
    if read_values and targets.numel() > 0:
        known = targets if mask is None else targets.masked_fill(~mask, 0)
        lowest, highest = (bound.item() for bound in torch.aminmax(known))
        if not (lowest >= 0 and highest <= 1):  # not (...) so that NaN is refused too
            raise ValueError(f"targets must lie in [0, 1], got values from {lowest} to {highest}")


def check_broadcast(name: str, values: Tensor | None, logits: Tensor) -> None:
    """Refuse a tensor that does not broadcast to the shape of the logits."""
    if values is None:
        return
    if not isinstance(values, Tensor):
        raise TypeError(f"{name} must be a tensor, got {type(values).__name__}")
    try:
        fits = torch.broadcast_shapes(values.shape, logits.shape) == logits.shape
    except RuntimeError:
        fits = False
    if not fits:
        raise ValueError(
            f"{name} must broadcast to the shape of logits {tuple(logits.shape)}, got {tuple(values.shape)}"
        )


def check_mask(mask: Tensor | None, logits: Tensor) -> None:
    """Refuse a mask that is not bool (0 and 1 could mean either side) or does not broadcast."""
    check_broadcast("mask", mask, logits)
    if mask is not None and mask.dtype != torch.bool:
        raise TypeError(f"mask must be bool, True where the label is known, got {mask.dtype}")


def check_weight(weight: Tensor | None, logits: Tensor) -> None:
    """Refuse a weight that does not broadcast, or that wants a gradient it would not get."""
    check_broadcast("weight", weight, logits)
    if weight is not None and weight.requires_grad:
        raise ValueError("weight must not require grad: the gradient is with respect to the logits only")


def check_setting(name: str, value: Focus, *, below: float = math.inf) -> None:
    """Refuse a focusing power or margin outside [0, ``below``), number or tensor.

    A tensor's values are read only where that is free: on the CPU, outside ``torch.compile`` and
    ``torch.func.vmap``. A GPU would have to wait for them.
    """
    if not isinstance(value, Tensor):
        if isinstance(value, bool) or not isinstance(value, (int, float, Real)):
            raise TypeError(f"{name} must be a number or a tensor, got {type(value).__name__}")
        if not 0 <= value < below:
            raise ValueError(f"{_range(name, below)}, got {value}")
        return
    if value.requires_grad:
        raise ValueError(f"{name} must not require grad: it is a setting, its gradient is not computed")
    if torch.compiler.is_compiling() or value.device.type != "cpu" or value.numel() == 0:
        return
    try:
        lowest, highest = (bound.item() for bound in torch.aminmax(value))
    except RuntimeError:  # inside vmap a value can't be read
        return
    if not 0 <= lowest <= highest < below:
        raise ValueError(f"{_range(name, below)}, got values from {lowest} to {highest}")


def _range(name: str, below: float) -> str:
    return f"{name} must be >= 0" if math.isinf(below) else f"{name} must lie in [0, {below:g})"


def check_number(
    name: str, value: float, *, at_least: float = -math.inf, above: float = -math.inf, below: float = math.inf
) -> None:
    """Refuse anything but one finite number within the bounds."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Real)):
        raise TypeError(f"{name} must be a number, got {type(value).__name__}")
    if not (at_least <= value < below and value > above):
        bounds = ((">=", at_least), (">", above), ("<", below))
        wanted = " and ".join(f"{sign} {bound:g}" for sign, bound in bounds if math.isfinite(bound))
        raise ValueError(f"{name} must be {wanted or 'finite'}, got {value}")


def check_frequencies(frequencies: Tensor, logits: Tensor) -> None:
    """Refuse anything but a tensor of one value per label."""
    if not isinstance(frequencies, Tensor):
        raise TypeError(f"frequencies must be a tensor, got {type(frequencies).__name__}")
    if logits.dim() == 0 or frequencies.shape != logits.shape[-1:]:
        wanted, came = tuple(logits.shape[-1:]), tuple(frequencies.shape)
        raise ValueError(f"frequencies must have one value per label, shape {wanted}, got {came}")


def check_hard_targets(targets: Tensor, *, mask: Tensor | None) -> None:
    """Refuse known targets other than 0 and 1; like a setting's values they are read only where that is free."""
    if targets.dtype == torch.bool or torch.compiler.is_compiling() or targets.device.type != "cpu":
        return
    known = targets if mask is None else targets.masked_fill(~mask, 0)
    soft = (known != 0) & (known != 1)
    try:
        found = known[soft][:1].tolist()
    except RuntimeError:  # inside vmap a value can't be read
        return
    if found:
        raise ValueError(f"targets must be 0 or 1, got {found[0]:g}: this loss has no form for shares in between")


def check_reduction(reduction: str) -> Reduction:
    """Refuse an unknown reduction."""
    if reduction not in REDUCTIONS:
        raise ValueError(f"reduction must be one of {', '.join(REDUCTIONS)}, got {reduction!r}")
    return cast(Reduction, reduction)
