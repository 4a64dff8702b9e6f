"""A network in two parts: what makes features, and the linear layer that makes logits of them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from lopsided.models.images.network import ImageNetwork
from lopsided.models.sparse import SparseLinear
from lopsided.models.texts.network import TextNetwork


class LastLayer(NamedTuple):
    """A network in two parts, which share their tensors with it."""

    body: nn.Module  # from inputs to features
    layer: nn.Linear | SparseLinear  # from features to logits

    @property
    def is_alone(self) -> bool:
        """Whether the layer is the whole network: its features are the inputs."""
        return isinstance(self.body, nn.Identity)

    @property
    def num_labels(self) -> int:
        """Number of labels."""
        return self.layer.width if isinstance(self.layer, SparseLinear) else self.layer.out_features

    @property
    def width(self) -> int:
        """Number of features."""
        return self.layer.num_features if isinstance(self.layer, SparseLinear) else self.layer.in_features

    def logits(self, features: Tensor, part: slice) -> Tensor:
        """Logits of some labels, in float32, shape ``(samples, labels in part)``."""
        layer = self.layer
        if isinstance(layer, SparseLinear):
            return torch.sparse.mm(features, layer.weight[:, part]) + layer.bias[part]
        return nn.functional.linear(features, layer.weight[part], None if layer.bias is None else layer.bias[part])


def last_layer(network: nn.Module) -> LastLayer | None:
    """The last layer of a network and what stands before it, or None where the last one is not linear."""
    if isinstance(network, nn.Linear | SparseLinear):
        return LastLayer(nn.Identity(), network)
    if isinstance(network, ImageNetwork):
        network = nn.Sequential(network.pixels, network.backbone, network.head)
    elif isinstance(network, TextNetwork):
        network = nn.Sequential(network.backbone, network.head)
    if not isinstance(network, nn.Sequential) or not len(network):
        return None
    found = last_layer(network[-1])
    return None if found is None else found._replace(body=nn.Sequential(*list(network)[:-1], found.body))
