"""A backbone and a head: from pixels to logits."""

from __future__ import annotations

from torch import Tensor, nn

from lopsided.models.images.backbones import Backbone
from lopsided.models.images.pixels import Pixels


class ImageNetwork(nn.Module):
    """Turns images into logits in two steps, each of which can be called alone: ``features``, then ``head``.

    Args:
        pixels: Scales images.
        backbone: Turns scaled images into features.
        head: Turns features into logits of shape ``(samples, labels)``.
        frozen: Leave the backbone as it is: it gets no gradient and keeps its normalisation statistics.
    """

    def __init__(self, pixels: Pixels, backbone: Backbone, head: nn.Module, *, frozen: bool = False) -> None:
        super().__init__()
        self.pixels, self.backbone, self.head, self.frozen = pixels, backbone, head, frozen
        if frozen:
            self.backbone.requires_grad_(False)
            self.backbone.eval()

    def train(self, mode: bool = True) -> ImageNetwork:
        """Switch to training mode, or out of it; a frozen backbone stays in evaluation mode."""
        super().train(mode)
        if self.frozen:
            self.backbone.eval()
        return self

    def features(self, images: Tensor) -> Tensor:
        """Features of images of shape ``(samples, 3, height, width)``, uint8 or floating point in [0, 1]. The features
        are what the head takes: pooled ``(samples, features)``, or a map ``(samples, features, height, width)``."""
        return self.backbone(self.pixels(images))

    def forward(self, images: Tensor) -> Tensor:
        """Logits of shape ``(samples, labels)``."""
        return self.head(self.features(images))
