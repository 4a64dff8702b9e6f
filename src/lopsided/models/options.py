"""Which network to train, and what of it may be chosen."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

from lopsided.models.images.names import check_name
from lopsided.models.texts.files import PACKAGED, is_encoder

BUILT_IN = ("auto", "linear", "mlp", "small_cnn", "tfidf")

ON_COUNTS = ("auto", "tfidf", "mlp")
"""Networks for which texts become counts of words."""

DEFAULT_BACKBONE = "tf_efficientnet_lite0"

SMALL_IMAGE = 64  # pixels: auto chooses small_cnn for smaller images

_HEAD_TAKES = ("head_bias", "head_scale")

_BACKBONE_TAKES = (
    "width",
    "dropout",
    "head",
    "groups",
    "pretrained",
    "weights",
    "frozen",
    "layer_decay",
    "pixels",
    *_HEAD_TAKES,
)

_ENCODER_TAKES = ("dropout", "pretrained", "weights", "frozen", "layer_decay", "pooling", "max_length", *_HEAD_TAKES)

_TAKES: dict[str, tuple[str, ...]] = {
    "auto": _BACKBONE_TAKES,  # once the network is known, settings that have no effect on it are refused
    "linear": _HEAD_TAKES,
    "mlp": ("width", "dropout", *_HEAD_TAKES),
    "small_cnn": ("width", "dropout", *_HEAD_TAKES),
    "tfidf": _HEAD_TAKES,
}

_Head = Literal["linear", "ml_decoder"]
_Scaling = Literal["backbone", "unit"]
_Bias = Literal["zero", "drawn", "prior"]
_Pooling = Literal["mean", "first"]


@dataclass(frozen=True)
class ModelOptions:
    """Which network to train. A setting that is left out has the network's own default.

    Args:
        name: linear, mlp, small_cnn, any timm backbone by its name, or auto: mlp for features, linear for those that
            stay sparse, small_cnn for images below 64 pixels or of other than 3 channels, tf_efficientnet_lite0 for the
            rest. For texts: tfidf (which auto chooses; linear on how often words stand in a text), mlp on the same,
            all-minilm-l6-v2, a folder with config.json, tokenizer.json and model.safetensors (written with a /), or
            OWNER/NAME on the Hub.
        width: Hidden units of mlp (default 512), channels after the first convolution of small_cnn (default 32), or
            size of the queries of head=ml_decoder, a multiple of 8 (default 768).
        dropout: Share of hidden units silenced while training, in [0, 1) (default 0, of ml_decoder 0.1).
        head: What follows a backbone: linear (default) on its pooled features, or ml_decoder on its feature map.
        groups: Queries of ml_decoder, each of which answers for a group of labels (default: labels, at most 100).
        pretrained: Start a backbone from trained weights (default: true where there are any).
        weights: File with a backbone's weights, .pth or .safetensors, or a folder of lopsided export --format hub;
            loading it executes no code. A text encoder takes a folder.
        frozen: Train only the head; the backbone stays as it is (default false).
        layer_decay: Factor on the learning rate from each layer of a backbone to the one below it, in (0, 1].
        pixels: Scale colours as the backbone's trained weights expect them (backbone, the default), or to [0, 1]
            (unit, the default with pretrained=false).
        pooling: What a text encoder gives of a text: the mean over its tokens (default), or the output at the first.
        max_length: Tokens of a text that an encoder reads, with its two marks (default: 256, or as many as it takes).
        head_bias: Where the logit of each label starts: zero, close to it (drawn, as PyTorch draws it), or prior, the
            log odds of the label's share of the training samples (default: prior on sparse inputs, for small_cnn
            and for backbones with pretrained=false, else drawn).
        head_scale: Factor on the first weights of the last layer, > 0 (default 1: as PyTorch draws them).
    """

    name: str = "auto"
    width: int | None = None  # units or channels
    dropout: float | None = None  # share
    head: _Head | None = None
    groups: int | None = None
    pretrained: bool | None = None
    weights: str | None = None
    frozen: bool | None = None
    layer_decay: float | None = None  # per layer
    pixels: _Scaling | None = None
    pooling: _Pooling | None = None
    max_length: int | None = None  # tokens
    head_bias: _Bias | None = None
    head_scale: float | None = None  # factor

    def __post_init__(self) -> None:
        if self.name not in BUILT_IN and not is_encoder(self.name):
            check_name(self.name, others=(*BUILT_IN, PACKAGED))
        self._check_values()
        takes = _TAKES.get(self.name, _ENCODER_TAKES if is_encoder(self.name) else _BACKBONE_TAKES)
        for name in self._given():
            if name not in takes:
                listed = ", ".join(f"model.{part}" for part in takes)
                raise ValueError(f"expected no model.{name} with model.name={self.name}, which takes {listed}, got one")
        self._check_combinations()

    def _given(self) -> dict[str, Any]:
        given = {name: value for name, value in dataclasses.asdict(self).items() if value is not None}
        del given["name"]
        if given.get("dropout") == 0:  # the configuration of any network may say so
            del given["dropout"]
        return given

    def _check_values(self) -> None:
        for name in ("width", "groups"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise ValueError(f"expected model.{name} to be at least 1, got {value}")
        if self.max_length is not None and self.max_length < 3:
            raise ValueError(f"expected model.max_length to be at least 3, got {self.max_length}")
        if self.dropout is not None and not 0 <= self.dropout < 1:
            raise ValueError(f"expected model.dropout to lie in [0, 1), got {self.dropout}")
        if self.layer_decay is not None and not 0 < self.layer_decay <= 1:
            raise ValueError(f"expected model.layer_decay to lie in (0, 1], got {self.layer_decay}")
        if self.head_scale is not None and not 0 < self.head_scale < math.inf:
            raise ValueError(f"expected model.head_scale to be a number above 0, got {self.head_scale}")
        for name, kind in (("head", _Head), ("pixels", _Scaling), ("head_bias", _Bias), ("pooling", _Pooling)):
            if (value := getattr(self, name)) is not None and value not in get_args(kind):
                raise ValueError(f"expected model.{name} to be one of {', '.join(get_args(kind))}, got {value!r}")

    def _check_combinations(self) -> None:
        is_backbone = self.name not in BUILT_IN
        if self.head != "ml_decoder":
            if self.groups is not None:
                raise ValueError(f"expected model.groups only with model.head=ml_decoder, got {self.groups} without it")
            if is_backbone and self.width is not None:
                raise ValueError(
                    f"expected model.width of a backbone only with model.head=ml_decoder, got {self.width} with "
                    f"model.name={self.name}"
                )
        elif self.width is not None and self.width % 8:
            raise ValueError(f"expected model.width to be a multiple of 8 with model.head=ml_decoder, got {self.width}")
        if self.pretrained is False and self.weights is not None:
            raise ValueError("expected model.weights or model.pretrained=false, got both: leave one of them out")
        if self.frozen and self.layer_decay is not None:
            raise ValueError("expected model.layer_decay or model.frozen=true, got both: leave one of them out")


def usual_kind(input_shape: tuple[int, ...]) -> str:
    """The kind that inputs of this shape usually are; runs of earlier versions did not write down the kind.

    >>> usual_kind((499,)), usual_kind((3, 32, 32)), usual_kind((10, 8))
    ('features', 'images', 'arrays')
    """
    return {1: "features", 3: "images"}.get(len(input_shape), "arrays")


def resolved(options: ModelOptions, *, input_shape: tuple[int, ...], kind: str | None = None) -> ModelOptions:
    """The options with the network that auto stands for.

    Args:
        input_shape: Shape of one input: ``(features,)``, or ``(channels, height, width)`` of an image.
        kind: Whether the inputs are features, sparse, images or arrays; by default :func:`usual_kind` of the shape.

    Raises:
        ValueError: An option has no effect on that network.

    >>> resolved(ModelOptions(), input_shape=(3, 32, 32)).name, resolved(ModelOptions(), input_shape=(499,)).name
    ('small_cnn', 'mlp')
    """
    if options.name != "auto":
        return options
    if kind == "sparse":
        return dataclasses.replace(options, name="linear")
    if (kind or usual_kind(input_shape)) != "images":
        return dataclasses.replace(options, name="mlp")
    large = input_shape[0] == 3 and min(input_shape[1:]) >= SMALL_IMAGE
    return dataclasses.replace(options, name=DEFAULT_BACKBONE if large else "small_cnn")
