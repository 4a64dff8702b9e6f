"""The optimiser of a run and the cycle of its learning rate."""

from __future__ import annotations

import math

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


def build_optimizer(model: nn.Module, options: TrainingOptions, *, layer_decay: float | None = None) -> Optimizer:
    """Adam with true weight decay, over the parameters of a network that are trained; Adagrad for sparse layers.

    Args:
        model: The network.
        options: How to train.
        layer_decay: Factor on the learning rate from each layer of a backbone to the one below it, in (0, 1].

    Returns:
        The optimiser; ``lr_scale`` of each of its groups is the group's share of the learning rate.

    Source: Loshchilov and Hutter, Decoupled weight decay regularization, ICLR 2019.
    """
    groups = parameter_groups(model, weight_decay=options.weight_decay, layer_decay=layer_decay)
    # A fused optimiser divides gradients by the scale of float16 by itself, after the moment at which they are clipped.
    fused = options.clip_norm is None or options.precision != "float16"
    layers = [module for module in model.modules() if isinstance(module, SparseLinear)]
    if not layers:
        return torch.optim.AdamW(groups, lr=options.learning_rate, fused=fused)
    sparse = {id(parameter) for layer in layers for parameter in layer.parameters()}
    for group in groups:
        group["params"] = [parameter for parameter in group["params"] if id(parameter) not in sparse]
    groups = [group for group in groups if group["params"]]
    for layer in layers:
        groups.append({"params": [layer.weight], "weight_decay": options.weight_decay, "lr_scale": ROW_RATE})
        groups.append({"params": [layer.bias], "weight_decay": 0.0, "lr_scale": BIAS_RATE})
    return WithRowSteps(groups, layers=layers, learning_rate=options.learning_rate)


def build_schedule(optimizer: Optimizer, options: TrainingOptions, *, batches: int) -> LRScheduler:
    """One cycle of the learning rate over the whole run: up to the highest, and down to nearly 0.

    Args:
        optimizer: What :func:`build_optimizer` gave.
        options: How to train.
        batches: Batches of an epoch, on each device.

    Source: Smith and Topin, Super-convergence, 2018.
    """
    steps = math.ceil(batches / options.accumulate) * options.epochs
    highest = [options.learning_rate * group["lr_scale"] for group in optimizer.param_groups]
    return torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=highest, total_steps=max(steps, 2))
