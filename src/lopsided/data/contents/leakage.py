"""Whether the same sample stands in more than one split."""

import hashlib
import itertools
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from lopsided.data.manifest import Manifest
from lopsided.data.table import Table

_END = 4096  # bytes that tell most files of one size apart
_ROWS = 1024  # of a table, copied together


def content_ids(data: Table | Manifest) -> np.ndarray:
    """Number the distinct contents of samples.

    Args:
        data: Features, or image files, of which no more is read than it takes to tell them apart: nothing of a file
            that alone has its size. A file that is empty or cannot be read is like no other.

    Returns:
        int64, shape (samples,): two samples have the same number exactly when all their features, or all bytes of their
        files, are equal; numbered from 0 in the order of their first occurrence.

    Example:
        >>> from lopsided.data import Labels
        >>> features = np.array([[1.0, 2.0], [0.0, 2.0], [1.0, 2.0]], dtype=np.float32)
        >>> labels = Labels(("cat",), csr_array((3, 1), dtype=bool))
        >>> content_ids(Table("pets", features, labels, np.array(["train"] * 3))).tolist()
        [0, 1, 0]
    """
    if isinstance(data, Manifest):
        return _numbered(_file_keys([data.path(row) for row in range(len(data))]))
    return _numbered(digests_of_features(data.features))


def digests_of_features(features: np.ndarray | csr_array) -> Iterator[bytes]:
    """16 bytes for each sample, equal where all features are."""
    return _sparse_digests(features) if isinstance(features, csr_array) else _dense_digests(features)


def in_two_splits(data: Table | Manifest) -> int:
    """Number of distinct contents that occur in at least two splits; labels are not compared.

    Args:
        data: The samples.

    Returns:
        0 when no sample of one split has exactly the features, or the bytes, of a sample of another.

    Example:
        >>> from lopsided.data import Labels
        >>> features = np.array([[1.0], [1.0], [2.0]], dtype=np.float32)
        >>> labels = Labels(("cat",), csr_array(np.array([[True], [False], [True]])))
        >>> in_two_splits(Table("pets", features, labels, np.array(["train", "test", "test"])))
        1
    """
    contents = content_ids(data)
    splits = np.unique(data.splits, return_inverse=True)[1]
    pairs = np.unique(np.stack([contents, splits]), axis=1)
    return int(np.count_nonzero(np.bincount(pairs[0]) > 1))


def _numbered(keys: Iterable[object]) -> np.ndarray:
    seen: dict[object, int] = {}
    return np.fromiter((seen.setdefault(key, len(seen)) for key in keys), dtype=np.int64)


def _file_keys(paths: list[Path]) -> list[object]:
    """What is equal for files of equal bytes: their size, and where that is shared the end, then all of them."""
    keys: list[object] = [_size(path) for path in paths]
    for read in (_digest_of_end, _digest_of_all):
        ids = _numbered(keys)
        shared = np.flatnonzero(np.bincount(ids)[ids] > 1)
        for i in shared.tolist():
            keys[i] = (ids[i], read(paths[i]))
    return keys


def _size(path: Path) -> object:
    try:
        about = path.stat()
    except (OSError, ValueError):  # the second: a path that no file can have
        return object()  # equal to itself alone
    return about.st_size if about.st_size and stat.S_ISREG(about.st_mode) else object()


def _digest_of_end(path: Path) -> object:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _END))
            return _digest(file.read())
    except OSError:
        return object()


def _digest_of_all(path: Path) -> object:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).digest()
    except OSError:
        return object()


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()


def _dense_digests(features: np.ndarray) -> Iterator[bytes]:
    for start in range(0, len(features), _ROWS):
        rows = features[start : start + _ROWS]
        if rows.dtype != np.uint8:
            rows = rows + np.float32(0)  # -0.0 becomes 0.0, which it equals
        for row in rows:
            yield _digest(row.tobytes())


def _sparse_digests(features: csr_array) -> Iterator[bytes]:
    for start in range(0, len(features.indptr) - 1, _ROWS):
        rows = features[start : start + _ROWS].copy()
        rows.sum_duplicates()
        rows.eliminate_zeros()
        bounds, columns = rows.indptr.tolist(), rows.indices.astype(np.int64)
        for begin, end in itertools.pairwise(bounds):
            yield _digest(columns[begin:end].tobytes() + rows.data[begin:end].tobytes())
