"""From image files to the pixels of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lopsided.data.images.decode import UnreadableImage, open_image
from lopsided.data.images.rand_augment import rand_augment
from lopsided.data.images.transforms import GREY, cutout, resize
from lopsided.data.options import ImageOptions

_IMAGE_STREAM = 103  # keeps these draws apart from others of the same seed


def pixels_of(
    paths: Sequence[Path], rows: np.ndarray, options: ImageOptions, *, draw: tuple[int, int] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Decode some images. Random changes of an image depend only on the seed, the epoch and the number of its sample,
    not on its batch or the process that opens it.

    Args:
        paths: The files.
        rows: Numbers of their samples, shape (n,).
        options: How files become inputs.
        draw: A seed and an epoch, from which cutout and RandAugment draw; None leaves the images as they are.

    Returns:
        Pixels, uint8, shape (n, 3, size, size), and which images could not be opened, bool, shape (n,): these are grey.

    Raises:
        UnreadableImage: An image cannot be opened, and the options say to refuse that.
    """
    images = np.empty((len(rows), 3, options.size, options.size), np.uint8)
    unreadable = np.zeros(len(rows), bool)
    for i, (path, row) in enumerate(zip(paths, rows.tolist(), strict=True)):
        try:
            image = resize(open_image(path, size=options.size), size=options.size, how=options.resize)
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
