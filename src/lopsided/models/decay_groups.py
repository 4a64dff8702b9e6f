"""Which parameters decay, and how fast each layer learns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from lopsided.models.images.network import ImageNetwork
from lopsided.models.texts.network import TextNetwork


def parameter_groups(
    model: nn.Module, *, weight_decay: float, layer_decay: float | None = None
) -> list[dict[str, Any]]:
    """Groups for an optimiser: matrices and kernels decay; biases, normalisation and what the backbone exempts do not.
    With ``layer_decay``, each layer has its own learning rate.

    Args:
        model: A network; parameters that need no gradient are left out.
        weight_decay: The decay of those parameters that decay, >= 0.
        layer_decay: Factor on the learning rate from each layer of a backbone to the one below it, in (0, 1]; the head
            learns at the full rate. With None, all layers do.

    Returns:
        ``params``, ``weight_decay`` and ``lr_scale`` (a factor on the learning rate, in (0, 1]) of each group; no group
        is empty.

    >>> [(len(group["params"]), group["weight_decay"]) for group in parameter_groups(nn.Linear(2, 3), weight_decay=0.1)]
    [(1, 0.1), (1, 0.0)]

    Source: Clark et al., ELECTRA, ICLR 2020, for the layer-wise decay.
    """
    scales, exempt = _of_backbone(model, layer_decay)
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            decays = parameter.dim() > 1 and name not in exempt
            groups.setdefault((scales.get(name, 1.0), decays), []).append(parameter)
    return [
        {"params": parameters, "weight_decay": weight_decay if decays else 0.0, "lr_scale": scale}
        for (scale, decays), parameters in sorted(groups.items(), key=lambda item: item[0], reverse=True)
    ]


def _of_backbone(model: nn.Module, layer_decay: float | None) -> tuple[Mapping[str, float], set[str]]:
    """The learning rate factor of each parameter, by name, and the names of those that don't decay."""
    if isinstance(model, TextNetwork) and layer_decay is not None:
        of = model.backbone.layer_of()
        top = max(of.values()) + 1
        return {f"backbone.{name}": layer_decay ** (top - layer) for name, layer in of.items()}, set()
    if not isinstance(model, ImageNetwork):
        return {}, set()
    network: Any = model.backbone.network
    exempt = set(network.no_weight_decay()) if hasattr(network, "no_weight_decay") else set()
    prefix = "backbone.network."
    if layer_decay is None:
        return {}, {prefix + name for name in exempt}
    from timm.models import group_parameters  # imported here because it takes seconds

    layers: Any = group_parameters(network, network.group_matcher(coarse=False), reverse=True)
    top = max(layers.values()) + 1
    scales = {prefix + name: layer_decay ** (top - layer) for name, layer in layers.items()}
    return scales, {prefix + name for name in exempt}
