"""Averaged weights, the ones that are evaluated and saved."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import WeightAveraging
from torch import Tensor, nn

from lopsided.models import SparseLinear


def kept_share(count: Tensor, decay: float) -> Tensor:
    """Share of the average that stays when it has seen ``count`` steps: grows with them up to ``decay``.

    >>> [round(float(kept_share(torch.tensor(float(count)), 0.99)), 2) for count in (1, 10, 10_000)]
    [0.18, 0.55, 0.99]
    """
    return ((1 + count) / (10 + count)).clamp(max=decay)


class WeightAverage(WeightAveraging):
    """Exponential moving average of weights and normalisation statistics; the loss's own state is not averaged.

    The weights of sparse layers are not averaged either, but shared with the average: a step would have to touch all of
    their rows, and they come to rest by themselves as the rate of their features falls.

    Args:
        decay: Share of the average that stays at each step. Over the first steps it is (1 + n) / (10 + n) of step n,
            so that the average of a short run is not that of its first, random weights.
    """

    def __init__(self, decay: float) -> None:
        def average(averaged: list[Tensor], current: list[Tensor], count: Tensor) -> None:
            if not averaged[0].is_floating_point():  # counts of batches; tensors come sorted by type and device
                for kept, now in zip(averaged, current, strict=True):
                    kept.copy_(now)
                return
            apart = [i for i, kept in enumerate(averaged) if kept.data_ptr() != current[i].data_ptr()]
            averaged, current = [averaged[i] for i in apart], [current[i] for i in apart]
            taken = 1 - kept_share(count.to(torch.float32), decay)
            torch._foreach_lerp_(averaged, current, [taken] * len(averaged))  # pyright: ignore[reportPrivateImportUsage]

        super().__init__(use_buffers=True, multi_avg_fn=average)

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Make the average, without a copy of the weights of sparse layers."""
        layers = [module for module in pl_module.modules() if isinstance(module, SparseLinear)]
        weights = [layer.weight for layer in layers]
        for layer in layers:
            layer.weight = nn.Parameter(torch.empty(0))
        super().setup(trainer, pl_module, stage)
        assert self._average_model is not None
        copies = [module for module in self._average_model.modules() if isinstance(module, SparseLinear)]
        for layer, copy, weight in zip(layers, copies, weights, strict=True):
            layer.weight = copy.weight = weight

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Take the step into the average, and the state of the loss as it is."""
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)
        assert self._average_model is not None
        averaged, current = self._average_model.module.criterion, pl_module.criterion
        for kept, buffer in zip(averaged.buffers(), current.buffers(), strict=True):  # pyright: ignore
            kept.copy_(buffer)
