"""Changes of an image between its file and a batch; the caller gives the generator for what is random."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lopsided.data.options import Resize

if TYPE_CHECKING:
    from PIL import Image

GREY = 128
"""The colour of bars, holes and what a turned image does not reach: the middle, which networks see as about 0."""

RESIZE_FILTER = "bilinear"
"""The filter of every resize, by Pillow's name."""

REDUCING_GAP = 3.0
"""Blocks are averaged down to no less than this many times the size first: faster, and it looks the same."""


def resize(image: Image.Image, *, size: int, how: Resize) -> Image.Image:
    """Resize an image to a square, with a triangle filter that widens as the image shrinks, so that nothing flickers.

    Args:
        image: Any mode.
        size: Height and width of the result, pixels.
        how: squash (change both sides to the size), crop (keep the middle square) or pad (add grey bars).

    Returns:
        An image of the same mode.

    Example:
        >>> from PIL import Image
        >>> resize(Image.new("RGB", (40, 20)), size=8, how="pad").getpixel((0, 0))
        (128, 128, 128)
    """
    from PIL.Image import Resampling

    width, height = image.size
    if how == "pad":
        longer = max(width, height)
        fitting = max(1, round(size * width / longer)), max(1, round(size * height / longer))
        return _on_grey(image.resize(fitting, Resampling[RESIZE_FILTER.upper()], reducing_gap=REDUCING_GAP), size)
    box = (0.0, 0.0, float(width), float(height))
    if how == "crop":
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        box = (left, top, left + side, top + side)
    return image.resize((size, size), Resampling[RESIZE_FILTER.upper()], box=box, reducing_gap=REDUCING_GAP)


def cutout(image: Image.Image, random: np.random.Generator, *, share: float) -> None:
    """Grey out a square, in place. Its centre is anywhere in the image, so a part of the square may lie outside.

    Args:
        image: RGB, square.
        random: Decides where.
        share: Side of the square as a share of the image's, in [0, 1).

    Source: DeVries and Taylor, arXiv 1708.04552. The public training script of Ridnik et al., ICCV 2021, draws places
    in the same way, but fills the square with a random colour.
    """
    size = image.width
    side = round(share * size)
    left, top = (random.integers(size, size=2) - side // 2).tolist()
    box = max(left, 0), max(top, 0), min(left + side, size), min(top + side, size)
    if box[0] < box[2] and box[1] < box[3]:
        image.paste((GREY,) * 3, box)


def mixup(
    images: np.ndarray, targets: np.ndarray, mask: np.ndarray | None, *, alpha: float, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Mix each image of a batch with another of the batch, and their targets in the same proportion.

    Args:
        images: uint8, shape (n, ...).
        targets: bool, shape (n, labels).
        mask: bool, shape (n, labels), True where known; None where all is known.
        alpha: Parameter of the symmetric beta distribution from which the proportion of each pair is drawn, > 0.
        random: Decides the pairs and their proportions.

    Returns:
        Images; targets, float32 in [0, 1]; and a mask that is True where both labels of a pair are known.

    Source: Zhang et al., ICLR 2018, where one proportion holds for the whole batch.
    """
    partners = random.permutation(len(images))
    shares = random.beta(alpha, alpha, size=len(images)).astype(np.float32)
    mixed = np.empty_like(images)
    for i, (partner, share) in enumerate(zip(partners, shares, strict=True)):
        # One at a time, because floating-point copies of a whole batch would be many times as large as the batch.
        np.rint(share * images[i] + (1 - share) * images[partner], out=mixed[i], casting="unsafe")
    soft = shares[:, None] * targets + (1 - shares[:, None]) * targets[partners]
    return mixed, soft, None if mask is None else mask & mask[partners]


def _on_grey(image: Image.Image, size: int) -> Image.Image:
    from PIL import Image

    canvas = Image.new(image.mode, (size, size), (GREY,) * len(image.getbands()))
    canvas.paste(image, ((size - image.width) // 2, (size - image.height) // 2))
    return canvas
