"""What is learned in a step and what is measured after an epoch, as a Lightning module."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from lopsided.asymmetry import ProbabilityGap
from lopsided.asymmetry.probability_gap import cross_entropy_and_gap
from lopsided.losses import binary_cross_entropy
from lopsided.metrics import CollectedScores, mean_average_precision
from lopsided.models import ImageNetwork, TextNetwork, parameter_groups
from lopsided.runs.config import TrainingOptions
from lopsided.runs.criterion import gamma_neg_of


class MultiLabelTask(pl.LightningModule):
    """Trains a network with a loss; after each epoch, mean average precision and gap on the validation split.

    Args:
        model: From inputs to logits of shape ``(samples, labels)``.
        criterion: The loss.
        options: How to train.
        about: What a reader of the checkpoint needs to know (labels, input shape), kept in it.
        layer_decay: Factor on the learning rate from each layer of a backbone to the one below it.
        of_features: Whether batches hold what the backbone makes of images, so that only the head is computed.
    """

    def __init__(
        self,
        model: nn.Module,
        criterion: nn.Module,
        options: TrainingOptions,
        about: dict[str, Any],
        *,
        layer_decay: float | None = None,
        of_features: bool = False,
    ) -> None:
        super().__init__()
        self.frozen: dict[str, Tensor] = {}  # saved with the head, and nothing else is done with it
        if of_features:
            assert isinstance(model, ImageNetwork | TextNetwork)
            tensors = model.state_dict(prefix="model.")
            self.frozen = {name: value for name, value in tensors.items() if not name.startswith("model.head.")}
            model = nn.ModuleDict({"head": model.head})
        self.model, self.criterion = model, criterion
        self.options, self.about, self.layer_decay = options, about, layer_decay
        if options.channels_last:
            self.model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.step_row: Tensor | None = None  # what StepLog records of the last step
        self._reset_validation()

    @property
    def trained_part(self) -> nn.Module:
        """What batches go through."""
        return self.model["head"] if isinstance(self.model, nn.ModuleDict) else self.model

    def logits(self, inputs: Tensor) -> Tensor:
        """Logits of a batch, in float32 whatever the network computes in, for the loss to be exact."""
        if self.options.channels_last and inputs.dim() == 4:
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        return self.trained_part(inputs).float()

    def training_step(self, batch: dict[str, Tensor], _batch_index: int) -> Tensor:
        """Loss of a batch; beside it the plain cross-entropy and the gap, without waiting for their values."""
        logits, targets, mask = self.logits(batch["inputs"]), batch["targets"], batch.get("mask")
        gamma_neg = gamma_neg_of(self.criterion, device=logits.device)
        loss = self.criterion(logits, targets, mask=mask)
        with torch.no_grad():
            plain, sums = cross_entropy_and_gap(logits.detach(), targets, mask=mask)
            self.step_row = torch.cat([torch.stack([loss.detach(), plain, gamma_neg]), sums])
        return loss

    def validation_step(self, batch: dict[str, Tensor], _batch_index: int) -> None:
        """Collect what the metrics of the epoch are made of."""
        logits, targets, mask = self.logits(batch["inputs"]), batch["targets"], batch.get("mask")
        plain = binary_cross_entropy(logits, targets, mask=mask, reduction="sum")
        self._validation_sums += torch.stack([plain, torch.full_like(plain, len(logits))]).double().cpu()
        self._validation_gap.update(logits, targets, mask)
        self._validation_scores.update(logits, targets, mask)

    def on_validation_epoch_end(self) -> None:
        """Metrics over the validation samples of all ranks."""
        scores, targets, mask = self._validation_scores.all_ranks().tensors()
        total, count = self.all_reduced(self._validation_sums)
        p_pos, p_neg, gap = self._validation_gap.all_ranks().compute()
        values = {
            "val_mAP": mean_average_precision(scores, targets, mask=mask),
            "val_cross_entropy": total / count,
            "val_p_pos": p_pos,
            "val_p_neg": p_neg,
            "val_gap": gap,
        }
        self.log_dict(
            {name: value.float() for name, value in values.items()}, logger=False, sync_dist=self.trainer.world_size > 1
        )
        self._reset_validation()

    def all_reduced(self, values: Tensor) -> Tensor:
        """The sum of every rank's tensor."""
        if self.trainer.world_size == 1:
            return values
        return self.trainer.strategy.reduce(values.to(self.device), reduce_op="sum").cpu()  # pyright: ignore[reportAttributeAccessIssue]

    def configure_optimizers(self) -> dict[str, Any]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Adam with true weight decay and one cycle of the learning rate."""
        groups = parameter_groups(self.model, weight_decay=self.options.weight_decay, layer_decay=self.layer_decay)
        # Lightning clips no gradients of mixed precision for an optimiser that could unscale them by itself.
        fused = self.options.clip_norm is None or self.options.precision == "float32"
        optimizer = torch.optim.AdamW(groups, lr=self.options.learning_rate, fused=fused)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            max_lr=[self.options.learning_rate * group["lr_scale"] for group in groups],
            total_steps=max(int(self.trainer.estimated_stepping_batches), 2),
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep with the weights what their reader needs to know; those of a head with those of its backbone."""
        checkpoint["lopsided"] = self.about
        checkpoint["state_dict"] |= self.frozen

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Leave out what was saved for readers alone."""
        kept = {name: value for name, value in checkpoint["state_dict"].items() if name not in self.frozen}
        checkpoint["state_dict"] = kept

    def _reset_validation(self) -> None:
        self._validation_scores, self._validation_gap = CollectedScores(), ProbabilityGap()
        self._validation_sums = torch.zeros(2, dtype=torch.float64)  # cross-entropy, samples
