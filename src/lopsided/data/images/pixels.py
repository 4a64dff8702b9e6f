"""From image files to the pixels of a batch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lopsided.data.images.decode import UnreadableImage, open_image
from lopsided.data.images.rand_augment import rand_augment
from lopsided.data.images.transforms import GREY, cutout, resize
from lopsided.data.images.views import color_jitter, mirrored, random_crop
from lopsided.data.options import ImageOptions

if TYPE_CHECKING:
    from PIL import Image

_IMAGE_STREAM = 103  # keeps these draws apart from others of the same seed
_VIEW_STREAM = 109  # of crop, flip and colours, apart from those above: each is the same with and without the others


def pixels_of(
    paths: Sequence[Path], rows: np.ndarray, options: ImageOptions, *, draw: tuple[int, int] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Decode some images. Random changes of an image depend only on the seed, the epoch and the number of its sample,
    not on its batch or the process that opens it.

    Args:
        paths: The files.
        rows: Numbers of their samples, shape (n,).
        options: How files become inputs.
        draw: A seed and an epoch, from which all that is random is drawn; None leaves the images as they are.

    Returns:
        Pixels, uint8, shape (n, 3, size, size), and which images could not be opened, bool, shape (n,): these are grey.

    Raises:
        UnreadableImage: An image cannot be opened, and the options say to refuse that.
    """
    images = np.empty((len(rows), 3, options.size, options.size), np.uint8)
    unreadable = np.zeros(len(rows), bool)
    for i, (path, row) in enumerate(zip(paths, rows.tolist(), strict=True)):
        try:
            image = _view(path, row, options, draw)
        except UnreadableImage:
            if options.unreadable == "refuse":
                raise
            images[i], unreadable[i] = GREY, True
            continue
        if draw is not None:
            random = np.random.default_rng([draw[0], _IMAGE_STREAM, draw[1], row])
            cutout(image, random, share=options.cutout)
            if options.rand_augment > 0:
                image = rand_augment(image, random, strength=options.rand_augment)
        images[i] = np.asarray(image).transpose(2, 0, 1)
    return images, unreadable


def _view(path: Path, row: int, options: ImageOptions, draw: tuple[int, int] | None) -> Image.Image:
    """The image as a square, and while training perhaps another part of it, mirrored, in other colours."""
    if draw is None:
        return resize(open_image(path, size=options.size), size=options.size, how=options.resize)
    random = np.random.default_rng([draw[0], _VIEW_STREAM, draw[1], row])
    if options.random_crop < 1:
        # A crop is enlarged to the size of the whole, so the file is decoded at as many more pixels.
        decoded = open_image(path, size=math.ceil(options.size / math.sqrt(options.random_crop)))
        image = random_crop(decoded, random, size=options.size, least=options.random_crop)
    else:
        image = resize(open_image(path, size=options.size), size=options.size, how=options.resize)
    if options.horizontal_flip and random.random() < 0.5:
        image = mirrored(image)
    return color_jitter(image, random, strength=options.color_jitter) if options.color_jitter else image
