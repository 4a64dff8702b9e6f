"""The training of one chunk of a grid, step by step as the trainer does it."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lopsided.asymmetry import gap_of
from lopsided.data import Data, SplitDataset
from lopsided.experiments.grid.run import GridRun
from lopsided.experiments.grid.run_losses import RunLosses, sums_of_runs
from lopsided.experiments.grid.stack import Stack
from lopsided.metrics import mean_average_precision
from lopsided.metrics.catalogue import measure, undefined
from lopsided.metrics.ranked.frequencies import Frequencies
from lopsided.models import Standardise
from lopsided.runs.config import TrainingOptions
from lopsided.runs.loss.calibrators import ClosedForm, closed_form
from lopsided.training.loop.loaders import EpochBatches
from lopsided.training.loop.optimizers import BIAS_RATE, ROW_RATE
from lopsided.training.loop.row_steps import WithRowSteps
from lopsided.training.loop.weight_average import kept_share

_SCORED_AT_ONCE = 1024  # samples


class _Batch(NamedTuple):
    inputs: Tensor  # (samples, features), on one scale, or sparse
    targets: Tensor  # (samples, labels)
    mask: Tensor | None


class GridTraining:
    """Runs that train together.

    Args:
        table: The data.
        runs: Sorted by :func:`alike`, each with its weight decay.
        network: First network of a seed.
        options: How to train.
        device: Where.
    """

    def __init__(
        self,
        table: Data,
        runs: Sequence[GridRun],
        network: Callable[[int], nn.Module],
        options: TrainingOptions,
        device: torch.device,
    ) -> None:
        self.table, self.runs, self.options, self.device = table, runs, options, device
        groups = [list(group) for _, group in itertools.groupby(runs, key=alike)]
        self.first = [group[0] for group in groups]  # of each stack
        self.seeds = [run.seed for run in self.first]
        first = {seed: network(seed) for seed in dict.fromkeys(self.seeds)}
        self.stacks = [Stack(first[group[0].seed], len(group)).to(device) for group in groups]
        self.scale = _scale_of(next(iter(first.values())), table).to(device)
        self.average = [stack.averaged() for stack in self.stacks]
        self.best = [copy.deepcopy(stack).requires_grad_(False) for stack in self.average]
        labels = table.labels.take(table.rows("train"))
        self.losses = RunLosses(
            [run.loss for run in runs],
            num_labels=len(labels.names),
            device=device,
            positives=labels.positives_per_label().tolist(),
            num_samples=len(labels),
            known=labels.known_per_label().tolist(),
            total_steps=options.epochs * len(EpochBatches(len(labels), options.batch_size, seed=0)),
        )
        self.training = Frequencies(labels.positives_per_label(), len(labels))
        self.val_mAP: list[list[float]] = [[] for _ in runs]
        self.val_gap = [math.nan] * len(runs)
        self.best_state = [self.losses.kept_state(run) for run in range(len(runs))]
        self.gaps: list[Tensor] = []  # of the steps of the last epoch
        self.gamma_neg = self.losses.gamma_neg(len(runs))  # of the last of them

    def train(self, on_epoch: Callable[[int], object] | None = None) -> None:
        """All epochs; after each, the validation of every run's averaged weights."""
        dataset = SplitDataset(self.table, split="train")
        orders = {
            seed: EpochBatches(len(dataset), self.options.batch_size, seed=seed) for seed in dict.fromkeys(self.seeds)
        }
        optimizer = self._optimizer()
        steps = self.options.epochs * len(orders[self.seeds[0]])
        rates = [group["lr"] for group in optimizer.param_groups]
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=rates, total_steps=max(steps, 2))
        step = 0
        for epoch in range(self.options.epochs):
            for order in orders.values():
                order.set_epoch(epoch)
            for positions in zip(*orders.values(), strict=True):
                batches = {seed: self._batch(dataset, part) for seed, part in zip(orders, positions, strict=True)}
                self._step(batches, optimizer, is_last=epoch == self.options.epochs - 1)
                schedule.step()
                self._take_into_average(step)
                step += 1
            self._validate()
            if on_epoch is not None:
                on_epoch(len(self.runs))

    def outcomes(self, *, test: bool) -> list[dict[str, Any]]:
        """What each run came to, by the names of an outcome's fields."""
        gaps = torch.stack(self.gaps).nanmean(dim=0).tolist()
        gamma_neg = self.gamma_neg.tolist()
        tested = self._tested() if test else [{} for _ in self.runs]
        return [
            {
                "val_mAP": tuple(self.val_mAP[run]),
                "best_epoch": best_epoch_of(self.val_mAP[run]),
                "val_gap": self.val_gap[run],
                "gap": gaps[run],
                "gamma_neg": gamma_neg[run],
                "test": tested[run],
            }
            for run in range(len(self.runs))
        ]

    def _optimizer(self) -> torch.optim.Optimizer:
        groups, layers = [], []
        for stack, run in zip(self.stacks, self.first, strict=True):
            rate, decay = run.learning_rate, run.weight_decay
            groups.append({"params": [*stack.weights], "lr": rate, "weight_decay": decay})
            groups.append({"params": [*stack.biases], "lr": rate, "weight_decay": 0.0})
            if (layer := stack.sparse) is not None:
                layers.append(layer)
                groups.append({"params": [layer.weight], "lr": ROW_RATE * rate, "weight_decay": decay})
                groups.append({"params": [layer.bias], "lr": BIAS_RATE * rate, "weight_decay": 0.0})
        groups = [group for group in groups if group["params"]]
        if layers:
            return WithRowSteps(groups, layers=layers, learning_rate=self.first[0].learning_rate)
        return torch.optim.AdamW(groups, fused=True)

    def _batch(self, dataset: SplitDataset, positions: Sequence[int]) -> _Batch:
        batch = {name: part.to(self.device) for name, part in dataset[positions].items()}
        return _Batch(self.scale(batch["inputs"]), batch["targets"], batch.get("mask"))

    def _step(self, batches: dict[int, _Batch], optimizer: torch.optim.Optimizer, *, is_last: bool) -> None:
        seen = [batches[seed] for seed in self.seeds]
        logits = torch.cat([stack(batch.inputs) for stack, batch in zip(self.stacks, seen, strict=True)])
        targets, mask = self._of_runs([batch.targets for batch in seen]), self._of_runs([batch.mask for batch in seen])
        assert targets is not None
        if is_last:
            self.gamma_neg = self.losses.gamma_neg(len(self.runs))
            self.gaps.append(gap_of(sums_of_runs(logits.detach(), targets, mask=mask)).gap)
        optimizer.zero_grad(set_to_none=True)
        self.losses(logits, targets, mask=mask).backward()
        optimizer.step()

    def _of_runs(self, parts: Sequence[Tensor | None]) -> Tensor | None:
        """What each stack's batch holds, shape ``(samples, labels)``, for each run; one batch takes no memory."""
        wide = [
            part.expand(stack.num_runs, *part.shape)
            for stack, part in zip(self.stacks, parts, strict=True)
            if part is not None
        ]
        return None if not wide else wide[0] if len(wide) == 1 else torch.cat(wide)

    @torch.no_grad()
    def _take_into_average(self, step: int) -> None:
        # The first step is the average, as with the trainer's.
        kept = float(kept_share(torch.tensor(float(step)), self.options.ema_decay)) if step else 0.0
        for averaged, stack in zip(self.average, self.stacks, strict=True):
            for mean, current in zip(averaged.of_its_own(), stack.of_its_own(), strict=True):
                mean.lerp_(current, 1 - kept)

    def _validate(self) -> None:
        run = 0
        for averaged, best in zip(self.average, self.best, strict=True):
            logits, targets, mask = self._scored(averaged, "val")
            wide = None if mask is None else mask.expand(logits.shape)
            gaps = gap_of(sums_of_runs(logits, targets.expand(logits.shape), mask=wide)).gap.tolist()
            for place in range(averaged.num_runs):
                found = self.val_mAP[run]
                found.append(_map_of(logits[place], targets, mask))
                if best_epoch_of(found) == len(found):
                    self.val_gap[run] = gaps[place]
                    self.best_state[run] = self.losses.kept_state(run)
                    best.take(averaged, place)
                run += 1

    def _tested(self) -> list[dict[str, float]]:
        results: list[dict[str, float]] = []
        for stack in self.best:
            logits, targets, mask = self._scored(stack, "test")
            for one in logits:
                run = len(results)
                calibrator = closed_form(self.runs[run].loss, self.best_state[run], num_labels=targets.shape[-1])
                results.append(_metrics(one, targets, mask, calibrator, self.training))
        return results

    @torch.no_grad()
    def _scored(self, stack: Stack, split: str) -> tuple[Tensor, Tensor, Tensor | None]:
        """Logits of a stack's runs, ``(runs, samples, labels)``, with targets and mask, ``(samples, labels)``."""
        dataset = SplitDataset(self.table, split=split)
        batches = [self._batch(dataset, part) for part in _parts(len(dataset))]
        logits = torch.cat([stack(batch.inputs) for batch in batches], dim=1)
        masks = [batch.mask for batch in batches if batch.mask is not None]
        return logits, torch.cat([batch.targets for batch in batches]), torch.cat(masks) if masks else None


