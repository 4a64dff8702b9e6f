"""Rankings of scores that come in blocks of samples and are never in memory as a whole; exact.

Everything is read off the scores of the positives, of which there are few: the first pass over the blocks gathers
them, the second counts the elements that score as high as each. Memory grows with the positives (about 60 bytes each)
and one block (with its copies up to 150 bytes a score), not with samples times labels.
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


class RankingOfPositives:
    """One ranking of many elements, of which only the scores of the positives are held; exact.

    Args:
        positives: The scores of all known positives, in any order.

    >>> ranking = RankingOfPositives(np.array([0.9, 0.7]))
    >>> for block in ([0.8, 0.9], [0.6, 0.7]):
    ...     ranking.add(np.array(block))
    >>> [round(value, 4) for value in ranking.values()]
    [0.8333, 0.8485, 0.75]
    """

    def __init__(self, positives: NDArray[np.floating]) -> None:
        self.positives = np.sort(positives)
        self.known = 0
        self.lower, self.upto = np.zeros((2, len(positives)), np.int64)  # elements below each, and not above

    def add(self, ordered: NDArray[np.floating]) -> None:
        """Count the known elements of a block, positives too, ascending, shape ``(n,)``."""
        self.known += len(ordered)
        if self.positives.size:
            self.lower += np.searchsorted(ordered, self.positives, side="left")
            self.upto += np.searchsorted(ordered, self.positives, side="right")

    def values(self) -> tuple[float, float, float]:
        """Average precision, the same by eleven points, and area under the ROC curve; nan where one is not defined."""
        hits = self.positives
        if not hits.size:
            return float("nan"), float("nan"), float("nan")
        lower, upto = (np.searchsorted(hits, hits, side=side) for side in ("left", "right"))
        found, retrieved = hits.size - lower, self.known - self.lower
        pairs = hits.size * (self.known - hits.size)
        area = float(np.sum(self.lower - lower + self.upto - upto) / (2 * pairs)) if pairs else float("nan")
        return precision_at_positives(found, retrieved), eleven_points_at_positives(found, retrieved), area


class _Counted:
    """The ranking of each label, and that of all elements."""

    def __init__(self, positives: list[NDArray[np.floating]]) -> None:
        self._each = [RankingOfPositives(hits) for hits in positives]
        self._all = RankingOfPositives(np.concatenate(positives))

    @property
    def known(self) -> NDArray[np.int64]:
        """Known elements of each label."""
        return np.array([ranking.known for ranking in self._each])

    def add(self, scores: Tensor, targets: Tensor, mask: Tensor | None) -> None:
        values, _, known = checked_arrays(scores, targets, mask)

        def count(first: int) -> NDArray[np.floating]:
            part = slice(first, first + _LABELS_AT_ONCE)
            columns = np.ascontiguousarray(values[:, part].T)
            if known is None:
                columns.sort(axis=1)
                ordered = list(columns)
            else:
                ordered = [np.sort(column[seen]) for column, seen in zip(columns, known[:, part].T, strict=True)]
            for label, column in enumerate(ordered, start=first):
                self._each[label].add(column)
            return np.concatenate(ordered)

        # numpy lets go of the interpreter lock while it sorts and searches, so threads do run side by side.
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            parts = list(pool.map(count, range(0, len(self._each), _LABELS_AT_ONCE)))
        self._all.add(np.sort(np.concatenate(parts)))

    def rankings(self, top: TopRanked, training: Frequencies | None) -> Rankings:
        """What the counts say."""
        each = [ranking.values() for ranking in self._each]
        precision, eleven_points, area = torch.tensor(each, dtype=torch.float64, device="cpu").T
        micro_precision, _, micro_area = self._all.values()
        return Rankings(precision, eleven_points, area, micro_precision, micro_area, top, training)
