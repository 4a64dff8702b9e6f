"""What a person sees while a run trains."""

from __future__ import annotations

import sys
import time
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import TQDMProgressBar

from lopsided.training.loop.step_log import StepLog

_SHOWN = {"loss": "loss", "gap": "gap", "gamma_neg": "gamma_neg", "val_mAP": "val_mAP"}


class Progress(TQDMProgressBar):
    """A bar on a terminal; elsewhere (a file, a CI log) a line for each epoch.

    Args:
        step_log: Where the numbers come from; those of its last write, so that no step waits for them.
    """

    def __init__(self, step_log: StepLog) -> None:
        self.is_terminal = sys.stdout.isatty()  # where Lightning draws its bar
        super().__init__(refresh_rate=10 if self.is_terminal else 0)
        self.step_log, self.started = step_log, time.monotonic()

    def get_metrics(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> dict[str, int | str | float | dict]:
        """The numbers at the end of the bar."""
        return {name: f"{self.step_log.latest[key]:.3f}" for name, key in _SHOWN.items() if key in self.step_log.latest}

    def on_train_epoch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        """Say which epoch of how many."""
        super().on_train_epoch_start(trainer)
        self.train_progress_bar.set_description(f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}")

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Without a terminal, print the epoch's line."""
        super().on_train_epoch_end(trainer, pl_module)
        if self.is_terminal or not trainer.is_global_zero:
            return
        numbers = "  ".join(f"{name} {value}" for name, value in self.get_metrics(trainer, pl_module).items())
        seconds = time.monotonic() - self.started
        print(
            f"  epoch {trainer.current_epoch + 1:>3}/{trainer.max_epochs}  {numbers}  {seconds:.0f} s",
            file=sys.stderr,
            flush=True,
        )
