"""Scores that are too many to hold, on the disk for as long as they are needed."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import DTypeLike
from torch import Tensor

from lopsided.files.whole import named
from lopsided.inference.by_label.sources import Taken

AT_ONCE = 2**22
"""Scores that are gathered before they are written: 16 MB."""


class Spool:
    """Scores that come some samples at a time and are read some labels at a time.

    They lie in a file without a name, which the system removes when nobody uses it any more, however the process ends.
    In it, some neighbouring labels follow one another, each with all samples, so that a block is read at once.

    Args:
        folder: Where the file is; that for temporary files, where nothing can be written there.
        shape: Number of samples, and of labels.
        dtype: float32 or float64.
        together: Labels that lie together in the file.
        what: Whose scores they are, in what is said.

    Raises:
        ValueError: There is not enough room on the disk.
    """

    def __init__(self, folder: Path, shape: tuple[int, int], dtype: DTypeLike, *, together: int, what: str) -> None:
        self.shape, self.dtype, self.together = shape, np.dtype(dtype), together
        if not os.access(folder, os.W_OK):
            folder = Path(tempfile.gettempdir())
        self._folder = folder
        size, free = shape[0] * shape[1] * self.dtype.itemsize, shutil.disk_usage(folder).free
        about = f"{shape[0]} samples x {shape[1]} labels"
        if size > free:
            raise ValueError(
                f"expected {_gigabytes(size)} free in {folder}, to put the scores of {about} there while they are "
                f"measured, got {_gigabytes(free)}"
            )
        place = f"a temporary file of {_gigabytes(size)} in {folder}"
        print(f"{what}: {about} are too many to hold: their scores go into {place}", file=sys.stderr)
        self._file: Any = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (closed with its last reader)
        weakref.finalize(self, self._file.close)
        self._waiting, self._written = list[np.ndarray](), 0

    def append(self, scores: np.ndarray) -> None:
        """Write those of the next samples, shape (some samples, labels).

        Raises:
            ValueError: There are more than was said.
            OSError: The disk is full after all.
        """
        self._waiting.append(scores)
        waiting = sum(map(len, self._waiting))
        if self._written + waiting > self.shape[0]:
            raise ValueError(f"expected scores of {self.shape[0]} samples, got more")
        if waiting * self.shape[1] < AT_ONCE and self._written + waiting < self.shape[0]:
            return
        piece, self._waiting = np.concatenate(self._waiting), []
        with named(self._folder / "scores"):
            for first in range(0, self.shape[1], self.together):
                part = np.ascontiguousarray(piece[:, first : first + self.together], self.dtype)
                self._seek(first, self._written * part.shape[1])
                self._file.write(part)
            self._file.flush()
        self._written += len(piece)

    def of(self, part: slice) -> Tensor:
        """Scores of some neighbouring labels, shape (samples, labels in part)."""
        found, at, stop = list[np.ndarray](), part.start, min(part.stop, self.shape[1])
        while at < stop:
            first = at - at % self.together
            end = min(first + self.together, self.shape[1])
            block = np.empty((self.shape[0], end - first), self.dtype)
            self._seek(first, 0)
            if self._file.readinto(block) != block.nbytes:
                raise ValueError(f"expected scores of {self.shape[0]} samples to be written, got {self._written}")
            found.append(block[:, at - first : stop - first])
            at = end
        return torch.from_numpy(found[0] if len(found) == 1 else np.concatenate(found, axis=1))

    def take(self, rows: np.ndarray) -> Taken:
        """Those of some samples."""
        return Taken(self, rows)

    def _seek(self, first: int, further: int) -> None:
        self._file.seek((first * self.shape[0] + further) * self.dtype.itemsize)


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:,.1f} GB"
