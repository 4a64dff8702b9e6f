"""A backbone and a head, from pixels to logits."""

from __future__ import annotations

from torch import Tensor, nn

from lopsided.models.images.backbones import Backbone
from lopsided.models.images.pixels import Pixels


class ImageNetwork(nn.Module):
    """Images to logits, in two steps that may be taken apart: ``features``, then ``head``.

    Args:
        pixels: Scales images.
        backbone: From scaled images to features.
        head: From features to logits of shape ``(samples, labels)``.
        frozen: Leave the backbone as it is: no gradient, and its normalisation keeps its statistics.
    """

    def __init__(self, pixels: Pixels, backbone: Backbone, head: nn.Module, *, frozen: bool = False) -> None:
        super().__init__()
        self.pixels, self.backbone, self.head, self.frozen = pixels, backbone, head, frozen
        if frozen:
            self.backbone.requires_grad_(False)
            self.backbone.eval()

    def train(self, mode: bool = True) -> ImageNetwork:
        """Training mode for all that is trained."""
        super().train(mode)
        if self.frozen:
            self.backbone.eval()
        return self

    def features(self, images: Tensor) -> Tensor:
        """Features of images of shape ``(samples, 3, height, width)``, uint8 or floating point in [0, 1]: pooled,
        ``(samples, features)``, or a map, ``(samples, features, height, width)``, as the head takes them."""
        return self.backbone(self.pixels(images))

    def forward(self, images: Tensor) -> Tensor:
        """Logits of shape ``(samples, labels)``."""
        return self.head(self.features(images))
