"""Batches of a table as tensors."""

from collections.abc import Sequence

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor
from torch.utils.data import Dataset

from lopsided.data.table import Table


class TableDataset(Dataset[dict[str, Tensor]]):
    """One split of a table, which hands out whole batches.

    For a ``DataLoader`` with ``batch_size=None`` and a ``BatchSampler`` as its ``sampler``: one indexing per batch
    takes the place of one call per sample and a collation.

    Args:
        table: The data.
        split: One of its splits.

    Example:
        >>> from lopsided.data import digits
        >>> train = TableDataset(digits(train_samples=10, validation_samples=0, test_samples=0), split="train")
        >>> {name: tuple(tensor.shape) for name, tensor in train[[3, 1, 7]].items()}
        {'inputs': (3, 3, 32, 32), 'targets': (3, 80), 'rows': (3,)}
    """

    def __init__(self, table: Table, *, split: str) -> None:
        self.table = table
        self.split_rows = table.rows(split)

    def __len__(self) -> int:
        return len(self.split_rows)

    def __getitem__(self, positions: Sequence[int]) -> dict[str, Tensor]:
        """A batch of n samples.

        Args:
            positions: Within the split, from 0, shape (n,), in any order.

        Returns:
            ``inputs`` float32 (n, ...), images in [0, 1]; ``targets`` uint8 (n, labels); ``mask`` bool (n, labels),
            True where known, absent where the whole table is known; ``rows`` int64 (n,), sample numbers in the table.
        """
        if isinstance(positions, int | np.integer):
            raise TypeError(f"expected a list of positions, which makes a batch, got the number {positions}")
        rows = self.split_rows[np.asarray(positions, dtype=np.int64)]
        targets, mask = self.table.labels.dense(rows)
        batch = {"inputs": self._inputs(rows), "targets": torch.from_numpy(targets.view(np.uint8))}
        if mask is not None:
            batch["mask"] = torch.from_numpy(mask)
        return batch | {"rows": torch.from_numpy(rows)}

    def _inputs(self, rows: np.ndarray) -> Tensor:
        features = self.table.features
        if isinstance(features, csr_array):
            return torch.from_numpy(features[rows].toarray())
        inputs = features[rows]
        if inputs.dtype == np.uint8:
            # By numpy: so small a piece of work only waits when torch spreads it over a pool of threads.
            inputs = np.divide(inputs, np.float32(255))
        return torch.from_numpy(inputs)
