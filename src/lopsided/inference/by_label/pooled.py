"""One ranking of all scores, of which only those of the positives are held."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


class PooledRanking:
    """Average precision of all known elements pooled, exactly, from two passes over blocks of scores.

    Args:
        positives: The scores of all known positives, in any order, float32.

    >>> ranking = PooledRanking(np.array([0.9, 0.7], np.float32))
    >>> for block in ([0.9, 0.8], [0.7, 0.6]):
    ...     ranking.add(np.array(block, np.float32))
    >>> round(ranking.average_precision(), 4)
    0.8333
    """

    def __init__(self, positives: NDArray[np.float32]) -> None:
        self.scores, counts = np.unique(positives, return_counts=True)
        self.hits = counts[::-1].cumsum()[::-1]  # positives that are as high as each score
        self.counts = counts
        self.above = np.zeros(len(self.scores), dtype=np.int64)  # elements that are as high

    def add(self, scores: NDArray[np.float32]) -> None:
        """Count the known elements of a block, positives too, shape ``(n,)``."""
        if len(self.scores):
            self.above += len(scores) - np.searchsorted(np.sort(scores), self.scores, side="left")

    def average_precision(self) -> float:
        """In (0, 1]; nan without a positive."""
        if not len(self.scores):
            return math.nan
        return float((self.counts * (self.hits / self.above)).sum() / self.counts.sum())
