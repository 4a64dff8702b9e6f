"""metrics.csv: a row for each training step and one for each validation, written without slowing the steps."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from lopsided.asymmetry import gap_of
from lopsided.files.whole import append_lines, whole
from lopsided.runs.folder import COLUMNS, read_rows
from lopsided.training.loop.task import MultiLabelTask


class StepLog(pl.Callback):
    """Keeps each step's values on the device and writes them in bunches, so that no step waits for them.

    On resuming, rows after the checkpoint are dropped: they will be written again.

    Args:
        path: The CSV file.
        every: Steps between two writes.
    """

    def __init__(self, path: Path, *, every: int = 50) -> None:
        self.path, self.every = path, every
        self.pending: list[tuple[int, int, float, Tensor]] = []  # epoch, step, learning rate, values
        self.learning_rate = 0.0
        self.latest: dict[str, float] = {}  # the last row written, for the progress bar

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the file, or go back to where the checkpoint was written."""
        if not trainer.is_global_zero:
            return
        kept = read_rows(self.path) if trainer.global_step > 0 and self.path.exists() else []
        with whole(self.path) as part, part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(row for row in kept if int(row["step"]) <= trainer.global_step)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Remember the learning rate that the step is taken with; at its end there stands the next one's."""
        self.learning_rate = trainer.optimizers[0].param_groups[0]["lr"]

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Keep the step's values."""
        assert isinstance(pl_module, MultiLabelTask)
        assert pl_module.step_row is not None
        self.pending.append((trainer.current_epoch, trainer.global_step, self.learning_rate, pl_module.step_row))
        if len(self.pending) >= self.every:
            self._write_steps(trainer, pl_module)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the steps so far, and find out here whether their loss was a number."""
        assert isinstance(pl_module, MultiLabelTask)
        self._write_steps(trainer, pl_module)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the validation's row."""
        values = {name: float(value) for name, value in trainer.callback_metrics.items() if name in COLUMNS}
        self._write(trainer, [{"epoch": trainer.current_epoch, "step": trainer.global_step, **values}])

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Leave nothing unwritten that the epoch's checkpoint will count as done."""
        assert isinstance(pl_module, MultiLabelTask)
        self._write_steps(trainer, pl_module)

    def _write_steps(self, trainer: pl.Trainer, task: MultiLabelTask) -> None:
        if not self.pending:
            return
        values = task.all_reduced(torch.stack([row for *_, row in self.pending])).cpu()
        values[:, :3] /= trainer.world_size  # loss, cross-entropy and gamma_neg are means, the sums of the gap are not
        gaps = torch.stack(gap_of(values[:, 3:].T), dim=1)
        rows = []
        for (epoch, step, rate, _), row, shown in zip(self.pending, values.tolist(), gaps.tolist(), strict=True):
            loss, plain, gamma_neg = row[:3]
            rows.append(dict(zip(COLUMNS, (epoch, step, loss, plain, *shown, gamma_neg, rate), strict=False)))
        self.pending.clear()
        self._write(trainer, rows)
        for row in rows:
            if not math.isfinite(row["loss"]):
                raise ValueError(f"the loss is {row['loss']} at step {row['step']}: lower training.learning_rate")

    def _write(self, trainer: pl.Trainer, rows: list[dict[str, Any]]) -> None:
        self.latest |= rows[-1]
        if not trainer.is_global_zero:
            return
        for row in rows:
            numbers = {name: value for name, value in row.items() if name not in ("epoch", "step")}
            for logger in trainer.loggers:
                logger.log_metrics(numbers, step=row["step"])
        lines = io.StringIO()
        csv.DictWriter(lines, COLUMNS).writerows({name: _short(value) for name, value in row.items()} for row in rows)
        append_lines(self.path, lines.getvalue())


def _short(value: float | int) -> str:
    return str(value) if isinstance(value, int) else f"{value:.6g}"
