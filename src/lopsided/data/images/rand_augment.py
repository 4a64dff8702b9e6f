"""RandAugment with Pillow alone, so that one generator decides all of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from lopsided.data.images.transforms import GREY

if TYPE_CHECKING:
    from PIL import Image

STRONGEST = 30
"""The strength at which the ranges of the operations end."""

NUM_OPERATIONS = 2
"""How many operations change each image."""

OPERATIONS = (
    "identity",
    "autocontrast",
    "equalize",
    "rotate",
    "solarize",
    "posterize",
    "colour",
    "contrast",
    "brightness",
    "sharpness",
    "shear_x",
    "shear_y",
    "translate_x",
    "translate_y",
)
"""All are equally likely."""


def rand_augment(image: Image.Image, random: np.random.Generator, *, strength: int) -> Image.Image:
    """Change an image by two random operations, one after the other.

    Args:
        image: RGB.
        random: Decides which operations, and in which direction each goes.
        strength: How far each goes, from 0 to 30.

    Returns:
        An RGB image of the same size.

    Source: Cubuk et al., NeurIPS 2020 (arXiv 1909.13719): the operations and their ranges.
    """
    chosen = random.integers(len(OPERATIONS), size=NUM_OPERATIONS).tolist()
    directions = random.choice([-1.0, 1.0], size=NUM_OPERATIONS).tolist()
    for number, direction in zip(chosen, directions, strict=True):
        image = change(image, OPERATIONS[number], amount=direction * strength / STRONGEST)
    return image


def change(image: Image.Image, operation: str, *, amount: float) -> Image.Image:
    """Apply one operation.

    Args:
        image: RGB.
        operation: One of ``OPERATIONS``.
        amount: How far and in which direction, from -1 to 1. The first three ignore it; solarize and posterize have
            only one direction.

    Returns:
        An RGB image of the same size; it is grey where the original does not reach.
    """
    from PIL import ImageEnhance, ImageOps
    from PIL.Image import Resampling

    size, grey, far = image.width, (GREY,) * 3, abs(amount)
    operations: dict[str, Callable[[], Image.Image]] = {
        "identity": lambda: image,
        "autocontrast": lambda: ImageOps.autocontrast(image),
        "equalize": lambda: ImageOps.equalize(image),
        "rotate": lambda: image.rotate(30 * amount, Resampling.BILINEAR, fillcolor=grey),
        "solarize": lambda: ImageOps.solarize(image, round(256 * (1 - far))),
        "posterize": lambda: ImageOps.posterize(image, 8 - round(4 * far)),
        "colour": lambda: ImageEnhance.Color(image).enhance(1 + 0.9 * amount),
        "contrast": lambda: ImageEnhance.Contrast(image).enhance(1 + 0.9 * amount),
        "brightness": lambda: ImageEnhance.Brightness(image).enhance(1 + 0.9 * amount),
        "sharpness": lambda: ImageEnhance.Sharpness(image).enhance(1 + 0.9 * amount),
        "shear_x": lambda: _moved(image, (1, 0.3 * amount, 0, 0, 1, 0)),
        "shear_y": lambda: _moved(image, (1, 0, 0, 0.3 * amount, 1, 0)),
        "translate_x": lambda: _moved(image, (1, 0, 0.45 * amount * size, 0, 1, 0)),
        "translate_y": lambda: _moved(image, (1, 0, 0, 0, 1, 0.45 * amount * size)),
    }
    return operations[operation]()


def _moved(image: Image.Image, matrix: tuple[float, ...]) -> Image.Image:
    """Take each pixel from where two rows of an affine matrix say, counted from the upper left corner."""
    from PIL.Image import Resampling, Transform

    return image.transform(image.size, Transform.AFFINE, matrix, Resampling.BILINEAR, fillcolor=(GREY,) * 3)