def alike(run: GridRun) -> tuple[int, float, float | None]:
    """What runs have in common that are one stack: seed, learning rate and weight decay."""
    return run.seed, run.learning_rate, run.weight_decay


def choose_device(options: TrainingOptions) -> torch.device:
    """The device that the options ask for; raises ValueError for a GPU that is not there."""
    if options.accelerator == "gpu" and not torch.cuda.is_available():
        raise ValueError("expected a GPU for training.accelerator=gpu, got a machine without one")
    return torch.device("cuda" if options.accelerator != "cpu" and torch.cuda.is_available() else "cpu")


def _scale_of(network: nn.Module, table: Data) -> nn.Module:
    """The layer that brings features to one scale, measured on the training split."""
    scale = next((part for part in network.modules() if isinstance(part, Standardise)), None)
    if scale is None:
        return nn.Identity()
    scale.fit(table.matrix(table.rows("train")))
    return scale


def _parts(count: int) -> Iterator[range]:
    for start in range(0, count, _SCORED_AT_ONCE):
        yield range(start, min(start + _SCORED_AT_ONCE, count))


def best_epoch_of(found: Sequence[float]) -> int:
    """Number, from 1, of the first epoch with the highest value; the last where no value is a number."""
    numbers = [(-value, epoch) for epoch, value in enumerate(found, start=1) if math.isfinite(value)]
    return min(numbers)[1] if numbers else len(found)


def _map_of(logits: Tensor, targets: Tensor, mask: Tensor | None) -> float:
    if not logits.isfinite().all():
        return math.nan
    return float(mean_average_precision(logits, targets, mask=mask))


def _metrics(
    logits: Tensor, targets: Tensor, mask: Tensor | None, calibrator: ClosedForm, training: Frequencies
) -> dict[str, float]:
    if not logits.isfinite().all():
        return undefined()
    return measure(logits, calibrator(logits), targets, mask=mask, training=training)
