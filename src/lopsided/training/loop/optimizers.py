"""The optimiser of a run."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim import Optimizer

from lopsided.models import parameter_groups
from lopsided.runs.config import TrainingOptions


def build_optimizer(model: nn.Module, options: TrainingOptions, *, layer_decay: float | None = None) -> Optimizer:
    """Adam with true weight decay, over the parameters of a network that are trained.

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
    fused = options.clip_norm is None or options.precision == "float32"
    return torch.optim.AdamW(groups, lr=options.learning_rate, fused=fused)
