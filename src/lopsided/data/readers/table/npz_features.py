"""Features in the arrays of an NPZ file: whole, or sparse, of which only what is not 0 is kept."""
# pyright: reportOptionalSubscript=false
# (SciPy has no type stubs, and pyright infers that the shape of a sparse array may be None.)

from collections.abc import Mapping

import numpy as np
from scipy.sparse import csr_array

from lopsided.data.features import exact_features, float32_features
from lopsided.data.readers.table.npz_places import check_columns, places

_SPARSE = ("features_indptr", "features_indices", "features_data")

FEATURE_ARRAYS = ("features", *_SPARSE, "features_shape")


def has_features(arrays: Mapping[str, np.ndarray]) -> bool:
    """Whether there are features in either form."""
    return any(name in arrays for name in FEATURE_ARRAYS)


def features_of_arrays(arrays: Mapping[str, np.ndarray]) -> np.ndarray | csr_array:
    """Read features from the arrays of an NPZ file; ``read_table`` says what these mean.

    Args:
        arrays: All arrays of the file, which has features.

    Returns:
        The array, as a table holds it; or, of the sparse form, a ``csr_array`` of float32.

    Raises:
        ValueError: Features have both forms, one array is missing, or arrays don't fit together.

    Example:
        >>> arrays = {"features_indptr": np.array([0, 1, 1]), "features_indices": np.array([2])}
        >>> features_of_arrays(arrays | {"features_data": np.array([0.5])}).toarray().tolist()
        [[0.0, 0.0, 0.5], [0.0, 0.0, 0.0]]
    """
    if "features" not in arrays:
        return _sparse(arrays)
    if other := next((name for name in FEATURE_ARRAYS[1:] if name in arrays), None):
        raise ValueError(f"expected features whole, in 'features', or sparse, got {other!r} beside 'features'")
    features = arrays["features"]
    if features.dtype.kind not in "buif" or features.ndim < 2:
        came = f"{features.dtype} with {features.ndim} dimensions"
        raise ValueError(f"expected features to be numbers of shape (samples, ...), got {came}")
    is_image = features.dtype == np.uint8 and features.ndim == 4
    return features if is_image else exact_features(features)


def arrays_of_features(features: csr_array) -> dict[str, np.ndarray]:
    """Sparse features as :func:`features_of_arrays` reads them."""
    kept = (features.indptr, features.indices, features.data)
    return {**dict(zip(_SPARSE, kept, strict=True)), "features_shape": np.array(features.shape)}


def _sparse(arrays: Mapping[str, np.ndarray]) -> csr_array:
    if missing := [name for name in _SPARSE if name not in arrays]:
        raise ValueError(f"expected {', '.join(_SPARSE)} of sparse features, got none of the name {missing[0]!r}")
    bounds, columns = places(arrays, "features", samples=None)
    values = arrays["features_data"]
    if values.dtype.kind not in "buif" or values.shape != columns.shape:
        raise ValueError(
            f"expected features_data to be numbers, one for each of features_indices ({len(columns)}), "
            f"got {values.dtype} of shape {values.shape}"
        )
    number = int(columns.max(initial=-1)) + 1
    if (given := arrays.get("features_shape")) is not None:
        if given.shape != (2,) or given.dtype.kind not in "ui" or given[0] != len(bounds) - 1:
            raise ValueError(
                f"expected features_shape to be the numbers of samples ({len(bounds) - 1}) and features, "
                f"got {given.tolist()}"
            )
        number = int(given[1])
    check_columns(columns, "features_indices", of="features", number=number)
    features = csr_array((float32_features(values), columns, bounds), shape=(len(bounds) - 1, number))
    features.sum_duplicates()
    return features
