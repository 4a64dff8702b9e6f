"""How frequent labels are in training, and which of them are head, medium and tail."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

GROUPS = ("head", "medium", "tail")

A, B = 0.55, 1.5
"""Of the propensities, where a data set has none of its own."""


@dataclass(frozen=True, eq=False)
class Frequencies:
    """How often each label is noted in training.

    Args:
        positives: Training samples in which the label is known to be true, shape ``(labels,)``.
        num_samples: Training samples, at least 1.
        a: Of the propensities: see :func:`lopsided.metrics.propensities`.
        b: Likewise.

    Raises:
        ValueError: Counts are negative or more than the samples.
    """

    positives: NDArray[np.int64]
    num_samples: int
    a: float = A
    b: float = B

    def __post_init__(self) -> None:
        counts = np.asarray(self.positives)
        if counts.ndim != 1 or counts.size == 0 or not ((counts >= 0) & (counts <= self.num_samples)).all():
            raise ValueError(f"expected counts of labels of 0 to {self.num_samples} samples, got {counts!r:.100}")

    def least(self) -> tuple[int, int]:
        """Fewest positives of a head and of a medium label.

        Labels are sorted by their positives in training. The head are the most frequent ones that hold a third of all
        positives together, the medium those that follow up to two thirds, the tail the rest. Labels with as many
        positives are of one group, so that a group may hold more than a third, and another nothing.

        >>> Frequencies(np.array([60, 30, 20, 10, 0]), 100).least()
        (60, 30)
        """
        ordered = np.sort(self.positives)[::-1]
        reached = 3 * np.cumsum(ordered, dtype=np.int64)  # in whole numbers, because a third is none
        head, medium = (int(ordered[np.searchsorted(reached, k * reached[-1] // 3)]) for k in (1, 2))
        return max(head, 1), max(medium, 1)

    def groups(self) -> NDArray[np.int64]:
        """Place in ``GROUPS`` of each label, int64, shape ``(labels,)``; see :meth:`least`."""
        head, medium = self.least()
        return np.where(self.positives >= head, 0, np.where(self.positives >= medium, 1, 2))
