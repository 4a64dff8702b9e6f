"""The scores of a split, for some labels at a time."""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypedDict

import numpy as np
import torch
from scipy.sparse import csc_array
from torch import Tensor

from lopsided.data import Data
from lopsided.data.features import sparse_tensor
from lopsided.data.labels import Labels
from lopsided.inference.by_label.sources import Held, OfLastLayer, Source
from lopsided.inference.by_label.spool import Spool
from lopsided.inference.scores import MOST_BYTES, batches_of, last_features, scores_of
from lopsided.inference.scoring import as_trained
from lopsided.models.last_layer import last_layer
from lopsided.runs.folder import RunFolder, Trained

MOST_SCORES = 2**26
"""Of a split, which are held: 256 MB, of which metrics make up to eight copies."""

AT_A_TIME = 2**22
"""Scores of a block: 16 MB, of which metrics make up to forty copies, some of them of twice the size."""


class Block(NamedTuple):
    """All samples of a split, some neighbouring labels."""

    part: slice
    logits: Tensor  # floating point, shape (samples, labels in part); of scores from elsewhere, perhaps probabilities
    targets: Tensor  # bool, of that shape
    mask: Tensor | None  # bool, True where known; None where all is


@dataclass(frozen=True, eq=False)
class Blocks:
    """A split whose scores are gone through block after block, as often as somebody wants.

    Args:
        source: Gives the scores, in the order of the samples.
        labels: Of the samples; unknown where an image could not be opened.
        unreadable: Numbers of these samples.
    """

    source: Source
    labels: Labels
    unreadable: list[int]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def num_labels(self) -> int:
        """Number of labels."""
        return self.source.shape[1]

    def __iter__(self) -> Iterator[Block]:
        columns = [None if m is None else csc_array(m) for m in _parts_of(self.labels)]
        step = labels_at_a_time(len(self))
        for first in range(0, self.num_labels, step):
            part = slice(first, min(first + step, self.num_labels))
            positives, unknown, negatives = (None if m is None else _dense(m, part) for m in columns)
            assert positives is not None
            mask = None if unknown is None else ~unknown
            yield Block(part, self.source.of(part), positives, positives | negatives if negatives is not None else mask)

    def every(self, most: int) -> int:
        """The n for which every n-th sample has at most ``most`` scores together, or one sample has more."""
        return max(1, math.ceil(len(self) * self.num_labels / most))

    def some(self, most: int) -> Iterator[Block]:
        """Blocks of every n-th sample alone."""
        rows = np.arange(0, len(self), self.every(most))
        return iter(dataclasses.replace(self, source=self.source.take(rows), labels=self.labels.take(rows)))


def too_many(samples: int, labels: int) -> bool:
    """Whether so many scores are not held, or are held once but not copied."""
    return samples * labels > MOST_SCORES


def labels_at_a_time(samples: int) -> int:
    """Labels of a block of so many samples."""
    return max(1, AT_A_TIME // max(1, samples))


def blocks_of(
    run: RunFolder, trained: Trained, data: Data, *, split: str, source: str | None = None, keep: bool = True
) -> Blocks | None:
    """The blocks of a split whose scores are too many to hold, else None.

    Where the network ends in a linear layer, its logits are computed for each block. Else all are computed once: up to
    the size that a run keeps they are held, and more of them lie in a temporary file.

    Args:
        run: The run.
        trained: Its network.
        data: The data, with the labels of the run.
        split: One of its splits.
        source: Where the data comes from, if it is not the run's own.
        keep: Read what goes into the last layer (or the logits) from ``scores/`` in the run, and keep it there; a
            sparse table is itself what goes there.

    Raises:
        ValueError: There is not enough room on the disk for the temporary file.
    """
    rows = data.rows(split)
    shape = len(rows), len(trained.labels)
    if not too_many(*shape):
        return None
    told: _Told = {"split": split, "source": source, "keep": keep}
    last = last_layer(trained.model.cpu().eval())
    if last is None and shape[0] * shape[1] * 4 > MOST_BYTES:
        return _spooled(run, trained, data, told)
    print(f"{data.name}: {shape[0]} samples x {shape[1]} labels are measured some labels at a time", file=sys.stderr)
    if last is None:
        found = scores_of(run, trained, data, **told)
        return Blocks(Held(found.logits), data.labels.without(found.unreadable).take(rows), found.unreadable)
    if trained.inputs.kind == "sparse" and last.is_alone:
        matrix = as_trained(trained, data).matrix(rows)
        return Blocks(OfLastLayer(last, sparse_tensor(matrix)), data.labels.take(rows), [])
    features, unreadable = last_features(run, trained, data, **told)
    return Blocks(OfLastLayer(last, features), data.labels.without(unreadable).take(rows), unreadable)


class _Told(TypedDict):
    split: str
    source: str | None
    keep: bool


def _spooled(run: RunFolder, trained: Trained, data: Data, told: _Told) -> Blocks:
    """Blocks of logits that are put on the disk."""
    rows, unreadable = data.rows(told["split"]), list[np.ndarray]()
    shape = len(rows), len(trained.labels)
    spool = Spool(run.path, shape, np.float32, together=labels_at_a_time(shape[0]), what=data.name)
    for logits, batch in batches_of(run, trained, data, **told):
        spool.append(logits.numpy())
        if "unreadable" in batch:
            unreadable.append(batch["unreadable"].numpy())
    absent = np.intersect1d(np.concatenate(unreadable), rows).tolist() if unreadable else []
    return Blocks(spool, data.labels.without(absent).take(rows), absent)


def _parts_of(labels: Labels) -> tuple[object | None, ...]:
    return labels.positives, labels.unknown, labels.negatives


def _dense(matrix: csc_array, part: slice) -> Tensor:
    return torch.from_numpy(matrix[:, part].toarray())
