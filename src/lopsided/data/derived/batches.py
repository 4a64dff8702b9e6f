"""Batches of samples as tensors."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor
from torch.utils.data import Dataset

from lopsided.data.features import expect_sparse, sparse_tensor
from lopsided.data.labels import Labels
from lopsided.data.options import ImageOptions
from lopsided.data.samples import Samples
from lopsided.files.errors import DataError

_USUAL = ImageOptions()


class SplitDataset(Dataset[dict[str, Tensor]]):
    """One split of some data, which hands out whole batches.

    For a ``DataLoader`` with ``batch_size=None`` and a ``BatchSampler`` as its ``sampler``: one indexing per batch
    takes the place of one call per sample and a collation.

    Args:
        samples: The data.
        split: One of its splits.
        options: How image files become inputs.
        augment: Change images at random, as for training, as far as the options say.
        seed: Decides how, at least 0.
        sparse_targets: Hand out targets as a CSR tensor of bool; not with mixup, which makes shares of them.

    Raises:
        DataError: There is no such split, or the seed is negative.

    Example:
        >>> from lopsided.data import digits
        >>> train = SplitDataset(digits(train_samples=10, validation_samples=0, test_samples=0), split="train")
        >>> {name: tuple(tensor.shape) for name, tensor in train[[3, 1, 7]].items()}
        {'inputs': (3, 3, 32, 32), 'targets': (3, 80), 'rows': (3,)}
    """

    def __init__(
        self,
        samples: Samples,
        *,
        split: str,
        options: ImageOptions = _USUAL,
        augment: bool = False,
        seed: int = 0,
        sparse_targets: bool = False,
    ) -> None:
        if seed < 0:
            raise DataError(f"expected seed to be at least 0, got {seed}")
        inputs = samples.inputs(options)  # refuses what cannot be made here, before any process is told to make it
        if sparse_targets or inputs.kind == "sparse":
            expect_sparse()
        self._labels = samples.labels if sparse_targets else None
        if sparse_targets:  # batches are made of samples without labels
            samples = dataclasses.replace(samples, labels=_no_labels(len(samples)), truth=None)
        self.samples, self.options, self.seed = samples, options, seed if augment else None
        self.split_rows = samples.rows(split)

    def __len__(self) -> int:
        return len(self.split_rows)

    def __getitem__(self, wanted: Sequence[int] | tuple[int, Sequence[int]]) -> dict[str, Tensor]:
        """A batch of n samples.

        Args:
            wanted: Positions within the split, from 0, shape (n,), in any order; or a tuple of the epoch, from 0, and
                these. Without an epoch it is 0.

        Returns:
            ``inputs`` (n, ...): float32, or uint8 of image files; ``targets`` uint8 (n, labels), with mixup float32,
            with ``sparse_targets`` bool and CSR;
            ``mask`` bool (n, labels), True where known, absent where all is known; ``weight`` float32 (n,), absent
            where samples have none; ``rows`` int64 (n,), sample numbers in the data; ``unreadable``, those whose file
            could not be opened, absent where there are none.
        """
        epoch, positions = _epoch_and_positions(wanted)
        rows = self.split_rows[np.asarray(positions, dtype=np.int64)]
        batch = self.samples.batch(rows, self.options, draw=None if self.seed is None else (self.seed, epoch))
        if self.samples.weights is not None:
            batch["weight"] = torch.from_numpy(self.samples.weights[rows])
        if self._labels is None:
            return batch
        return {**batch, **_sparse_targets(self._labels, rows, unreadable=batch.get("unreadable"))}


def _no_labels(count: int) -> Labels:
    return Labels(("none",), csr_array((count, 1), dtype=bool))


def _sparse_targets(labels: Labels, rows: np.ndarray, *, unreadable: Tensor | None) -> dict[str, Tensor]:
    """Targets, and the mask where something is not known; nothing is of samples that could not be opened."""
    positives, mask = labels.sparse(rows)
    if unreadable is not None:
        there = ~np.isin(rows, unreadable.numpy())
        mask = np.ones((len(rows), len(labels.names)), bool) if mask is None else mask
        mask &= there[:, None]
        positives = csr_array(positives.multiply(there[:, None]), dtype=bool)
        positives.eliminate_zeros()
    known = {} if mask is None else {"mask": torch.from_numpy(mask)}
    return {"targets": sparse_tensor(positives), **known}


TableDataset = SplitDataset
"""An older name of :class:`SplitDataset`."""

ImageDataset = SplitDataset
"""An older name of :class:`SplitDataset`."""


def _epoch_and_positions(wanted: Sequence[int] | tuple[int, Sequence[int]]) -> tuple[int, Sequence[int]]:
    if isinstance(wanted, int | np.integer):
        raise TypeError(f"expected a list of positions, which makes a batch, got the number {wanted}")
    if isinstance(wanted, tuple) and len(wanted) == 2 and not isinstance(wanted[1], int | np.integer):
        return wanted[0], wanted[1]
    return 0, wanted  # pyright: ignore[reportReturnType] (the tuple of an epoch and positions is dealt with)
