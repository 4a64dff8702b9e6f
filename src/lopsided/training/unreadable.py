"""Images that could not be opened while training: collected from batches and ranks, and told of after an epoch."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch.distributed as dist

from lopsided.data import Data
from lopsided.runs.unreadable import describe, write_unreadable


class UnreadableLog(pl.Callback):
    """Collects the images that batches could not open, and tells of them after the epoch in which they were met.

    Args:
        data: The images.
        path: The CSV file with path and reason of each; not written as long as there are none.
        known: Rows that are known to be unreadable before training.
    """

    def __init__(self, data: Data, path: Path, known: list[int]) -> None:
        self.data, self.path = data, path
        self.rows, self.told = set(known), set[int]()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Keep the batch's."""
        self._keep(batch)

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep the batch's."""
        self._keep(batch)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write those of all ranks."""
        if trainer.world_size > 1:
            parts: list[set[int]] = [set()] * trainer.world_size
            dist.all_gather_object(parts, self.rows)
            self.rows = set().union(*parts)
        if trainer.is_global_zero and self.rows > self.told:
            write_unreadable(self.data, self.path, sorted(self.rows))
            print(describe(self.data, sorted(self.rows), listed=self.path), file=sys.stderr)
        self.told = set(self.rows)

    def _keep(self, batch: Any) -> None:
        if "unreadable" in batch:
            self.rows.update(batch["unreadable"].tolist())
