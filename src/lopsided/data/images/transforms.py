"""What happens to an image between its file and a batch; all that is random is drawn from a generator that is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lopsided.data.options import Resize

if TYPE_CHECKING:
    from PIL import Image

GREY = 128
"""Of bars, holes, and what a turned image doesn't reach: the middle, which networks take for about 0."""

_REDUCING_GAP = 3.0  # the least that averaging in whole blocks leaves to the filter; the same picture, sooner


def resize(image: Image.Image, *, size: int, how: Resize) -> Image.Image:
    """Bring an image to a square, by a triangle filter that widens with the reduction, so that nothing flickers.

    Args:
        image: Any mode.
        size: Height and width of the result, pixels.
        how: squash (both sides to the size), crop (the middle square) or pad (grey bars).

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
        return _on_grey(image.resize(fitting, Resampling.BILINEAR, reducing_gap=_REDUCING_GAP), size)
    box = (0.0, 0.0, float(width), float(height))
    if how == "crop":
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        box = (left, top, left + side, top + side)
    return image.resize((size, size), Resampling.BILINEAR, box=box, reducing_gap=_REDUCING_GAP)


def cutout(image: Image.Image, random: np.random.Generator, *, share: float) -> None:
    """Grey out a square, in place. Its centre is anywhere in the image, so that a part of it may lie outside.

    Args:
        image: RGB, square.
        random: Decides where.
        share: Side of the square as a share of the image's, in [0, 1).

    Source: DeVries and Taylor, arXiv 1708.04552. The public training script of Ridnik et al., ICCV 2021, draws places
    in this way too, but a random colour.
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
        alpha: Of the beta distribution, symmetric, that the proportion of each pair is drawn from, > 0.
        random: Decides the pairs and their proportions.

    Returns:
        Images; targets, float32 in [0, 1]; and a mask that is True where both of a pair are known.

    Source: Zhang et al., ICLR 2018; there one proportion for the whole batch.
    """
    partners = random.permutation(len(images))
    shares = random.beta(alpha, alpha, size=len(images)).astype(np.float32)
    mixed = np.empty_like(images)
    for i, (partner, share) in enumerate(zip(partners, shares, strict=True)):
        # One at a time: the floating-point copies of a whole batch would be many times as large as it is.
        np.rint(share * images[i] + (1 - share) * images[partner], out=mixed[i], casting="unsafe")
    soft = shares[:, None] * targets + (1 - shares[:, None]) * targets[partners]
    return mixed, soft, None if mask is None else mask & mask[partners]


def _on_grey(image: Image.Image, size: int) -> Image.Image:
    from PIL import Image

    canvas = Image.new(image.mode, (size, size), (GREY,) * len(image.getbands()))
    canvas.paste(image, ((size - image.width) // 2, (size - image.height) // 2))
    return canvas
