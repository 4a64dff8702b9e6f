"""What a grid is made of, and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass

from lopsided.runs.config import LossOptions


@dataclass(frozen=True)
class GridRun:
    """One run of a grid.

    Args:
        loss: What it is trained with.
        learning_rate: Highest learning rate of its cycle, > 0.
        seed: Decides its first weights and the order of its batches.
        weight_decay: Share of the weights that a step takes away at a learning rate of 1, >= 0; None for that of the
            training options.
    """

    loss: LossOptions
    learning_rate: float
    seed: int = 0
    weight_decay: float | None = None


@dataclass(frozen=True)
class Outcome:
    """What a run came to; metrics are of the averaged weights of the best epoch, shares in [0, 1].

    Args:
        val_mAP: After each epoch; nan from where the run diverged.
        best_epoch: The one with the highest of them, from 1; the last where none is a number.
        val_gap: Gap on the validation split, eq. 8.
        gap: Mean gap of the training batches of the last epoch.
        gamma_neg: Focusing power of negatives at the last step.
        test: Every metric on the test split by its name, or none where it was not asked for.
        seconds: Share of the time that it took.
    """

    val_mAP: tuple[float, ...]  # noqa: N815
    best_epoch: int
    val_gap: float
    gap: float
    gamma_neg: float
    test: dict[str, float]
    seconds: float

    @property
    def best_val_mAP(self) -> float:  # noqa: N802
        """Validation mAP of the best epoch."""
        return self.val_mAP[self.best_epoch - 1]
