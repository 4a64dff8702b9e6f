"""Input checks that the losses share: what was expected and what came, before any work is done."""

from __future__ import annotations

import math
from numbers import Real
from typing import Literal, TypeAlias, cast

import torch
from torch import Tensor

from lopsided.losses.eager import is_eager

Focus: TypeAlias = float | Tensor
"""A focusing power or a margin: one number for all, or a tensor that broadcasts against the logits."""

Reduction = Literal["none", "mean", "sum", "batchmean"]
REDUCTIONS: tuple[Reduction, ...] = ("none", "mean", "sum", "batchmean")


def check_logits(logits: Tensor) -> None:
    """Refuse anything but a floating-point tensor."""
    if not isinstance(logits, Tensor):
        raise TypeError(f"expected logits to be a tensor, got {type(logits).__name__}")
    if not logits.is_floating_point():
        raise TypeError(f"expected logits to be floating point, got {logits.dtype}")


def check_targets(targets: Tensor, logits: Tensor, *, mask: Tensor | None = None, read_values: bool = False) -> None:
    """Refuse targets of another shape or kind; with ``read_values`` also known values outside [0, 1] (costs a pass)."""
    if not isinstance(targets, Tensor):
        raise TypeError(f"expected targets to be a tensor, got {type(targets).__name__}")
    if targets.shape != logits.shape:
        raise ValueError(
            f"expected targets to have the shape of logits {tuple(logits.shape)}, got {tuple(targets.shape)}"
        )
    if targets.is_complex():
        raise TypeError(f"expected targets to be bool, integer or floating point, got {targets.dtype}")
    if targets.requires_grad:
        raise ValueError("expected targets not to require grad: the gradient is with respect to the logits only")
    if read_values:
        _refuse_outside(targets, logits, mask=mask)


def check_target_values(targets: Tensor, logits: Tensor, *, mask: Tensor | None) -> None:
    """Refuse known targets outside [0, 1] where reading them is free: on the CPU, unless something is traced."""
    if targets.dtype != torch.bool and is_eager(targets, mask):
        _refuse_outside(targets, logits, mask=mask)


def _refuse_outside(targets: Tensor, logits: Tensor, *, mask: Tensor | None) -> None:
    if targets.numel() == 0 or targets.dtype == torch.bool:
        return
    known = targets if mask is None else targets.masked_fill(~mask, 0)
    # As the loss is computed: 1 + 1e-9 of float64 is 1 in float32.
    bounds = torch.stack(torch.aminmax(known)).to(torch.promote_types(logits.dtype, torch.float32))
    lowest, highest = bounds.tolist()
    if not (lowest >= 0 and highest <= 1):  # not (...) so that NaN is refused too
        raise targets_outside(highest if lowest >= 0 else lowest)


def targets_outside(value: float) -> ValueError:
    """The error for a known target outside [0, 1], which says what to write for a label that nobody knows."""
    return ValueError(
        f"expected targets to lie in [0, 1], got {value:.9g}; where a label is unknown, say so with mask= (True "
        "where known), not with a value"
    )


def check_inputs(
    logits: Tensor,
    targets: Tensor,
    *,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    read_targets: bool = False,
) -> None:
    """Refuse tensors that do not belong together, with what was expected and what came."""
    check_logits(logits)
    check_mask(mask, logits)
    check_targets(targets, logits, mask=mask, read_values=read_targets)
    check_weight(weight, logits)


def check_broadcast(name: str, values: Tensor | None, logits: Tensor) -> None:
    """Refuse a tensor that does not broadcast to the shape of the logits."""
    if values is None:
        return
    if not isinstance(values, Tensor):
        raise TypeError(f"expected {name} to be a tensor, got {type(values).__name__}")
    try:
        fits = torch.broadcast_shapes(values.shape, logits.shape) == logits.shape
    except RuntimeError:
        fits = False
    if not fits:
        raise ValueError(
            f"expected {name} to broadcast to the shape of logits {tuple(logits.shape)}, got {tuple(values.shape)}"
        )


def check_mask(mask: Tensor | None, logits: Tensor) -> None:
    """Refuse a mask that is not bool (0 and 1 could mean either side) or does not broadcast."""
    check_broadcast("mask", mask, logits)
    if mask is not None and mask.dtype != torch.bool:
        raise TypeError(f"expected mask to be bool, True where the label is known, got {mask.dtype}")


def check_weight(weight: Tensor | None, logits: Tensor) -> None:
    """Refuse a weight that does not broadcast, or that wants a gradient it would not get."""
    check_broadcast("weight", weight, logits)
    if weight is not None and weight.requires_grad:
        raise ValueError("expected weight not to require grad: the gradient is with respect to the logits only")


