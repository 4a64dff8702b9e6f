"""From options and the shape of an input to a network."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from lopsided.models.images.backbones import backbone, mean_and_std
from lopsided.models.images.heads import linear_head
from lopsided.models.images.ml_decoder import MLDecoder
from lopsided.models.images.network import ImageNetwork
from lopsided.models.images.pixels import Pixels
from lopsided.models.images.small_cnn import small_cnn
from lopsided.models.of_features import linear, mlp
from lopsided.models.options import BUILT_IN, ModelOptions, resolved, usual_kind
from lopsided.models.sparse import sparse_linear, sparse_mlp
from lopsided.models.standardise import Standardise
from lopsided.models.texts.encoders import encoder as text_encoder
from lopsided.models.texts.files import is_encoder
from lopsided.models.texts.network import TextNetwork


def build_model(
    options: ModelOptions,
    *,
    input_shape: tuple[int, ...],
    num_labels: int,
    kind: str | None = None,
    load_weights: bool = True,
    encoder: Mapping[str, Any] | None = None,
) -> nn.Module:
    """The network that the options name.

    Args:
        options: The name of the network and its settings.
        input_shape: Shape of one input: ``(features,)``, or ``(channels, height, width)`` of an image.
        num_labels: Size of the output, logits of shape ``(samples, num_labels)``.
        kind: Whether the inputs are features, sparse, images, arrays or tokens; by default :func:`usual_kind` of the
            shape.
        encoder: What config.json of a text encoder holds, where the inputs are tokens.
        load_weights: Whether a backbone loads the weights that the options name; False where those of a run follow.

    Returns:
        A network whose images may be uint8 or floating point in [0, 1]; with a backbone, an :class:`ImageNetwork`;
        of tokens, a ``TextNetwork``.

    Raises:
        ModuleNotFoundError: The network is a backbone and timm cannot be imported.
        ValueError: The network does not take such inputs, or the weights cannot be loaded.

    >>> build_model(ModelOptions(name="linear"), input_shape=(499,), num_labels=374)
    Sequential(
      (0): Standardise()
      (1): Linear(in_features=499, out_features=374, bias=True)
    )
    """
    kind = kind or usual_kind(input_shape)
    if kind == "tokens":
        return _text_network(options, encoder or {}, num_labels, load_weights=load_weights)
    if kind not in (*_FIRST_LAYERS, "sparse"):
        raise ValueError(f"expected kind to be one of {', '.join(_FIRST_LAYERS)}, sparse or tokens, got {kind}")
    options = resolved(options, input_shape=input_shape, kind=kind)
    if is_encoder(options.name):
        raise ValueError(f"expected texts for {options.name}, a text encoder, got {kind}")
    if options.name not in BUILT_IN:
        if kind != "images" or input_shape[0] != 3:
            raise ValueError(f"expected images of shape (3, height, width) for {options.name}, got {input_shape}")
        return _image_network(options, input_shape, num_labels, load_weights=load_weights)
    dropout = options.dropout or 0.0
    if options.name == "small_cnn":
        if kind != "images" or min(input_shape[1:]) < 8:
            raise ValueError(
                f"expected images of shape (channels, height, width), at least 8 x 8, for small_cnn, got {input_shape}"
            )
        return _on_pixels(small_cnn(input_shape[0], num_labels, width=options.width or 32, dropout=dropout))
    if options.name == "tfidf" and kind != "sparse":
        raise ValueError(f"expected texts for tfidf, got {kind}")
    num_features = math.prod(input_shape)
    if kind == "sparse":
        if options.name in ("linear", "tfidf"):
            return sparse_linear(num_features, num_labels)
        return sparse_mlp(num_features, num_labels, hidden=options.width or 512, dropout=dropout)
    if options.name == "linear":
        network = linear(num_features, num_labels)
    else:
        network = mlp(num_features, num_labels, hidden=options.width or 512, dropout=dropout)
    return _FIRST_LAYERS[kind](num_features, network)


def _on_pixels(network: nn.Module) -> nn.Sequential:
    # The layers are named as in the checkpoints of earlier runs.
    return nn.Sequential(OrderedDict([("pixels", Pixels()), *network.named_children()]))


_FIRST_LAYERS: dict[str, Callable[[int, nn.Module], nn.Sequential]] = {
    "features": lambda num_features, network: nn.Sequential(Standardise(num_features), network),
    "arrays": lambda _, network: nn.Sequential(nn.Flatten(), network),
    "images": lambda _, network: _on_pixels(nn.Sequential(nn.Flatten(), network)),
}
"""What turns inputs of each kind into the rows of numbers that linear and mlp take."""


def _text_network(
    options: ModelOptions, config: Mapping[str, Any], num_labels: int, *, load_weights: bool
) -> TextNetwork:
    if not is_encoder(options.name):
        raise ValueError(f"expected a text encoder for tokens, got {options.name}")
    trained = text_encoder(
        options.name,
        config,
        pooling=options.pooling or "mean",
        pretrained=load_weights and options.pretrained is not False,
        weights=options.weights,
    )
    head = linear_head(trained.num_features, num_labels, dropout=options.dropout or 0.0)
    return TextNetwork(trained, head, frozen=bool(options.frozen))


def _image_network(
    options: ModelOptions, input_shape: tuple[int, ...], num_labels: int, *, load_weights: bool
) -> ImageNetwork:
    trained = backbone(
        options.name,
        image_size=(input_shape[1], input_shape[2]),
        pooled=options.head != "ml_decoder",
        pretrained=options.pretrained if load_weights else False,
        weights=Path(options.weights).expanduser() if options.weights and load_weights else None,
    )
    scaling = options.pixels or ("unit" if options.pretrained is False else "backbone")
    pixels = Pixels(*mean_and_std(trained)) if scaling == "backbone" else Pixels()
    if options.head == "ml_decoder":
        dropout = 0.1 if options.dropout is None else options.dropout
        head = MLDecoder(
            trained.num_features, num_labels, groups=options.groups, width=options.width or 768, dropout=dropout
        )
    else:
        head = linear_head(trained.num_features, num_labels, dropout=options.dropout or 0.0)
    return ImageNetwork(pixels, trained, head, frozen=bool(options.frozen))
