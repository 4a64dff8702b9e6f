"""Less memory for more time: activations that are computed again on the way back."""

from typing import Any

from torch import nn

from lopsided.models.images.network import ImageNetwork
from lopsided.models.texts.network import TextNetwork


def keep_fewer_activations(model: nn.Module) -> None:
    """Let a backbone keep the activations between its blocks alone while training, and compute the others twice.

    Args:
        model: A network with a backbone of timm or of transformers, changed in place.

    Raises:
        ValueError: It has no backbone, a frozen one, or one that cannot do this.

    Source: Chen et al., Training deep nets with sublinear memory cost, 2016.
    """
    if not isinstance(model, ImageNetwork | TextNetwork):
        raise ValueError("expected a backbone for training.gradient_checkpointing, got a network without one")
    if model.frozen:
        raise ValueError(
            "expected training.gradient_checkpointing with a backbone that is trained, got model.frozen=true: nothing "
            "goes back through it"
        )
    network: Any = model.backbone.network
    try:
        if isinstance(model, TextNetwork):
            network.gradient_checkpointing_enable()
        else:
            network.set_grad_checkpointing(True)
    except (AttributeError, AssertionError, ValueError):
        raise ValueError(
            f"expected a backbone that can compute activations again for training.gradient_checkpointing, got "
            f"{model.backbone.name}"
        ) from None
