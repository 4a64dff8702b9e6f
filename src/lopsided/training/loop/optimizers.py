"""The optimiser of a run and its learning rate over the steps."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from lopsided.models import SparseLinear, parameter_groups
from lopsided.runs.config import TrainingOptions
from lopsided.training.loop.row_steps import WithRowSteps

ROW_RATE = 50.0
"""Share of the learning rate at which a sparse layer learns: its rows take steps of Adagrad, whose rates are of another
size than Adam's."""

BIAS_RATE = 150.0
"""The same of its bias, whose steps are Adam's: one that lags behind the rows costs precision of the first labels."""


ONE_CYCLE_WARMUP = 0.3
"""Share of the steps over which one cycle rises."""

MOMENTUM = 0.9
"""Of sgd, by Nesterov's rule."""


def build_optimizer(model: nn.Module, options: TrainingOptions, *, layer_decay: float | None = None) -> Optimizer:
    """The optimiser that the options name, over what is trained of a network; Adagrad for sparse layers.

    Args:
        model: The network.
        options: How to train.
        layer_decay: Factor on the learning rate from each layer of a backbone to the one below it, in (0, 1].

    Returns:
        The optimiser; ``lr_scale`` of each of its groups is the group's share of the learning rate.

    Source: Loshchilov and Hutter, Decoupled weight decay regularization, ICLR 2019.
    """
    groups = parameter_groups(model, weight_decay=options.weight_decay, layer_decay=layer_decay)
    layers = [module for module in model.modules() if isinstance(module, SparseLinear)]
    if not layers:
        return _dense(groups, options)
    sparse = {id(parameter) for layer in layers for parameter in layer.parameters()}
    for group in groups:
        group["params"] = [parameter for parameter in group["params"] if id(parameter) not in sparse]
    groups = [group for group in groups if group["params"]]
    for layer in layers:
        groups.append({"params": [layer.weight], "weight_decay": options.weight_decay, "lr_scale": ROW_RATE})
        groups.append({"params": [layer.bias], "weight_decay": 0.0, "lr_scale": BIAS_RATE})
    return WithRowSteps(groups, layers=layers, learning_rate=options.learning_rate)


def _dense(groups: list[dict[str, Any]], options: TrainingOptions) -> Optimizer:
    rate = options.learning_rate
    # A fused optimiser divides gradients by the scale of float16 by itself, after the moment at which they are clipped.
    fused = options.clip_norm is None or options.precision != "float16"
    match options.optimizer:
        case "nadam":
            return torch.optim.NAdam(groups, lr=rate, decoupled_weight_decay=True)
        case "radam":
            return torch.optim.RAdam(groups, lr=rate, decoupled_weight_decay=True)
        case "sgd":
            return torch.optim.SGD(groups, lr=rate, momentum=MOMENTUM, nesterov=True, fused=fused)
    return torch.optim.AdamW(groups, lr=rate, fused=fused)


def build_schedule(optimizer: Optimizer, options: TrainingOptions, *, batches: int) -> LRScheduler:
    """The learning rate over the whole run.

    Args:
        optimizer: What :func:`build_optimizer` gave.
        options: How to train; ``schedule`` and ``warmup`` say how.
        batches: Batches of an epoch, on each device.

    Source: Smith and Topin, Super-convergence, 2018, for one cycle; Loshchilov and Hutter, SGDR, ICLR 2017, for the
    cosine.
    """
    steps = max(math.ceil(batches / options.accumulate) * options.epochs, 2)
    highest = [options.learning_rate * group["lr_scale"] for group in optimizer.param_groups]
    if options.schedule == "one_cycle":
        rises = ONE_CYCLE_WARMUP if options.warmup is None else options.warmup
        return torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=highest, total_steps=steps, pct_start=rises)
    for group, rate in zip(optimizer.param_groups, highest, strict=True):
        group["lr"] = rate
    warmup = round((options.warmup or 0.0) * steps)
    return torch.optim.lr_scheduler.LambdaLR(optimizer, partial(_share, options.schedule, warmup, steps))


def _share(schedule: str, warmup: int, steps: int, step: int) -> float:
    """Share of the highest learning rate that a step is taken with.

    >>> [_share("linear", 2, 6, step) for step in range(6)]
    [0.5, 1.0, 1.0, 0.75, 0.5, 0.25]
    """
    if step < warmup:
        return (step + 1) / warmup
    done = min((step - warmup) / max(steps - warmup, 1), 1.0)
    match schedule:
        case "cosine":
            return (1 + math.cos(math.pi * done)) / 2
        case "linear":
            return 1 - done
    return 1.0
