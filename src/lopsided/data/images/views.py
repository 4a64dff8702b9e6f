"""Other views of an image while training: a part of it, mirrored, in other colours."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from lopsided.data.images.transforms import REDUCING_GAP, RESIZE_FILTER

if TYPE_CHECKING:
    from PIL import Image

RATIOS = (3 / 4, 4 / 3)
"""Narrowest and widest crop, width to height."""

_TRIES = 10


def random_crop(image: Image.Image, random: np.random.Generator, *, size: int, least: float) -> Image.Image:
    """Cut out a part of an image and resize it to a square.

    The part has between ``least`` and all of the area, and is between 3:4 and 4:3, both drawn at random; where none
    such fits in ten tries, it is the largest one in the middle.

    Args:
        image: Any mode.
        random: Decides the part.
        size: Height and width of the result, pixels.
        least: Smallest share of the area, in (0, 1].

    Source: Szegedy et al., Going deeper with convolutions, CVPR 2015, section 6; tries and middle as in torchvision's
    RandomResizedCrop.
    """
    from PIL.Image import Resampling

    box = _part(image.width, image.height, random, least)
    return image.resize((size, size), Resampling[RESIZE_FILTER.upper()], box=box, reducing_gap=REDUCING_GAP)


def mirrored(image: Image.Image) -> Image.Image:
    """Swap left and right."""
    from PIL.ImageOps import mirror

    return mirror(image)


def color_jitter(image: Image.Image, random: np.random.Generator, *, strength: float) -> Image.Image:
    """Change brightness, contrast and saturation, in an order drawn at random, each by a factor of its own.

    Args:
        image: RGB.
        random: Decides order and factors.
        strength: Factors lie in [1 - strength, 1 + strength]; in [0, 1].

    Source: Howard, Some improvements on deep convolutional neural network based image classification, 2013.
    """
    from PIL import ImageEnhance

    kinds = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)
    order = random.permutation(len(kinds)).tolist()
    factors = random.uniform(1 - strength, 1 + strength, size=len(kinds)).tolist()
    for kind, factor in zip(order, factors, strict=True):
        image = kinds[kind](image).enhance(factor)
    return image


def _part(width: int, height: int, random: np.random.Generator, least: float) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the part that is kept."""
    area, (narrow, wide) = width * height, RATIOS
    for _ in range(_TRIES):
        ratio = math.exp(random.uniform(math.log(narrow), math.log(wide)))
        part = area * random.uniform(least, 1.0)
        across, down = math.sqrt(part * ratio), math.sqrt(part / ratio)
        if across <= width and down <= height:
            left, top = random.uniform(0, width - across), random.uniform(0, height - down)
            return left, top, left + across, top + down
    across, down = min(width, height * wide), min(height, width / narrow)
    left, top = (width - across) / 2, (height - down) / 2
    return left, top, left + across, top + down
