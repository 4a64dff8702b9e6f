"""Where a network's logits start, before the first step."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lopsided.data.labels import Labels
from lopsided.models.images.network import ImageNetwork
from lopsided.models.options import ModelOptions
from lopsided.models.sparse import SparseLinear


def start_head(model: nn.Module, options: ModelOptions, *, labels: Labels) -> None:
    """Set the bias and the width of the last layer as the options say.

    Args:
        model: A network that ends in one layer with a bias for each label, changed in place.
        options: ``head_bias`` and ``head_scale``; one that is None leaves what the layer was made with, but where
            nothing is known yet (small_cnn, a backbone with pretrained=false) and on sparse inputs the bias is prior: a
            rare label would spend its few positives on saying that it is rare.
        labels: Of the training samples.

    Raises:
        ValueError: The last layer has another number of biases.

    Source: Lin et al., Focal Loss for Dense Object Detection, ICCV 2017, section 3.3, for a bias that says how rare
    positives are.
    """
    start = options.head_bias
    if start is None:
        start = "prior" if _knows_nothing(model, options) else "drawn"
    if start == "drawn" and options.head_scale is None:
        return
    bias, weight = _last_layer(model, num_labels=len(labels.names))
    with torch.no_grad():
        if start == "prior":
            bias.copy_(torch.from_numpy(labels.log_odds()))
        elif start == "zero":
            bias.zero_()
        if options.head_scale is not None:
            weight.mul_(options.head_scale)


def _knows_nothing(model: nn.Module, options: ModelOptions) -> bool:
    """Whether inputs are sparse, or images for a network without trained weights."""
    layers = list(model.modules())
    if any(isinstance(layer, ImageNetwork) for layer in layers):
        return options.pretrained is False
    return any(isinstance(layer, SparseLinear | nn.Conv2d) for layer in layers)


def _last_layer(model: nn.Module, *, num_labels: int) -> tuple[Tensor, Tensor]:
    """Bias and weight of the last layer, which alone has a bias for each label where modules stand in their order."""
    for layer in reversed(list(model.modules())):
        bias, weight = getattr(layer, "bias", None), getattr(layer, "weight", None)
        if isinstance(bias, Tensor) and isinstance(weight, Tensor):
            if bias.shape != (num_labels,):
                break
            return bias, weight
    raise ValueError(f"expected a network whose last layer has a bias for each of {num_labels} labels, got another")
