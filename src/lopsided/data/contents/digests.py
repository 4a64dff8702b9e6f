"""Digests of what samples hold: of rows of features, and of files."""
# pyright: reportOptionalSubscript=false
# (SciPy has no type stubs, and pyright infers that the shape of a sparse array may be None.)

import hashlib
import itertools
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from lopsided.data.images.channels import channels_of, files_of_image

_ROWS = 1024  # of a table, copied together
_END = 4096  # bytes that tell most files of one size apart
_WHOLE = 2**16  # bytes of the largest file that is read whole
_PIECE = 2**13  # bytes that are read at the beginning, the middle and the end of a larger one
_READERS = 8  # threads; most of the time is waiting for the disk
_TOGETHER = 256  # files of one task of a thread
_SIZE = 16  # bytes of a digest


def digest_of(parts: Iterable[bytes]) -> bytes:
    """The digest of some parts and of where each ends."""
    digest = hashlib.blake2b(digest_size=_SIZE)
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.digest()


def numbered(keys: Iterable[object]) -> np.ndarray:
    """Number keys from 0, int64, in the order of their first occurrence."""
    seen: dict[object, int] = {}
    return np.fromiter((seen.setdefault(key, len(seen)) for key in keys), dtype=np.int64)


def digests_of_features(features: np.ndarray | csr_array) -> Iterator[bytes]:
    """16 bytes for each sample, equal for samples with equal features."""
    for start in range(0, features.shape[0], _ROWS):
        rows = features[start : start + _ROWS]
        if isinstance(rows, csr_array):
            yield from _sparse_digests(rows.copy())
            continue
        if rows.dtype != np.uint8:
            rows = rows + np.float32(0)  # -0.0 becomes 0.0, which it equals
        yield from (_digest(row.tobytes()) for row in rows)


def digests_of_files(paths: Sequence[Path], names: Iterable[str]) -> Iterator[bytes]:
    """16 bytes for each file, equal for files of equal names and contents, as far as an identity reads them."""
    chunks = [paths[start : start + _TOGETHER] for start in range(0, len(paths), _TOGETHER)]
    with ThreadPoolExecutor(_READERS) as readers:
        contents = itertools.chain.from_iterable(readers.map(lambda chunk: [_content(path) for path in chunk], chunks))
        for name, content in zip(names, contents, strict=True):
            yield digest_of([name.encode(), content])


def whole_digests_of_files(paths: Sequence[Path]) -> Iterator[bytes]:
    """A digest of all bytes of each file; one that cannot be read differs from every one that can."""
    with ThreadPoolExecutor(_READERS) as readers:
        yield from readers.map(_digest_of_all_or_nothing, paths)


def keys_of_files(paths: Sequence[Path]) -> list[object]:
    """Keys that are equal for files of equal bytes: their size; where files share it, the end; then all."""
    keys: list[object] = [_of_each(_size, path) for path in paths]
    for read in (_digest_of_end, _digest_of_all):
        ids = numbered(keys)
        shared = np.flatnonzero(np.bincount(ids)[ids] > 1)
        for i in shared.tolist():
            keys[i] = (ids[i], _of_each(read, paths[i]))
    return keys


def _sparse_digests(rows: csr_array) -> Iterator[bytes]:
    rows.sum_duplicates()
    rows.eliminate_zeros()
    columns = rows.indices.astype(np.int64)
    for begin, end in itertools.pairwise(np.asarray(rows.indptr)):
        yield _digest(columns[begin:end].tobytes() + rows.data[begin:end].tobytes())


def _content(path: Path) -> bytes:
    """The bytes that stand for an image; one that cannot be read differs from every one that can."""
    joined = channels_of(path)
    if joined is not None:
        return b"joined" + digest_of(map(_content, joined.files))
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            return b"no file"
        with path.open("rb") as file:
            if about.st_size <= _WHOLE:
                return b"whole" + hashlib.blake2b(file.read()).digest()
            pieces = [about.st_size.to_bytes(8, "little")]
            for start in (0, about.st_size // 2, about.st_size - _PIECE):
                file.seek(start)
                pieces.append(file.read(_PIECE))
            return b"pieces" + digest_of(pieces)
    except (OSError, ValueError):  # the second: a path that no file can have
        return b"no file"


def _of_each(read: Callable[[Path], object], path: Path) -> object:
    """A key of the files of an image."""
    return tuple(read(file) for file in files_of_image(path))


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
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=_SIZE)).digest()
    except OSError:
        return object()


def _digest_of_all_or_nothing(path: Path) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return b"no file"
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=_SIZE)).digest()
    except (OSError, ValueError):  # the second: a path that no file can have
        return b"no file"


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_SIZE).digest()
