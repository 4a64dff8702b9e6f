"""Images that could not be opened while training: collected from batches and ranks, and told of after an epoch."""

from __future__ import annotations

import sys
from pathlib import Path

import torch.distributed as dist
from lightning_fabric import Fabric
from torch import Tensor

from lopsided.data import Data
from lopsided.runs.unreadable import describe, write_unreadable


class UnreadableLog:
    """Collects the images that batches could not open, and tells of them after the epoch in which they were met.

    Args:
        data: The images.
        path: The CSV file with path and reason of each; not written as long as there are none.
        known: Rows that are known to be unreadable before training.
    """

    def __init__(self, data: Data, path: Path, known: list[int]) -> None:
        self.data, self.path = data, path
        self.rows, self.told = set(known), set[int]()

    def keep(self, batch: dict[str, Tensor]) -> None:
        """Keep the batch's."""
        if "unreadable" in batch:
            self.rows.update(batch["unreadable"].tolist())

    def tell(self, fabric: Fabric) -> None:
        """Write those of all ranks."""
        if fabric.world_size > 1:
            parts: list[set[int]] = [set()] * fabric.world_size
            dist.all_gather_object(parts, self.rows)
            self.rows = set().union(*parts)
        if fabric.is_global_zero and self.rows > self.told:
            write_unreadable(self.data, self.path, sorted(self.rows))
            print(describe(self.data, sorted(self.rows), listed=self.path), file=sys.stderr)
        self.told = set(self.rows)
