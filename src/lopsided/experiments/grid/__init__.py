"""Many settings as one batched model."""

from lopsided.experiments.grid.batched import train_grid
from lopsided.experiments.grid.run import GridRun, Outcome

__all__ = ["GridRun", "Outcome", "train_grid"]
