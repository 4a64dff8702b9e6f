"""TensorBoard's log of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lightning_fabric.loggers.tensorboard import TensorBoardLogger
from lightning_fabric.utilities import rank_zero_only
from tensorboard.compat.proto.summary_pb2 import Summary  # pyright: ignore[reportAttributeAccessIssue]

from lopsided.files.whole import named


class Events(TensorBoardLogger):
    """Lightning's logger, which writes all numbers of a step as one event and names the folder in its errors."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Write the numbers of a step."""
        values = [Summary.Value(tag=name, simple_value=value) for name, value in metrics.items()]
        with named(Path(self.log_dir)):
            self.experiment._get_file_writer().add_summary(Summary(value=values), step)

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
