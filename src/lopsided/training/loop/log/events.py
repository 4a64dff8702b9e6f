"""TensorBoard's log of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning_fabric.loggers.tensorboard import TensorBoardLogger
from lightning_fabric.utilities import rank_zero_only
from tensorboard.compat.proto.summary_pb2 import Summary  # pyright: ignore[reportAttributeAccessIssue]

from lopsided.files.whole import named


class Events(TensorBoardLogger):
    """Lightning's logger, which writes all numbers of a step as one event and names the folder in its errors."""

    def __init__(self, folder: Path, *, rows_at_once: int) -> None:
        """Write to a folder; no row waits for the disk where at most so many come at once."""
        super().__init__(folder.parent, name="", version=folder.name, max_queue=rows_at_once)
        self._summaries: dict[tuple[str, ...], Any] = {}  # by the names of the numbers: filled in anew for each step

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Write the numbers of a step."""
        names = tuple(metrics)
        if names not in self._summaries:
            self._summaries[names] = Summary(value=[Summary.Value(tag=name) for name in names])
        summary = self._summaries[names]
        for value, number in zip(summary.value, metrics.values(), strict=True):
            value.simple_value = number
        with named(Path(self.log_dir)):
            self.experiment._get_file_writer().add_summary(summary, step)

    @rank_zero_only
    def save(self) -> None:
        """Wait until all is written."""
        with named(Path(self.log_dir)):
            self.experiment.flush()

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Close the file."""
        with named(Path(self.log_dir)):
            super().finalize(status)
