"""Rankings of scores that come in blocks of samples and are never in memory as a whole; exact.

Everything is read off the scores of the positives, of which there are few: the first pass over the blocks gathers
them, the second counts the elements that score as high as each. Memory grows with the positives (about 60 bytes each)
and one block, not with samples times labels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lopsided.metrics.average_precision import checked_arrays, eleven_points_at_positives, precision_at_positives
from lopsided.metrics.collected import Rows
from lopsided.metrics.ranked.frequencies import Frequencies
from lopsided.metrics.ranked.rankings import Rankings
from lopsided.metrics.ranked.top import TopRanked, joined, top_ranked

Blocks: TypeAlias = Callable[[], Iterable[Rows]]
"""Starts a pass over the scores, targets and mask of some samples at a time; each pass gives the same."""

_LABELS_AT_ONCE = 64


def rankings_of_blocks(
    blocks: Blocks,
    *,
    num_ranks: int,
    training: Frequencies | None = None,
    also: Callable[[Tensor, Tensor, Tensor | None], None] | None = None,
) -> Rankings:
    """What :func:`~lopsided.metrics.ranked.rankings.rankings` says, of scores that come in blocks; two passes.

    Args:
        blocks: Gives scores, targets and mask, each of shape ``(samples, labels)``, with the same labels each time.
        num_ranks: Best-ranked labels of each sample to keep; all where there are fewer labels.
        training: How frequent labels are in training.
        also: Called with each block of the first pass, for what adds up on its own, such as counts.

    Raises:
        ValueError: There is no block, or the second pass gives other scores than the first.
    """
    gathered, tops, num_labels = _Gathered(), list[TopRanked](), 0
    for scores, targets, mask in blocks():
        num_labels = scores.shape[1]
        gathered.add(scores, targets, mask)
        tops.append(top_ranked(scores, targets, num_ranks=min(num_ranks, num_labels), mask=mask))
        if also is not None:
            also(scores, targets, mask)
    if not tops:
        raise ValueError("expected at least one block of scores, got none")
    positives = gathered.positives(num_labels)
    counted = _Counted(positives)
    for rows in blocks():
        counted.add(*rows)
    if not np.array_equal(counted.known, gathered.known):
        raise ValueError("expected the same scores in each pass over the blocks, got other ones")
    return counted.rankings(joined(tops), training)


class _Gathered:
    """Scores of the positives of each label, and numbers of known elements."""

    def __init__(self) -> None:
        self._scores, self._labels = list[NDArray[np.floating]](), list[NDArray[np.int32]]()
        self.known: NDArray[np.int64] = np.zeros(0, np.int64)

    def add(self, scores: Tensor, targets: Tensor, mask: Tensor | None) -> None:
        values, positives, known = checked_arrays(scores, targets, mask)
        if not self.known.size:
            self.known = np.zeros(values.shape[1], np.int64)
        rows, labels = np.nonzero(positives)
        self._scores.append(values[rows, labels])
        self._labels.append(labels.astype(np.int32))
        self.known += len(values) if known is None else np.count_nonzero(known, axis=0)

    def positives(self, num_labels: int) -> list[NDArray[np.floating]]:
        """Of each label, ascending."""
        scores, labels = np.concatenate(self._scores), np.concatenate(self._labels)
        self._scores, self._labels = [], []
        order = np.lexsort((scores, labels))
        bounds = np.cumsum(np.bincount(labels, minlength=num_labels))[:-1]
        return np.split(scores[order], bounds)


class _Counted:
    """For each positive, how many known elements score lower, and how many no higher: of its label, and of all."""

    def __init__(self, positives: list[NDArray[np.floating]]) -> None:
        self._each, self._all = positives, np.sort(np.concatenate(positives))
        self._of_each = [np.zeros((2, len(hits)), np.int64) for hits in positives]
        self._of_all = np.zeros((2, len(self._all)), np.int64)
        self.known = np.zeros(len(positives), np.int64)

    def add(self, scores: Tensor, targets: Tensor, mask: Tensor | None) -> None:
        values, _, known = checked_arrays(scores, targets, mask)
        self.known += len(values) if known is None else np.count_nonzero(known, axis=0)

        def count(first: int) -> NDArray[np.floating]:
            part = slice(first, first + _LABELS_AT_ONCE)
            columns = np.ascontiguousarray(values[:, part].T)
            if known is None:
                columns.sort(axis=1)
                ordered = list(columns)
            else:
                ordered = [np.sort(column[seen]) for column, seen in zip(columns, known[:, part].T, strict=True)]
            for label, column in enumerate(ordered, start=first):
                _count(column, self._each[label], self._of_each[label])
            return np.concatenate(ordered)

        # numpy lets go of the interpreter lock while it sorts and searches, so threads do run side by side.
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            parts = list(pool.map(count, range(0, len(self._each), _LABELS_AT_ONCE)))
        _count(np.sort(np.concatenate(parts)), self._all, self._of_all)

    def rankings(self, top: TopRanked, training: Frequencies | None) -> Rankings:
        """What the counts say."""
        each = [
            _values(hits, counts, known)
            for hits, counts, known in zip(self._each, self._of_each, self.known.tolist(), strict=True)
        ]
        precision, eleven_points, area = torch.tensor(each, dtype=torch.float64, device="cpu").T
        micro_precision, _, micro_area = _values(self._all, self._of_all, int(self.known.sum()))
        return Rankings(precision, eleven_points, area, micro_precision, micro_area, top, training)


def _count(ordered: NDArray[np.floating], hits: NDArray[np.floating], counts: NDArray[np.int64]) -> None:
    if hits.size:
        counts[0] += np.searchsorted(ordered, hits, side="left")
        counts[1] += np.searchsorted(ordered, hits, side="right")


def _values(hits: NDArray[np.floating], counts: NDArray[np.int64], known: int) -> tuple[float, float, float]:
    """Average precision, the same by eleven points, and area under the ROC curve; nan where one is not defined."""
    if not hits.size:
        return float("nan"), float("nan"), float("nan")
    lower, upto = (np.searchsorted(hits, hits, side=side) for side in ("left", "right"))
    found, retrieved = hits.size - lower, known - counts[0]
    negatives = known - hits.size
    area = float(np.mean((counts[0] - lower + counts[1] - upto) / 2) / negatives) if negatives else float("nan")
    return precision_at_positives(found, retrieved), eleven_points_at_positives(found, retrieved), area
