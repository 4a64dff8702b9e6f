"""Products and steps of sparse layers on the CPU, by the native module where it was built."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from lopsided.losses.kernels import backend, native_kernel

LEAST = 1e-20
"""Added to the root of the sum of squares, which is 0 where a gradient is."""


@functools.cache
def native_module() -> ModuleType | None:
    """The compiled module, or None where the package was installed without a compiler."""
    try:
        from lopsided.models import _native
    except ImportError:
        return None
    return _native


def serves(*tensors: Tensor) -> bool:
    """Whether the native module takes these: float32 on the CPU, and ``LOPSIDED_BACKEND`` asks for nothing else."""
    suits = all(tensor.device.type == "cpu" and tensor.dtype == torch.float32 for tensor in tensors)
    return suits and native_module() is not None and backend.cpu_backend().startswith("native")


def product(inputs: Tensor, weight: Tensor) -> Tensor:
    """``inputs @ weight`` of a float32 CSR tensor, row after row; the same bits with any number of threads."""
    native = native_module()
    assert native is not None
    bounds, columns = (part.to(torch.int64).contiguous() for part in (inputs.crow_indices(), inputs.col_indices()))
    values = inputs.values().contiguous()
    weight = weight.detach().contiguous()
    outputs = torch.empty(inputs.shape[0], weight.shape[1], dtype=torch.float32, device="cpu")
    native.product(
        bounds.data_ptr(),
        columns.data_ptr(),
        values.data_ptr(),
        weight.data_ptr(),
        weight.shape[1],
        outputs.data_ptr(),
        len(outputs),
        torch.get_num_threads(),
        native_kernel.instructions(),
    )
    return outputs


def step(
    weight: Tensor, sums: Tensor, inputs: Sequence[Tensor], slopes: Sequence[Tensor], *, rate: float, decay: float
) -> None:
    """Take a step of Adagrad with one scale for each part of a row, in the rows whose features the inputs have.

    Args:
        weight: Changed in place, float32, shape (features, width).
        sums: Of the mean squares of each row's gradients, changed in place, float32, shape (features,); or of those of
            each of its parts, which are of one width, shape (features, parts).
        inputs: Of one batch or of several, whose gradients add up; CSR, shape (samples, features).
        slopes: The gradient of the outputs for each of them, shape (samples, width).
        rate: Learning rate.
        decay: True weight decay of the rows that are touched.
    """
    native = native_module()
    assert native is not None
    rows, bounds, samples, values = _by_feature(inputs)
    parts = 1 if sums.dim() == 1 else sums.shape[1]
    outputs = (slopes[0] if len(slopes) == 1 else torch.cat(list(slopes))).contiguous()
    native.step(
        rows.ctypes.data,
        bounds.ctypes.data,
        samples.ctypes.data,
        values.ctypes.data,
        outputs.data_ptr(),
        weight.data_ptr(),
        sums.data_ptr(),
        parts,
        weight.shape[1] // parts,
        rate,
        decay,
        LEAST,
        len(rows),
        torch.get_num_threads(),
        native_kernel.instructions(),
    )


def _by_feature(inputs: Sequence[Tensor]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Features that samples have, ascending; where each one's entries begin; the sample and value of each entry."""
    from scipy.sparse import csr_array, vstack

    parts = [
        csr_array(
            (part.values().numpy(), part.col_indices().numpy(), part.crow_indices().numpy()), shape=tuple(part.shape)
        )
        for part in inputs
    ]
    columns = (parts[0] if len(parts) == 1 else vstack(parts, format="csr")).tocsc()
    rows = np.flatnonzero(np.diff(columns.indptr))
    bounds = np.append(columns.indptr[rows], columns.nnz)
    return rows, bounds.astype(np.int64), columns.indices.astype(np.int64), columns.data
