"""Batches in an order that depends on the seed and the epoch alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Sampler

from lopsided.data import Data, Labels, SplitDataset

MOST_WORKERS = 8

Batch: TypeAlias = list[int] | tuple[int, list[int]]
"""Positions within a split, or the epoch and these."""


class EpochBatches(Sampler[Batch]):
    """Positions of each batch, shuffled anew for every epoch; a resumed epoch gets the order it would have had.

    Args:
        num_samples: Size of the split.
        batch_size: Samples in a batch.
        seed: With the epoch, decides the order; None keeps the samples as they stand.
        weights: Chances of each sample, shape (num_samples,): as many are drawn, with replacement; None: each once.
        with_epoch: Give the number of the epoch with the positions, for data that is augmented.
        rank: Number of this process.
        num_ranks: Number of processes; each takes every ``num_ranks``-th batch of the common order.
        smallest: Fewest samples of a batch, at most ``batch_size``: a last one with fewer is part of the one before it.

    >>> list(EpochBatches(5, 2, seed=None))
    [[0, 1], [2, 3], [4]]
    >>> list(EpochBatches(5, 2, seed=None, smallest=2))
    [[0, 1], [2, 3, 4]]
    """

    def __init__(
        self,
        num_samples: int,
        batch_size: int,
        *,
        seed: int | None,
        weights: Tensor | None = None,
        with_epoch: bool = False,
        rank: int = 0,
        num_ranks: int = 1,
        smallest: int = 1,
    ) -> None:
        self.num_samples, self.batch_size, self.seed, self.weights = num_samples, batch_size, seed, weights
        self.with_epoch, self.rank, self.num_ranks = with_epoch, rank, num_ranks
        whole, rest = divmod(num_samples, batch_size)
        self._sizes = [batch_size] * whole + [rest] * (rest > 0)
        if len(self._sizes) > 1 and rest and rest < smallest:
            self._sizes[-2:] = [batch_size + rest]
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this at the start of each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        batches = len(self._sizes)
        if self.seed is not None:  # every rank takes as many training steps
            return -(-batches // self.num_ranks)
        return len(range(self.rank, batches, self.num_ranks))

    def __iter__(self) -> Iterator[Batch]:
        batches = self._order().split(self._sizes)
        for number in range(len(self)):
            positions = batches[(number * self.num_ranks + self.rank) % len(batches)].tolist()
            yield (self.epoch, positions) if self.with_epoch else positions

    def _order(self) -> Tensor:
        if self.seed is None:
            return torch.arange(self.num_samples)
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        if self.weights is None:
            return torch.randperm(self.num_samples, generator=generator)
        # By the sums of the weights, because torch.multinomial takes at most 2 ** 24 of them.
        ends = self.weights.double().cumsum(0)
        draws = torch.rand(self.num_samples, generator=generator, dtype=torch.float64) * ends[-1]
        return torch.searchsorted(ends, draws, right=True).clamp_(max=self.num_samples - 1)


def balanced_weights(labels: Labels) -> Tensor:
    """Chances of samples with which every label is drawn equally often, and having none as often as any of them.

    Args:
        labels: Of the training split.

    Returns:
        float64, shape (samples,): the sum over a sample's positives of one over the label's number of positives.

    >>> from scipy.sparse import csr_array
    >>> balanced_weights(Labels(("cat", "dog"), csr_array(np.array([[True, False], [True, True], [False, False]]))))
    tensor([0.5000, 1.5000, 1.0000], dtype=torch.float64)
    """
    positives = labels.positives
    weights = positives @ (1 / np.maximum(positives.sum(axis=0), 1))
    without = np.diff(positives.indptr) == 0
    weights[without] = 1 / max(np.count_nonzero(without), 1)
    return torch.from_numpy(weights)


def num_workers(wanted: int | None, data: Data, *, devices: int = 1) -> int:
    """Processes that prepare batches: as wanted, else none; where files are opened, one for each core up to 8."""
    if wanted is not None:
        return wanted
    if not data.opens_files:
        return 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(MOST_WORKERS, cores // devices))


def loader(dataset: SplitDataset, batches: EpochBatches | Sequence[Batch], *, workers: int = 0) -> DataLoader:
    """A loader whose items are whole batches."""
    return DataLoader(
        dataset,
        sampler=batches,
        batch_size=None,
        num_workers=workers,
        persistent_workers=workers > 0,
        worker_init_fn=_say_nothing_of_a_lost_end,
    )


def _say_nothing_of_a_lost_end(_worker: int) -> None:
    """In a worker, where a thread hands over batches: if the process that takes them has ended, it told why itself."""

    def tell(kind: type[BaseException], error: BaseException, at: TracebackType | None) -> None:
        if not issubclass(kind, (ConnectionError, EOFError)):
            sys.__excepthook__(kind, error, at)

    sys.excepthook = tell
