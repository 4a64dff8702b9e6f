"""Where the entries of a sparse matrix stand, in two arrays of an NPZ file: ``NAME_indptr`` and ``NAME_indices``."""

from collections.abc import Mapping

import numpy as np


def places(arrays: Mapping[str, np.ndarray], name: str, *, samples: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Where each sample begins, and the column of each entry, sample after sample.

    Args:
        arrays: All arrays of the file, which has both.
        name: What they are of, such as ``labels``.
        samples: How many there are; None where these arrays say so.

    Returns:
        Shapes (samples + 1,) and (entries,), int32, or int64 where that is needed.

    Raises:
        ValueError: An array is of another type or shape, or the two don't fit together.
    """
    first, second = f"{name}_indptr", f"{name}_indices"
    bounds, columns = arrays[first], arrays[second]
    for part, array in ((first, bounds), (second, columns)):
        if array.ndim != 1 or array.dtype.kind not in "ui":
            raise ValueError(f"expected {part} to be integers, shape (n,), got {array.dtype} of shape {array.shape}")
    if samples is not None and len(bounds) != samples + 1:
        raise ValueError(
            f"expected {first} to have one number more than there are samples ({samples}), got {len(bounds)}"
        )
    if not len(bounds) or bounds[0] != 0 or bounds[-1] != len(columns) or (bounds[1:] < bounds[:-1]).any():
        came = f"{bounds[0]} to {bounds[-1]}" if len(bounds) else "no number"
        raise ValueError(
            f"expected {first} to rise from 0 to the length of {second} ({len(columns)}), "
            f"got {came}{'' if (bounds[1:] >= bounds[:-1]).all() else ' and back in between'}"
        )
    kind = np.int32 if len(columns) <= np.iinfo(np.int32).max else np.int64
    if columns.size and columns.max() > np.iinfo(np.int32).max:
        kind = np.int64
    return bounds.astype(kind, copy=False), columns.astype(kind, copy=False)


def check_columns(columns: np.ndarray, what: str, *, of: str, number: int) -> None:
    """Refuse columns that a matrix with this number of them does not have.

    Args:
        columns: Their numbers, shape (entries,).
        what: Name of the array in the error.
        of: What the columns are, such as ``labels``.
        number: How many there are.

    Raises:
        ValueError: One is negative, or too large.
    """
    wrong = (columns < 0) | (columns >= number)
    if wrong.any():
        place = int(np.argmax(wrong))
        raise ValueError(
            f"expected {what} to be numbers of {of} from 0 to {number - 1}, got {columns[place]} at {place}"
        )
