"""The steps of a run: what a batch changes, and what a checkpoint keeps of it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from lopsided.asymmetry import AdaptiveAsymmetricLoss
from lopsided.training.loop.optimizers import build_optimizer, build_schedule
from lopsided.training.loop.task import MultiLabelTask
from lopsided.training.loop.weight_average import WeightAverage


class Steps:
    """Moves a network on, batch by batch.

    Args:
        task: Network and loss; moved to the device of this process.
        fabric: Devices, processes and precision.
        batches: Batches of an epoch, on each device.
        seed: Decides what is drawn in each step.
    """

    def __init__(self, task: MultiLabelTask, fabric: Fabric, *, batches: int, seed: int) -> None:
        fabric.to_device(task)
        self.task, self.fabric, self.batches, self.seed = task, fabric, batches, seed
        self.options = task.options
        self.optimizer = build_optimizer(task.model, self.options, layer_decay=task.layer_decay)
        if isinstance(task.criterion, AdaptiveAsymmetricLoss):
            task.criterion.total_steps = batches * self.options.epochs
        self.schedule = build_schedule(self.optimizer, self.options, batches=batches)
        self.average = WeightAverage(task.model, self.options.ema_decay)
        self.trained = fabric.strategy.setup_module(task)
        self.count = 0  # steps of the optimiser
        self._parameters = [part for group in self.optimizer.param_groups for part in group["params"]]

    @property
    def learning_rate(self) -> float:
        """Of the next step, in the first group of parameters."""
        return self.optimizer.param_groups[0]["lr"]

    def take(self, batch: dict[str, Tensor], *, epoch: int, number: int) -> None:
        """Learn from a batch; the optimiser takes a step after every ``accumulate`` of them, and after the last one.

        Args:
            batch: On any device.
            epoch: From 0.
            number: Of the batch in the epoch, from 0.
        """
        self._seed(epoch, number)
        accumulate, fabric = self.options.accumulate, self.fabric
        is_step = (number + 1) % accumulate == 0 or number + 1 == self.batches
        with self._without_sync() if not is_step else nullcontext():
            with fabric.autocast():
                loss = self.trained(self.moved(batch))
            fabric.backward(loss / accumulate if accumulate > 1 else loss)
        if is_step:
            if self.options.clip_norm is not None:
                fabric.clip_gradients(
                    self.task, self.optimizer, max_norm=self.options.clip_norm, error_if_nonfinite=False
                )
            fabric.strategy.optimizer_step(self.optimizer)
            for parameter in self._parameters:  # Optimizer.zero_grad takes longer to do the same
                parameter.grad = None
            self.schedule.step()
            self.count += 1
            self.average.update()

    def moved(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """A batch on the device of this process."""
        device = self.fabric.device
        if device.type == "cpu":
            return batch
        return {name: value.to(device, non_blocking=device.type == "cuda") for name, value in batch.items()}

    def state_dict(self) -> dict[str, Any]:
        """All that the next step depends on."""
        scaler = self.fabric.strategy.precision.state_dict()
        return {
            "global_step": self.count,
            "state_dict": self.task.state_to_save(self.average.state_dict()),
            "current_model_state": self.task.state_dict(),
            "averaging_state": {"n_averaged": torch.tensor(self.average.count)},
            "optimizer_states": [self.optimizer.state_dict()],
            "lr_schedulers": [self.schedule.state_dict()],
            **({"MixedPrecision": scaler} if scaler else {}),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint, of this version or of one that was trained by Lightning's Trainer."""
        self.task.load_state_dict(state["current_model_state"])
        kept = {n.removeprefix("model."): value for n, value in state["state_dict"].items() if n.startswith("model.")}
        self.average.load(kept, count=int(state["averaging_state"]["n_averaged"]))
        self.optimizer.load_state_dict(state["optimizer_states"][0])
        self.schedule.load_state_dict(state["lr_schedulers"][0])
        self.fabric.strategy.precision.load_state_dict(state.get("MixedPrecision", {}))
        self.count = state["global_step"]

    def _without_sync(self) -> AbstractContextManager[None]:
        """Gradients of batches that are only added up stay with their rank."""
        return self.trained.no_sync() if isinstance(self.trained, DistributedDataParallel) else nullcontext()

    def _seed(self, epoch: int, number: int) -> None:
        """Draws of a step (dropout) depend on the seed, the step and the rank, so that a resumed run repeats them."""
        # Mixed, not added up: epoch 1 of a seed must not repeat the draws of epoch 0 of the next seed.
        place = [self.seed, epoch, number, self.fabric.global_rank]
        seed = int(np.random.SeedSequence(np.array(place, np.uint32)).generate_state(1, np.uint64)[0])
        torch.default_generator.manual_seed(seed)  # torch.manual_seed notes a stack trace for each kind of device
        if self.fabric.device.type == "cuda":
            torch.cuda.manual_seed(seed)
        elif self.fabric.device.type == "mps":
            torch.mps.manual_seed(seed)
