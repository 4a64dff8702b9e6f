"""Whether the same sample stands in more than one split."""

import hashlib

import numpy as np
from scipy.sparse import csr_array

from lopsided.data.table import Table


def content_ids(features: np.ndarray | csr_array) -> np.ndarray:
    """Number the distinct contents of samples.

    Args:
        features: Shape (samples, ...), as in a ``Table``.

    Returns:
        int64, shape (samples,): two samples have the same number exactly when all their features are equal; numbered
        from 0 in the order of their first occurrence.

    Example:
        >>> content_ids(np.array([[1.0, 2.0], [0.0, 2.0], [1.0, 2.0]], dtype=np.float32)).tolist()
        [0, 1, 0]
    """
    seen: dict[bytes, int] = {}
    digests = _sparse_digests(features) if isinstance(features, csr_array) else _dense_digests(features)
    return np.array([seen.setdefault(digest, len(seen)) for digest in digests], dtype=np.int64)


def in_two_splits(table: Table) -> int:
    """Number of distinct contents that occur in at least two splits; labels are not compared.

    Args:
        table: The samples.

    Returns:
        0 when no sample of one split has exactly the features of a sample of another.

    Example:
        >>> from lopsided.data import Labels
        >>> features = np.array([[1.0], [1.0], [2.0]], dtype=np.float32)
        >>> labels = Labels(("cat",), csr_array(np.array([[True], [False], [True]])))
        >>> in_two_splits(Table("pets", features, labels, np.array(["train", "test", "test"])))
        1
    """
    contents = content_ids(table.features)
    splits = np.unique(table.splits, return_inverse=True)[1]
    pairs = np.unique(np.stack([contents, splits]), axis=1)
    return int(np.count_nonzero(np.bincount(pairs[0]) > 1))


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()


def _dense_digests(features: np.ndarray) -> list[bytes]:
    if features.dtype != np.uint8:
        features = features + np.float32(0)  # -0.0 becomes 0.0, which it equals
    return [_digest(row.tobytes()) for row in features]


def _sparse_digests(features: csr_array) -> list[bytes]:
    features = features.copy()
    features.sum_duplicates()
    features.eliminate_zeros()
    bounds, columns = features.indptr, features.indices.astype(np.int64)
    return [
        _digest(columns[start:end].tobytes() + features.data[start:end].tobytes())
        for start, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)
    ]
