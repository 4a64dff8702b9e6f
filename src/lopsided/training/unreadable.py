"""Images that could not be opened: counted, named, and written down with the reason."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch.distributed as dist

from lopsided.data import Manifest, why_unreadable
from lopsided.runs.json_files import write_whole


class UnreadableLog(pl.Callback):
    """Collects the images that batches could not open, and tells of them after the epoch in which they were met.

    Args:
        manifest: The images.
        path: The CSV file with path and reason of each; not written as long as there are none.
        known: Rows that are known to be unreadable before training.
    """

    def __init__(self, manifest: Manifest, path: Path, known: list[int]) -> None:
        self.manifest, self.path = manifest, path
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
            write_unreadable(self.manifest, self.path, sorted(self.rows))
            print(describe(self.manifest, sorted(self.rows), listed=self.path), file=sys.stderr)
        self.told = set(self.rows)

    def _keep(self, batch: Any) -> None:
        if "unreadable" in batch:
            self.rows.update(batch["unreadable"].tolist())


def write_unreadable(manifest: Manifest, path: Path, rows: list[int]) -> None:
    """A CSV file with the path and the reason of each."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["path", "reason"])
    writer.writerows([str(manifest.paths[row]), why_unreadable(manifest.path(row))] for row in rows)
    write_whole(path, text.getvalue())


def describe(manifest: Manifest, rows: list[int], *, listed: Path | None = None) -> str:
    """One line: how many could not be opened, and the first of them with the reason.

    Args:
        manifest: The images.
        rows: Numbers of those that could not be opened, at least one.
        listed: File that lists them all.
    """
    first = manifest.path(rows[0])
    count = "1 image" if len(rows) == 1 else f"{len(rows)} images"
    text = f"{count} of {len(manifest)} could not be opened and count for nothing; the first: {first}"
    return f"{text} ({why_unreadable(first)})" + (f"; all in {listed}" if listed else "")
