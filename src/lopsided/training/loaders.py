"""Batches in an order that depends on the seed and the epoch alone."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.utils.data import DataLoader, Dataset, Sampler


class EpochBatches(Sampler[list[int]]):
    """Positions of each batch, shuffled anew for every epoch; a resumed epoch gets the order it would have had.

    Args:
        num_samples: Size of the split.
        batch_size: Samples in a batch.
        seed: With the epoch, decides the order; None keeps the samples as they stand.
        rank: Number of this process.
        num_ranks: Number of processes; each takes every ``num_ranks``-th batch of the common order.

    >>> list(EpochBatches(5, 2, seed=None))
    [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self, num_samples: int, batch_size: int, *, seed: int | None, rank: int = 0, num_ranks: int = 1
    ) -> None:
        self.num_samples, self.batch_size, self.seed = num_samples, batch_size, seed
        self.rank, self.num_ranks = rank, num_ranks
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this at the start of each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        batches = -(-self.num_samples // self.batch_size)
        if self.seed is not None:  # every rank takes as many training steps
            return -(-batches // self.num_ranks)
        return len(range(self.rank, batches, self.num_ranks))

    def __iter__(self) -> Iterator[list[int]]:
        order = torch.arange(self.num_samples)
        if self.seed is not None:
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
            order = torch.randperm(self.num_samples, generator=generator)
        batches = order.split(self.batch_size)
        for number in range(len(self)):
            yield batches[(number * self.num_ranks + self.rank) % len(batches)].tolist()


def loader(dataset: Dataset, batches: EpochBatches, *, workers: int = 0) -> DataLoader:
    """A loader whose items are whole batches."""
    return DataLoader(dataset, sampler=batches, batch_size=None, num_workers=workers, persistent_workers=workers > 0)
