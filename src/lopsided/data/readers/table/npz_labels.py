"""Labels in the arrays of an NPZ file: 0/1 for all samples and labels, or sparse, the positions of each 1."""
# pyright: reportOptionalSubscript=false
# (SciPy has no type stubs, and pyright infers that the shape of a sparse array may be None.)

from collections.abc import Callable, Mapping

import numpy as np
from scipy.sparse import csr_array, vstack

from lopsided.data.cell_values import one_form
from lopsided.data.labels import Labels
from lopsided.data.readers.table.npz_places import check_columns, places

_MATRICES = ("labels", "unknown", "negatives")  # these may be sparse: positives, and what is not known
_BLOCK = 2**24  # elements examined together

LABEL_ARRAYS = ("labels", "mask", *(f"{name}_{part}" for name in _MATRICES for part in ("indptr", "indices")))


def has_labels(arrays: Mapping[str, np.ndarray]) -> bool:
    """Whether there are labels in either form."""
    return "labels" in arrays or "labels_indptr" in arrays or "labels_indices" in arrays


def labels_of_arrays(arrays: Mapping[str, np.ndarray], *, samples: int) -> Labels:
    """Read labels from the arrays of an NPZ file; ``read_table`` says what these mean.

    Args:
        arrays: All arrays of the file, which has labels.
        samples: Number of samples that sparse labels are of.

    Returns:
        The labels, sparse in either form; ``negatives`` say what is unknown where these are fewer.

    Raises:
        ValueError: Labels have both forms, one array of two is missing, or arrays do not fit together.

    Example:
        >>> arrays = {"labels_indptr": np.array([0, 2, 2]), "labels_indices": np.array([0, 2])}
        >>> arrays["label_names"] = np.array(["cat", "dog", "fox"])
        >>> labels_of_arrays(arrays, samples=2).positives.toarray().tolist()
        [[True, False, True], [False, False, False]]
    """
    if "labels" in arrays:
        if other := next((name for name in LABEL_ARRAYS if name not in ("labels", "mask") and name in arrays), None):
            raise ValueError(f"expected labels whole, in 'labels', or sparse, got {other!r} beside 'labels'")
        return _whole(arrays)
    if "mask" in arrays:
        raise ValueError(
            "expected 'unknown_indptr' and 'unknown_indices' to say where sparse labels are unknown, got 'mask'"
        )
    if "label_names" not in arrays:
        raise ValueError("expected an array 'label_names' beside sparse labels, got none")
    names = arrays["label_names"]
    if names.dtype.kind != "U" or names.ndim != 1:
        raise ValueError(f"expected label_names to be texts, shape (labels,), got {names.dtype} of shape {names.shape}")
    found = {name: _sparse(arrays, name, (samples, len(names))) for name in _MATRICES}
    if (positives := found["labels"]) is None:
        raise ValueError("expected an array 'labels_indptr', got only arrays of what is not known")
    return Labels(_one_form(names), positives, found["unknown"], found["negatives"])


def arrays_of_labels(labels: Labels) -> dict[str, np.ndarray]:
    """Labels as :func:`labels_of_arrays` reads them: sparse, so that only positives make a file grow.

    Example:
        >>> arrays = arrays_of_labels(Labels(("cat", "dog"), csr_array(np.array([[False, True], [True, True]]))))
        >>> {name: array.tolist() for name, array in arrays.items()}
        {'label_names': ['cat', 'dog'], 'labels_indptr': [0, 1, 3], 'labels_indices': [1, 0, 1]}
    """
    arrays = {"label_names": np.array(labels.names)}
    for name, matrix in zip(_MATRICES, (labels.positives, labels.unknown, labels.negatives), strict=True):
        if matrix is not None:
            arrays |= {f"{name}_indptr": matrix.indptr, f"{name}_indices": matrix.indices}
    return arrays


def _sparse(arrays: Mapping[str, np.ndarray], name: str, shape: tuple[int, int]) -> csr_array | None:
    parts = f"{name}_indptr", f"{name}_indices"
    there = [part for part in parts if part in arrays]
    if not there:
        return None
    if len(there) == 1:
        raise ValueError(f"expected both {parts[0]!r} and {parts[1]!r}, got only {there[0]!r}")
    bounds, columns = places(arrays, name, samples=shape[0])
    check_columns(columns, parts[1], of="labels", number=shape[1])
    return csr_array((np.ones(len(columns), dtype=bool), columns, bounds), shape=shape)


def _whole(arrays: Mapping[str, np.ndarray]) -> Labels:
    labels, mask, names = arrays["labels"], arrays.get("mask"), arrays.get("label_names")
    if labels.ndim != 2 or labels.dtype.kind not in "buif":
        raise ValueError(
            f"expected labels to be 0 and 1, shape (samples, labels), got {labels.dtype} of shape {labels.shape}"
        )
    if mask is not None and (mask.shape != labels.shape or mask.dtype != bool):
        raise ValueError(
            f"expected mask to be bool of the shape of labels {labels.shape}, got {mask.dtype} of {mask.shape}"
        )
    if names is None:
        names = np.array([f"label {i}" for i in range(labels.shape[1])])
    if names.dtype.kind != "U" or names.shape != labels.shape[1:]:
        raise ValueError(
            f"expected label_names to be {labels.shape[1]} texts, got {names.dtype} of shape {names.shape}"
        )
    positives = _where(lambda rows: _checked(labels, mask, rows), labels.shape)
    if mask is None or mask.all():
        return Labels(_one_form(names), positives)
    if 2 * np.count_nonzero(mask) < mask.size:
        negatives = _where(lambda rows: mask[rows] & (labels[rows] != 1), labels.shape)
        return Labels(_one_form(names), positives, negatives=negatives)
    return Labels(_one_form(names), positives, _where(lambda rows: ~mask[rows], labels.shape))


def _one_form(names: np.ndarray) -> tuple[str, ...]:
    return tuple(map(one_form, names.tolist()))


def _checked(labels: np.ndarray, mask: np.ndarray | None, rows: slice) -> np.ndarray:
    """Where labels of some rows are known and positive; refuse known ones that are neither 0 nor 1."""
    block, positive = labels[rows], labels[rows] == 1
    wrong = (block != 0) & ~positive
    if mask is not None:
        positive, wrong = positive & mask[rows], wrong & mask[rows]
    if wrong.any():
        row, column = np.argwhere(wrong)[0].tolist()
        came = f"{block[row, column]} in row {rows.start + row}, column {column} (from 0)"
        raise ValueError(f"expected known labels to be 0 or 1, got {came}")
    return positive


def _where(truth: Callable[[slice], np.ndarray], shape: tuple[int, ...]) -> csr_array:
    """Where blocks of rows are True, sparse; only one block at a time is dense."""
    rows = max(1, _BLOCK // max(1, shape[1]))
    blocks = [csr_array(truth(slice(start, start + rows))) for start in range(0, shape[0], rows)]
    return csr_array(vstack(blocks, format="csr") if blocks else shape, dtype=bool)
