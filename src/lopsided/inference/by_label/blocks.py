"""The logits of a split, for some labels at a time."""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse import csc_array
from torch import Tensor

from lopsided.data import Data
from lopsided.data.features import sparse_tensor
from lopsided.data.labels import Labels
from lopsided.inference.scores import last_features
from lopsided.inference.scoring import as_trained
from lopsided.models.last_layer import LastLayer, last_layer
from lopsided.runs.folder import RunFolder, Trained

MOST_SCORES = 2**26
"""Of a split, which are held: 256 MB, of which metrics make up to eight copies."""

AT_A_TIME = 2**22
"""Scores of a block: 16 MB, of which metrics make up to forty copies, some of them of twice the size."""


class Block(NamedTuple):
    """All samples of a split, some neighbouring labels."""

    part: slice
    logits: Tensor  # float32, shape (samples, labels in part)
    targets: Tensor  # bool, of that shape
    mask: Tensor | None  # bool, True where known; None where all is


@dataclass(frozen=True, eq=False)
class Blocks:
    """A split whose logits are computed block after block, as often as somebody goes through them.

    Args:
        last: The network; only its last layer is used.
        features: What goes into that layer, one row a sample, dense or CSR.
        labels: Of the samples; unknown where an image could not be opened.
        unreadable: Numbers of these samples.
    """

    last: LastLayer
    features: Tensor
    labels: Labels
    unreadable: list[int]

    def __len__(self) -> int:
        return len(self.labels)

    def __iter__(self) -> Iterator[Block]:
        columns = [None if m is None else csc_array(m) for m in _parts_of(self.labels)]
        num_labels = self.last.num_labels
        step = max(1, AT_A_TIME // max(1, len(self)))
        for first in range(0, num_labels, step):
            part = slice(first, min(first + step, num_labels))
            with torch.inference_mode():
                logits = self.last.logits(self.features, part).float()
            positives, unknown, negatives = (None if m is None else _dense(m, part) for m in columns)
            assert positives is not None
            mask = None if unknown is None else ~unknown
            yield Block(part, logits, positives, positives | negatives if negatives is not None else mask)

    def every(self, most: int) -> int:
        """The n for which every n-th sample has at most ``most`` scores together, or one sample has more."""
        return max(1, math.ceil(len(self) * self.last.num_labels / most))

    def some(self, most: int) -> Iterator[Block]:
        """Blocks of every n-th sample alone."""
        rows = np.arange(0, len(self), self.every(most))
        return iter(dataclasses.replace(self, features=_rows(self.features, rows), labels=self.labels.take(rows)))


def blocks_of(
    run: RunFolder, trained: Trained, data: Data, *, split: str, source: str | None = None, keep: bool = True
) -> Blocks | None:
    """The blocks of a split whose scores are too many to hold, else None; and None for a network that has no linear
    last layer, whose scores are held all the same.

    Args:
        run: The run.
        trained: Its network.
        data: The data, with the labels of the run.
        split: One of its splits.
        source: Where the data comes from, if it is not the run's own.
        keep: Read what goes into the last layer from ``scores/`` in the run, and keep it there; a sparse table is
            itself what goes there.
    """
    rows = data.rows(split)
    last = last_layer(trained.model.cpu().eval())
    if len(rows) * len(trained.labels) <= MOST_SCORES or last is None:
        return None
    print(
        f"{data.name}: {len(rows)} samples x {len(trained.labels)} labels are measured some labels at a time",
        file=sys.stderr,
    )
    if trained.inputs.kind == "sparse" and last.is_alone:
        matrix = as_trained(trained, data).matrix(rows)
        return Blocks(last, sparse_tensor(matrix), data.labels.take(rows), [])
    features, unreadable = last_features(run, trained, data, split=split, source=source, keep=keep)
    return Blocks(last, features, data.labels.without(unreadable).take(rows), unreadable)


def _parts_of(labels: Labels) -> tuple[object | None, ...]:
    return labels.positives, labels.unknown, labels.negatives


def _dense(matrix: csc_array, part: slice) -> Tensor:
    return torch.from_numpy(matrix[:, part].toarray())


def _rows(features: Tensor, rows: np.ndarray) -> Tensor:
    if features.layout == torch.strided:
        return features[torch.from_numpy(rows)]
    from scipy.sparse import csr_array

    parts = (part.numpy() for part in (features.values(), features.col_indices(), features.crow_indices()))
    return sparse_tensor(csr_array(tuple(parts), shape=tuple(features.shape))[rows])
