"""What is learned in a step and what is measured after an epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor, nn

from lopsided.asymmetry import ProbabilityGap
from lopsided.asymmetry.probability_gap import cross_entropy_and_gap, sum_over_ranks
from lopsided.losses import binary_cross_entropy
from lopsided.metrics import CollectedScores, mean_average_precision
from lopsided.models import ImageNetwork, TextNetwork
from lopsided.models.last_layer import last_layer
from lopsided.runs.config import TrainingOptions
from lopsided.runs.loss.criterion import gamma_neg_of
from lopsided.training.loop.label_parts import outcome, pieces
from lopsided.training.loop.row_steps import rows_alone

MOST_SCORES = 2**26
"""Of a validation split, which are kept to sort them: 256 MB, and as much again while they are sorted."""


def labels_apart(num_validation: int, num_labels: int) -> int:
    """How far apart the labels are that the validation mAP is measured on: 1, as long as the scores of all fit.

    >>> labels_apart(5_000, 80), labels_apart(20_000, 20_000)
    (1, 6)
    """
    return max(1, -(-num_validation * num_labels // MOST_SCORES))


def smoothed(targets: Tensor, *, share: float) -> Tensor:
    """Targets of which a share is moved to 1/2, as float32; with a share of 0 they stay as they are.

    Source: Szegedy et al., Rethinking the inception architecture, CVPR 2016, section 7, for each label on its own.

    >>> smoothed(torch.tensor([True, False]), share=0.1)
    tensor([0.9500, 0.0500])
    """
    return targets if share == 0 else targets.float() * (1 - share) + share / 2


class StepValues(NamedTuple):
    """What metrics.csv has of a step; none of it is waited for, and none keeps a graph."""

    loss: Tensor  # shape ()
    cross_entropy: Tensor  # shape (): summed over labels, mean over samples
    gamma_neg: Tensor  # shape (): the one that the loss was computed with; nan where the loss has none
    gap_sums: Tensor  # shape (4,): see lopsided.asymmetry.gap_sums


class MultiLabelTask(nn.Module):
    """A network with the loss that it learns by, and the metrics of an epoch on the validation split.

    Args:
        model: From inputs to logits of shape ``(samples, labels)``.
        criterion: The loss.
        options: How to train.
        about: What a reader of the checkpoint needs to know (labels, input shape), kept in it.
        layer_decay: Factor on the learning rate from each layer of a backbone to the one below it.
        of_features: Whether batches hold what the backbone makes of images, so that only the head is computed.
        every: The validation mAP is the mean over every so many-th label, where the scores of all would not fit.
        in_parts: Compute the last layer and the loss as one, some labels at a time; for a network that ends in a linear
            layer and a loss of the asymmetric family. ``targets`` of batches may then be CSR.
        label_weights: Factor on the training loss of each label, shape ``(labels,)``; None for 1.
    """

    label_weights: Tensor | None

    def __init__(
        self,
        model: nn.Module,
        criterion: nn.Module,
        options: TrainingOptions,
        about: dict[str, Any],
        *,
        layer_decay: float | None = None,
        of_features: bool = False,
        every: int = 1,
        in_parts: bool = False,
        label_weights: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.frozen: dict[str, Tensor] = {}  # saved with the head, and nothing else is done with it
        if of_features:
            assert isinstance(model, ImageNetwork | TextNetwork)
            tensors = model.state_dict(prefix="model.")
            self.frozen = {name: value for name, value in tensors.items() if not name.startswith("model.head.")}
            model = nn.ModuleDict({"head": model.head})
        self.model, self.criterion = model, criterion
        self.register_buffer("label_weights", label_weights, persistent=False)
        self.options, self.about, self.layer_decay = options, about, layer_decay
        if options.channels_last:
            self.model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        # Gradients in factors are no tensors that processes could add up; the optimiser does it.
        self._ddp_params_and_buffers_to_ignore = rows_alone(self)
        self._every = every
        self._last = last_layer(self.trained_part) if in_parts else None
        self.step_values: StepValues | None = None  # of the last training step
        self._reset_validation()

    @property
    def trained_part(self) -> nn.Module:
        """What batches go through."""
        return self.model["head"] if isinstance(self.model, nn.ModuleDict) else self.model

    @property
    def in_parts(self) -> bool:
        """Whether logits are computed for some labels at a time."""
        return self._last is not None

    @property
    def compiled_part(self) -> nn.Module:
        """What may be compiled: that part, or all of it but its last layer."""
        return self.trained_part if self._last is None else self._last.body

    def logits(self, inputs: Tensor) -> Tensor:
        """Logits of a batch, in float32 whatever the network computes in, for the loss to be exact."""
        return self.trained_part(self._laid_out(inputs)).float()

    def _laid_out(self, inputs: Tensor) -> Tensor:
        if self.options.channels_last and inputs.dim() == 4:
            return inputs.contiguous(memory_format=torch.channels_last)
        return inputs

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.parameters()).device

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """:meth:`training_step`, for what wraps the task where several processes share the gradients."""
        return self.training_step(batch)

    def training_step(self, batch: dict[str, Tensor]) -> Tensor:
        """Forward pass and loss of a batch; what else is logged of the step is left in ``step_values``.

        Args:
            batch: What :class:`lopsided.data.SplitDataset` gives: ``inputs``, ``targets``, perhaps ``mask`` and
                ``weight``.
        """
        targets, mask = batch["targets"], batch.get("mask")
        weight = self._weight(batch)
        gamma_neg = gamma_neg_of(self.criterion, device=targets.device)
        if self._last is not None:
            inputs = self._laid_out(batch["inputs"])
            loss, plain, sums = outcome(self._last, self.criterion, inputs, targets, mask, weight)
        else:
            logits = self.logits(batch["inputs"])
            goal = smoothed(targets, share=self.options.label_smoothing)
            loss = self.criterion(logits, goal, mask=mask, weight=weight)
            plain, sums = cross_entropy_and_gap(logits.detach(), targets, mask=mask)
        self.step_values = StepValues(loss.detach(), plain, gamma_neg, sums)
        return loss

    def _weight(self, batch: dict[str, Tensor]) -> Tensor | None:
        """Factor of each element of a batch, broadcasts to its logits; None for 1."""
        if (of_samples := batch.get("weight")) is None:
            return self.label_weights
        of_samples = of_samples.unsqueeze(1)
        return of_samples if self.label_weights is None else of_samples * self.label_weights

    def validation_step(self, batch: dict[str, Tensor]) -> None:
        """Collect what the metrics of the epoch are made of."""
        measured = list[tuple[Tensor, Tensor, Tensor | None]]()
        for first, logits, targets, mask in self._pieces(batch):
            plain = binary_cross_entropy(logits, targets, mask=mask, reduction="sum")
            count = torch.full_like(plain, 0 if first else len(logits))  # of the samples, once
            self._validation_sums += torch.stack([plain, count]).double().cpu()
            self._validation_gap.update(logits, targets, mask)
            some = slice(-first % self._every, None, self._every)
            known = None if mask is None else mask[:, some]
            measured.append((logits[:, some].contiguous(), targets[:, some], known))  # no view that keeps the others
        self._validation_scores.update(*(_beside(column) for column in zip(*measured, strict=True)))

    def _pieces(self, batch: dict[str, Tensor]) -> Iterator[tuple[int, Tensor, Tensor, Tensor | None]]:
        """Logits of a batch with targets and mask, of all labels or of some at a time, and the first one's number."""
        targets, mask = batch["targets"], batch.get("mask")
        if self._last is None:
            return iter([(0, self.logits(batch["inputs"]), targets, mask)])
        return pieces(self._last, self._laid_out(batch["inputs"]), targets, mask)

    def validation_metrics(self) -> dict[str, float]:
        """Metrics over the validation samples of all ranks since the last call, by their names in metrics.csv."""
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
        self._reset_validation()
        return {name: float(value.float()) for name, value in values.items()}

    @property
    def num_ranks(self) -> int:
        """Processes that train together."""
        return dist.get_world_size() if dist.is_initialized() else 1

    def all_reduced(self, values: Tensor) -> Tensor:
        """The sum of every rank's tensor, on the CPU."""
        return sum_over_ranks(values.to(self.device) if self.num_ranks > 1 else values).cpu()

    def state_to_save(self, averaged: dict[str, Tensor]) -> dict[str, Tensor]:
        """The weights that readers of a checkpoint take, with a frozen backbone that only its head is trained of.

        Args:
            averaged: Averaged tensors of the network, by their names in it.
        """
        state = self.state_dict()
        kept = {f"model.{name}": value for name, value in averaged.items() if f"model.{name}" in state}
        return state | kept | self.frozen

    def _reset_validation(self) -> None:
        self._validation_scores, self._validation_gap = CollectedScores(), ProbabilityGap()
        self._validation_sums = torch.zeros(2, dtype=torch.float64)  # cross-entropy, samples


def _beside(parts: Sequence[Tensor | None]) -> Any:
    """Labels that belong beside each other."""
    if len(parts) == 1:
        return parts[0]
    return None if parts[0] is None else torch.cat([part for part in parts if part is not None], dim=1)
