"""A convolutional network small enough to train on two cores."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import max_pool2d


def small_cnn(num_channels: int, num_labels: int, *, width: int = 32, dropout: float = 0.0) -> nn.Module:
    """Four convolutions. Each place of the image votes for every label; a label's strongest vote is its logit.

    Args:
        num_channels: Channels of an image, shape ``(samples, num_channels, height, width)``, at least 8 x 8.
        num_labels: Size of the output, logits of shape ``(samples, num_labels)``.
        width: Channels after the first convolution, >= 1; they double twice.
        dropout: Share of the last features silenced while training, in [0, 1).
    """
    return nn.Sequential(
        *_convolved(num_channels, width),
        nn.MaxPool2d(2),
        *_convolved(width, 2 * width),
        nn.MaxPool2d(2),
        *_convolved(2 * width, 4 * width),
        nn.Dropout2d(dropout),
        nn.Conv2d(4 * width, num_labels, 3, padding=1),
        _Strongest(),
        nn.Flatten(),
    )


class _Strongest(nn.Module):
    """What ``AdaptiveMaxPool2d(1)`` gives, which the ONNX exporter knows from torch 2.13 on only."""

    def forward(self, images: Tensor) -> Tensor:
        return max_pool2d(images, images.shape[-2:])


def _convolved(num_in: int, num_out: int) -> list[nn.Module]:
    return [nn.Conv2d(num_in, num_out, 3, padding=1, bias=False), nn.BatchNorm2d(num_out), nn.ReLU()]
