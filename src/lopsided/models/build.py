"""From a name and the shape of an input to a network."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from torch import nn

from lopsided.models.mlp import linear, mlp
from lopsided.models.small_cnn import small_cnn
from lopsided.models.standardise import Standardise

ModelName = Literal["auto", "linear", "mlp", "small_cnn"]


@dataclass(frozen=True)
class ModelOptions:
    """Which network to train.

    Args:
        name: auto (small_cnn for images, mlp for tables), linear, mlp or small_cnn.
        width: Hidden units of mlp (default 512), or channels after the first convolution of small_cnn (default 32).
        dropout: Share of hidden units silenced while training, in [0, 1); not for linear.
    """

    name: ModelName = "auto"
    width: int | None = None  # units or channels
    dropout: float = 0.0  # share

    def __post_init__(self) -> None:
        if self.name not in get_args(ModelName):
            raise ValueError(f"model.name must be one of {', '.join(get_args(ModelName))}, got {self.name!r}")
        if self.width is not None and self.width < 1:
            raise ValueError(f"model.width must be at least 1, got {self.width}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"model.dropout must lie in [0, 1), got {self.dropout}")
        if self.name == "linear" and (self.width is not None or self.dropout):
            raise ValueError("model.width and model.dropout have no effect with model.name=linear: leave them out")


def build_model(options: ModelOptions, *, input_shape: tuple[int, ...], num_labels: int) -> nn.Module:
    """The network that the options name.

    Args:
        options: Name and sizes.
        input_shape: Shape of one input: ``(features,)``, or ``(channels, height, width)`` of an image.
        num_labels: Size of the output, logits of shape ``(samples, num_labels)``.

    Raises:
        ValueError: small_cnn was asked for inputs that are no images of at least 8 x 8.

    >>> build_model(ModelOptions(name="linear"), input_shape=(499,), num_labels=374)
    Sequential(
      (0): Standardise()
      (1): Linear(in_features=499, out_features=374, bias=True)
    )
    """
    is_image = len(input_shape) == 3
    name = options.name if options.name != "auto" else ("small_cnn" if is_image else "mlp")
    if name == "small_cnn":
        if not is_image or min(input_shape[1:]) < 8:
            raise ValueError(f"small_cnn needs images of shape (channels, height, width) from 8 x 8, got {input_shape}")
        return small_cnn(input_shape[0], num_labels, width=options.width or 32, dropout=options.dropout)
    num_features = math.prod(input_shape)
    if name == "linear":
        network = linear(num_features, num_labels)
    else:
        network = mlp(num_features, num_labels, hidden=options.width or 512, dropout=options.dropout)
    return nn.Sequential(nn.Flatten() if len(input_shape) > 1 else Standardise(num_features), network)
