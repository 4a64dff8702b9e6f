"""Input checks that the metrics share: what was expected and what came, and where."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def check_shapes(name: str, values: Tensor, targets: Tensor, mask: Tensor | None) -> Tensor | None:
    """Refuse kinds and shapes that do not fit together, without reading values; give the mask in full."""
    if not isinstance(values, Tensor):
        raise TypeError(f"expected {name} to be a tensor, got {type(values).__name__}")
    if not values.is_floating_point():
        raise TypeError(f"expected {name} to be floating point, got {values.dtype}")
    if values.ndim != 2:
        raise ValueError(f"expected {name} to have the shape (samples, labels), got {tuple(values.shape)}")
    if not isinstance(targets, Tensor):
        raise TypeError(f"expected targets to be a tensor, got {type(targets).__name__}")
    if targets.shape != values.shape:
        raise ValueError(
            f"expected targets to have the shape of {name} {tuple(values.shape)}, got {tuple(targets.shape)}"
        )
    return None if mask is None else _full_mask(name, values, mask)


def known_positives(targets: Tensor, known: Tensor | None) -> Tensor:
    """True at known positives; targets other than 0 and 1 are refused, but unknown ones may hold anything."""
    if targets.dtype == torch.bool:
        return targets if known is None else targets & known
    positives, nonzero = targets == 1, targets != 0
    if known is not None:
        positives, nonzero = positives & known, nonzero & known
    if not torch.equal(positives, nonzero):  # NaN is not 0 either, so it is refused too
        row, label = _first_place(positives != nonzero)
        raise ValueError(
            f"expected targets to be 0 or 1, got {targets[row, label].item():g} at row {row}, label {label}"
        )
    return positives


def as_truth(tensor: Tensor) -> NDArray[np.bool_]:
    """A bool tensor as numpy sees it; in torch any byte but 0 is True, where numpy expects 1."""
    return tensor.cpu().view(torch.uint8).numpy() != 0


def check_no_nan(name: str, values: Tensor, known: Tensor | None) -> None:
    """Refuse NaN among known elements: it has no place in a ranking and is on neither side of a threshold."""
    nan = values.isnan()
    if known is not None:
        nan &= known
    number = int(nan.sum())
    if number > 0:
        row, label = _first_place(nan)
        raise ValueError(
            f"expected {name} not to be NaN where known, got {number} NaN, the first at row {row}, label {label}"
        )


def check_unit_interval(name: str, values: Tensor, known: Tensor | None) -> None:
    """Refuse known values outside [0, 1]: they are probably logits, and to guess so would hide a mistake."""
    outside = (values < 0) | (values > 1)
    if known is not None:
        outside &= known
    if outside.any():
        row, label = _first_place(outside)
        value = values[row, label].item()
        raise ValueError(
            f"expected {name} to lie in [0, 1], got {value:g} at row {row}, label {label}; of logits take the "
            "sigmoid first"
        )


def _first_place(marked: Tensor) -> tuple[int, int]:
    """Row and label of the first True, row by row."""
    row, label = marked.nonzero()[0].tolist()
    return row, label


def _full_mask(name: str, values: Tensor, mask: Tensor) -> Tensor:
    """The mask in the shape of the values; it may be one row for all samples, say, as for the losses."""
    if not isinstance(mask, Tensor):
        raise TypeError(f"expected mask to be a tensor, got {type(mask).__name__}")
    if mask.dtype != torch.bool:  # 0 and 1 could mean either side
        raise TypeError(f"expected mask to be bool, True where the label is known, got {mask.dtype}")
    try:
        return mask.expand(values.shape)
    except RuntimeError:
        wanted, got = tuple(values.shape), tuple(mask.shape)
        raise ValueError(f"expected mask to broadcast to the shape of {name} {wanted}, got {got}") from None
