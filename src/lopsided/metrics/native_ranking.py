"""Average precision by the native module: positives sorted, everything else counted between them."""

from __future__ import annotations

import functools
from types import ModuleType

import torch
from torch import Tensor

from lopsided.losses.eager import is_eager
from lopsided.losses.kernels import backend
from lopsided.metrics.checks import check_shapes

_WIDE = (torch.float32, torch.float64)
_INTEGER, _FLOATING, _TRUTH = range(3)  # kinds of targets, numbered as in module.cpp


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

    None where the native module is not there or does not serve these tensors, ``LOPSIDED_BACKEND`` is ``torch``, or
    something has to be refused: the metrics' own checks then say what.
    """
    native = native_module()
    if native is None or backend.cpu_backend() == "torch":
        return None
    full_mask = check_shapes("scores", scores, targets, mask)
    known = None if full_mask is None else full_mask.cpu().contiguous()
    ranked, wanted = _contiguous(scores), _contiguous(targets)
    if not is_eager(ranked, wanted, known):
        return None
    samples, labels = (scores.numel(), 1) if pooled else scores.shape
    values = torch.empty(labels, dtype=torch.float64, device="cpu")
    fits = native.average_precision(
        ranked.data_ptr(),
        ranked.element_size(),
        wanted.data_ptr(),
        wanted.element_size(),
        _TRUTH if wanted.dtype == torch.bool else _FLOATING if wanted.is_floating_point() else _INTEGER,
        0 if known is None else known.data_ptr(),
        samples,
        labels,
        values.data_ptr(),
        torch.get_num_threads(),
    )
    return values if fits else None


def _contiguous(tensor: Tensor) -> Tensor:
    """The tensor on the CPU, half precision as float32, row after row."""
    tensor = tensor.detach().cpu()
    if tensor.is_floating_point() and tensor.dtype not in _WIDE:
        tensor = tensor.float()
    return tensor.contiguous()