def refuse_weight(weight: Tensor | None) -> None:
    """Refuse weights of elements in a loss that single elements do not have."""
    if weight is not None:
        raise ValueError("expected no weight: in this loss a single element costs nothing by itself")


def check_setting(name: str, value: Focus, *, below: float = math.inf) -> None:
    """Refuse a focusing power or margin outside [0, ``below``), number or tensor.

    A tensor's values are read on the CPU alone, outside of tracing and transforms: a GPU would have to wait for them.
    """
    if not isinstance(value, Tensor):
        if isinstance(value, bool) or not isinstance(value, (int, float, Real)):
            raise TypeError(f"expected {name} to be a number or a tensor, got {type(value).__name__}")
        if not 0 <= value < below:
            raise ValueError(f"{_range(name, below)}, got {value}")
        return
    if value.requires_grad:
        raise ValueError(f"expected {name} not to require grad: it is a setting, its gradient is not computed")
    if value.is_complex():
        raise TypeError(f"expected {name} to be a number or a tensor of real numbers, got {value.dtype}")
    if value.numel() == 0 or not is_eager(value):
        return
    lowest, highest = (bound.item() for bound in torch.aminmax(value))
    if not 0 <= lowest <= highest < below:
        raise ValueError(f"{_range(name, below)}, got values from {lowest} to {highest}")


def _range(name: str, below: float) -> str:
    return f"expected {name} to be >= 0" if math.isinf(below) else f"expected {name} to lie in [0, {below:g})"


def check_number(
    name: str,
    value: float,
    *,
    at_least: float = -math.inf,
    above: float = -math.inf,
    below: float = math.inf,
    at_most: float = math.inf,
) -> float:
    """Refuse anything but one finite number within the bounds; give it back."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Real)):
        raise TypeError(f"expected {name} to be a number, got {type(value).__name__}")
    if not (at_least <= value < below and above < value <= at_most):
        bounds = ((">=", at_least), (">", above), ("<", below), ("<=", at_most))
        wanted = [f"{sign} {bound:g}" for sign, bound in bounds if math.isfinite(bound)]
        if not math.isfinite(value):
            wanted.insert(0, "finite")
        raise ValueError(f"expected {name} to be {' and '.join(wanted)}, got {value}")
    return value


def check_whole(name: str, value: int, *, at_least: int) -> int:
    """Refuse anything but one whole number that is large enough; give it back."""
    if check_number(name, value, at_least=at_least) != int(value):
        raise ValueError(f"expected {name} to be a whole number, got {value}")
    return int(value)


def check_frequencies(frequencies: Tensor, logits: Tensor, *, inside: bool) -> None:
    """Refuse anything but one share per label; like a setting's values, they are read only where that is free."""
    check_shares(frequencies, inside=inside)
    check_one_per_label("frequencies", frequencies, logits)


def check_one_per_label(name: str, values: Tensor, logits: Tensor) -> None:
    """Refuse anything but one value per label."""
    if logits.dim() == 0 or values.shape != logits.shape[-1:]:
        wanted, came = tuple(logits.shape[-1:]), tuple(values.shape)
        raise ValueError(f"expected {name} to have one value per label, shape {wanted}, got {came}")


def check_shares(frequencies: Tensor, *, inside: bool) -> None:
    """Refuse values outside [0, 1], or with ``inside`` outside (0, 1); they are read only where that is free."""
    if not isinstance(frequencies, Tensor):
        raise TypeError(f"expected frequencies to be a tensor, got {type(frequencies).__name__}")
    if not is_eager(frequencies):
        return
    fits = (frequencies > 0) & (frequencies < 1) if inside else (frequencies >= 0) & (frequencies <= 1)
    if not fits.all():
        bad = frequencies[~fits][0].item()
        between = "lie between 0 and 1, both excluded" if inside else "lie in [0, 1]"
        raise ValueError(
            f"expected frequencies to {between}, got {bad:g}; they are shares: divide counts by the number of samples"
        )


def check_hard_targets(targets: Tensor, *, mask: Tensor | None) -> None:
    """Refuse known targets other than 0 and 1; like a setting's values they are read only where that is free."""
    if targets.dtype == torch.bool or not is_eager(targets, mask):
        return
    known = targets if mask is None else targets.masked_fill(~mask, 0)
    soft = (known != 0) & (known != 1)
    if soft.any():
        found = known[soft][0].item()
        if not 0 <= found <= 1:
            raise targets_outside(found)
        raise ValueError(f"expected targets to be 0 or 1, got {found:g}: this loss has no form for shares in between")


def check_reduction(reduction: str) -> Reduction:
    """Refuse an unknown reduction."""
    if reduction not in REDUCTIONS:
        raise ValueError(f"expected reduction to be one of {', '.join(REDUCTIONS)}, got {reduction!r}")
    return cast(Reduction, reduction)
