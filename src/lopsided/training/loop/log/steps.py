"""metrics.csv: a row for each training step and one for each validation, written without slowing the steps."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.loggers.logger import Logger
from torch import Tensor

from lopsided.asymmetry import gap_of
from lopsided.files.whole import append_lines, whole
from lopsided.runs.folder import COLUMNS, read_rows
from lopsided.training.loop.task import MultiLabelTask, StepValues

ROWS_AT_ONCE = 50
"""Steps between two writes."""


class StepLog:
    """Keeps each step's values on the device and writes them in bunches, so that no step waits for them.

    Args:
        path: The CSV file.
        loggers: Which get the same numbers.
        remote: Which get the last of the steps that are written together, and every validation: a service that has to
            be waited for.
        writes: Whether this process is the one that writes; the others only add their values.
        every: Steps between two writes.
    """

    def __init__(
        self,
        path: Path,
        *,
        loggers: Sequence[Logger] = (),
        remote: Sequence[Any] = (),
        writes: bool = True,
        every: int = ROWS_AT_ONCE,
    ) -> None:
        self.path, self.loggers, self.remote, self.writes, self.every = path, loggers, remote, writes, every
        self.pending: list[tuple[int, int, float, StepValues]] = []  # epoch, step, learning rate, values
        self.latest: dict[str, float] = {}  # the last row written, for the progress bar

    def begin(self, step: int) -> None:
        """Start the file, or go back to the step at which the checkpoint was written: what came after comes again."""
        if not self.writes:
            return
        kept = read_rows(self.path) if step > 0 and self.path.exists() else []
        with whole(self.path) as part, part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(row for row in kept if int(row["step"]) <= step)

    def keep(self, task: MultiLabelTask, *, epoch: int, step: int, rate: float) -> None:
        """Keep the values of a step that was taken with this learning rate."""
        assert task.step_values is not None
        self.pending.append((epoch, step, rate, task.step_values))
        if len(self.pending) >= self.every:
            self.write_steps(task)

    def write_steps(self, task: MultiLabelTask) -> None:
        """Write the steps that were kept, as means over all ranks.

        Raises:
            ValueError: The loss of a step is not finite.
        """
        if not self.pending:
            return
        values = task.all_reduced(_stacked([values for *_, values in self.pending]))
        values[:, :3] /= task.num_ranks  # loss, cross-entropy and gamma_neg are means, the sums of the gap are not
        gaps = torch.stack(gap_of(values[:, 3:].T), dim=1)
        rows = []
        for (epoch, step, rate, _), row, shown in zip(self.pending, values.tolist(), gaps.tolist(), strict=True):
            loss, plain, gamma_neg = row[:3]
            rows.append(dict(zip(COLUMNS, (epoch, step, loss, plain, *shown, gamma_neg, rate), strict=False)))
        self.pending.clear()
        self._write(rows)
        for row in rows:
            if not math.isfinite(row["loss"]):
                raise ValueError(
                    f"expected the loss to be finite, got {row['loss']} at step {row['step']}, in epoch "
                    f"{row['epoch'] + 1}: lower training.learning_rate"
                )

    def write_validation(self, values: dict[str, float], *, epoch: int, step: int) -> None:
        """Write the row of a validation."""
        self._write([{"epoch": epoch, "step": step, **values}])

    def _write(self, rows: list[dict[str, Any]]) -> None:
        self.latest |= rows[-1]
        if not self.writes:
            return
        for row in rows:
            for logger in (*self.loggers, *(self.remote if row is rows[-1] else ())):
                logger.log_metrics(_numbers(row), step=row["step"])
        lines = io.StringIO()
        csv.DictWriter(lines, COLUMNS).writerows({name: _short(value) for name, value in row.items()} for row in rows)
        append_lines(self.path, lines.getvalue())


def _stacked(steps: list[StepValues]) -> Tensor:
    """A row for each step, shape (steps, 7)."""
    first = [torch.stack(column) for column in zip(*(step[:3] for step in steps), strict=True)]
    return torch.cat([torch.stack(first, dim=1), torch.stack([step.gap_sums for step in steps])], dim=1)


def _numbers(row: dict[str, Any]) -> dict[str, float]:
    return {name: value for name, value in row.items() if name not in ("epoch", "step")}


def _short(value: float | int) -> str:
    return str(value) if isinstance(value, int) else f"{value:.6g}"
