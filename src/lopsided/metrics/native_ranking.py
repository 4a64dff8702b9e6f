"""Average precision by the native module: positives sorted, everything else counted between them."""

from __future__ import annotations

import functools
from types import ModuleType

import torch
from torch import Tensor

from lopsided.losses.fused import backend
from lopsided.metrics.checks import check_no_nan, check_shapes, known_positives

_WIDE = (torch.float32, torch.float64)


@functools.cache
def native_module() -> ModuleType | None:
    """The compiled module, or None where the package was installed without a compiler."""
    try:
        from lopsided.metrics import _native
    except ImportError:
        return None
    return _native


def average_precision(scores: Tensor, targets: Tensor, mask: Tensor | None, *, pooled: bool = False) -> Tensor | None:
    """Values of every label, shape ``(labels,)``, or of one ranking of all elements, shape ``(1,)``.

    None where the native module is not there or ``LOPSIDED_BACKEND`` is ``torch``. Refuses what the metrics refuse.
    """
    native = native_module()
    if native is None or backend.cpu_backend() == "torch":
        return None
    full_mask = check_shapes("scores", scores, targets, mask)
    known = None if full_mask is None else full_mask.cpu().contiguous()
    ranked, wanted = _contiguous(scores), _contiguous(targets)
    samples, labels = (scores.numel(), 1) if pooled else scores.shape
    values = torch.empty(labels, dtype=torch.float64, device="cpu")
    fits = native.average_precision(
        ranked.data_ptr(),
        ranked.element_size(),
        wanted.data_ptr(),
        wanted.element_size(),
        wanted.is_floating_point(),
        0 if known is None else known.data_ptr(),
        samples,
        labels,
        values.data_ptr(),
        torch.get_num_threads(),
    )
    if not fits:  # torch's checks know where
        known_positives(targets, full_mask)
        check_no_nan("scores", scores, full_mask)
    return values


def _contiguous(tensor: Tensor) -> Tensor:
    """The tensor on the CPU, half precision as float32, row after row."""
    tensor = tensor.detach().cpu()
    if tensor.is_floating_point() and tensor.dtype not in _WIDE:
        tensor = tensor.float()
    return tensor.contiguous()
