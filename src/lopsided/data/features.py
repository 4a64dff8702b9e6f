"""The numbers of a table: as which type they are kept, and which are refused."""
# pyright: reportOptionalSubscript=false
# (SciPy has no type stubs, and pyright infers that the shape of a sparse array may be None.)

from __future__ import annotations

import warnings
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array

from lopsided.files.errors import DataError, quoted

if TYPE_CHECKING:
    from torch import Tensor

_COLUMNS = 16  # looked at together
_SHARE = 1e-5  # of the standard deviation, which float32 may change
_LARGEST = np.finfo(np.float32).max
_WHOLE = 2**24  # from here on float32 does not tell whole numbers apart


def float32_features(numbers: np.ndarray) -> np.ndarray:
    """Numbers as the float32 that a table holds.

    Args:
        numbers: Any bool, integer or float array.

    Returns:
        float32 of the same shape; what is too large becomes infinite, which ``Table`` refuses.
    """
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(numbers, dtype=np.float32)


def exact_features(numbers: np.ndarray) -> np.ndarray:
    """Numbers as a table holds them: float32, or float64 where that tells apart what float32 does not.

    Float32 has 24 bits: Unix times a few seconds apart become one number. What is kept as float64 is brought to one
    scale as such, before a network sees it.

    Args:
        numbers: Any bool, integer or float array, shape (samples, ...).

    Returns:
        Of the same shape; what is too large for float32 becomes infinite, which ``Table`` refuses.

    Example:
        >>> exact_features(np.array([[1732752000], [1732752007]])).dtype, exact_features(np.array([[0.1], [1.5]])).dtype
        (dtype('float64'), dtype('float32'))
    """
    single = float32_features(numbers)
    if numbers.ndim < 2 or numbers.dtype.kind == "b" or numbers.dtype == np.float32 or numbers.dtype.itemsize < 4:
        return single
    for start in range(0, numbers.shape[1], _COLUMNS):
        columns = slice(start, start + _COLUMNS)
        if _rounds_too_much(numbers[:, columns].astype(np.float64), single[:, columns]):
            return np.ascontiguousarray(numbers, dtype=np.float64)
    return single


def sparse_tensor(features: csr_array) -> Tensor:
    """The same numbers as a tensor of the layout CSR, with int64 positions.

    >>> sparse_tensor(csr_array(np.array([[0, 2], [0, 0]], np.float32))).col_indices()
    tensor([1])
    """
    import torch

    expect_sparse()
    # They are checked as they are read: an invalid one never comes this far.
    return torch.sparse_csr_tensor(
        torch.from_numpy(features.indptr.astype(np.int64)),
        torch.from_numpy(features.indices.astype(np.int64)),
        torch.from_numpy(features.data),
        size=features.shape,
        check_invariants=False,
    )


@cache
def expect_sparse() -> None:
    """Spare a process what torch says of its first sparse tensor: that the layout is in beta state, and, where the
    tensor comes from another process, that it is not checked."""
    import torch

    if not torch.sparse.check_sparse_tensor_invariants.is_enabled():
        torch.sparse.check_sparse_tensor_invariants.disable()  # which it is, but now it was said
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.sparse_csr_tensor([0], [], [], size=(0, 1), check_invariants=False)


def _rounds_too_much(numbers: np.ndarray, single: np.ndarray) -> bool:
    """Whether float32 changes a large number, or a feature by more than a little of its standard deviation."""
    if not np.isfinite(single).all():
        return False
    error = np.abs(single - numbers)
    if (error[np.abs(numbers) >= _WHOLE] > 0).any():
        return True
    varies = numbers.max(axis=0, initial=-np.inf) > numbers.min(axis=0, initial=np.inf)
    rounded = np.sqrt(np.square(error).mean(axis=0)) > _SHARE * numbers.std(axis=0)
    return bool((rounded & (varies | (len(numbers) == 1))).any())


def check_features(features: np.ndarray | csr_array, names: tuple[str, ...]) -> None:
    """Refuse features that no table holds: of another type or shape, with too few names, or not finite."""
    if isinstance(features, csr_array):
        wanted = features.ndim == 2 and features.dtype == np.float32
    else:
        image = features.ndim == 4 and features.dtype == np.uint8
        wanted = image or (features.ndim >= 2 and features.dtype in (np.float32, np.float64))
    if not wanted:
        raise DataError(
            "expected features to be float32 or float64 (samples, ...), a csr_array of float32, or uint8 images "
            f"(samples, channels, height, width), got {features.dtype} with {features.ndim} dimensions"
        )
    shape: tuple[int, ...] = features.shape  # pyright: ignore[reportAssignmentType]
    if 0 in shape:
        raise DataError(f"expected at least one sample and one feature, got features of shape {shape}")
    if names and (features.ndim != 2 or len(names) != shape[1]):
        raise DataError(f"expected feature_names to be one per feature, got {len(names)} for features of shape {shape}")
    _check_finite(features, names)


def _check_finite(features: np.ndarray | csr_array, names: tuple[str, ...]) -> None:
    values = features.data if isinstance(features, csr_array) else features
    if values.dtype == np.uint8:
        return
    finite = np.isfinite(values) & (np.abs(values) <= _LARGEST)
    if finite.all():
        return
    first = tuple(np.argwhere(~finite)[0].tolist())
    if isinstance(features, csr_array):
        row = int(np.searchsorted(features.indptr, first[0], side="right")) - 1
        place = (row, int(features.indices[first[0]]))
    else:
        place = first
    column = quoted(names[place[1]]) if names else ", ".join(map(str, place[1:]))
    raise DataError(
        f"expected features to be finite float32 numbers, got {values[first]} in row {place[0]} (from 0), "
        f"column {column}"
    )
