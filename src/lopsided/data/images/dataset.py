"""Batches of image files as tensors."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from lopsided.data.images.decode import UnreadableImage, check_pillow, open_image
from lopsided.data.images.rand_augment import rand_augment
from lopsided.data.images.transforms import GREY, cutout, mixup, resize
from lopsided.data.manifest import Manifest
from lopsided.data.options import ImageOptions
from lopsided.files.errors import DataError

_IMAGE_STREAM = 103  # of a seed, apart from the streams of other draws
_PAIR_STREAM = 104
_LOOKED_FOR = 100  # images, to say that none is there


class ImageDataset(Dataset[dict[str, Tensor]]):
    """One split of a manifest, which hands out whole batches.

    For a ``DataLoader`` as a ``TableDataset``. What is drawn for an image depends on the seed, the epoch and the number
    of its sample alone, and not on the batch that it is in or the process that opens it. Only the partners of mixup are
    of its batch: they depend on the seed, the epoch and the batch's first sample.

    Args:
        manifest: The images.
        split: One of its splits.
        options: How files become inputs.
        augment: Change images at random, as for training: cutout, RandAugment and mixup, as far as the options say.
        seed: Decides how, at least 0.

    Raises:
        DataError: There is no such split, or the seed is negative.
        ModuleNotFoundError: Pillow is not installed.
    """

    def __init__(self, manifest: Manifest, *, split: str, options: ImageOptions, augment: bool, seed: int) -> None:
        check_pillow()
        if seed < 0:
            raise DataError(f"expected seed to be at least 0, got {seed}")
        self.manifest, self.options, self.augment, self.seed = manifest, options, augment, seed
        self.split_rows = manifest.rows(split)

    def __len__(self) -> int:
        return len(self.split_rows)

    def __getitem__(self, wanted: Sequence[int] | tuple[int, Sequence[int]]) -> dict[str, Tensor]:
        """A batch of n samples.

        Args:
            wanted: Positions within the split, from 0, shape (n,), in any order; or a tuple of the epoch, from 0, and
                these. Without an epoch it is 0.

        Returns:
            ``inputs`` uint8 (n, 3, size, size); ``targets`` uint8 (n, labels), with mixup float32; ``mask`` bool
            (n, labels), True where known, absent where all is known; ``rows`` int64 (n,), sample numbers in the
            manifest; and ``unreadable`` int64, those whose image could not be opened, absent where there are none.
            Such an image is grey, and all its labels are unknown.

        Raises:
            UnreadableImage: An image cannot be opened, and the options say to refuse that.
        DataError: One cannot be opened, and there are no images at all any more.
        """
        epoch, positions = _epoch_and_positions(wanted)
        rows = self.split_rows[np.asarray(positions, dtype=np.int64)]
        targets, mask = self.manifest.labels.dense(rows)
        images, unreadable = self._images(rows, epoch)
        if unreadable.any():
            self._check_still_there()
            mask = np.ones(targets.shape, bool) if mask is None else mask
            targets[unreadable] = mask[unreadable] = False
        targets = targets.view(np.uint8)
        if self.augment and self.options.mixup > 0 and len(rows):
            random = np.random.default_rng([self.seed, _PAIR_STREAM, epoch, rows[0]])
            images, targets, mask = mixup(images, targets, mask, alpha=self.options.mixup, random=random)
        batch = {"inputs": images, "targets": targets, "mask": mask, "rows": rows}
        if unreadable.any():
            batch["unreadable"] = rows[unreadable]
        return {name: torch.from_numpy(array) for name, array in batch.items() if array is not None}

    def _images(self, rows: np.ndarray, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """Images, and which of them could not be opened."""
        size = self.options.size
        images = np.empty((len(rows), 3, size, size), np.uint8)
        unreadable = np.zeros(len(rows), bool)
        for i, row in enumerate(rows.tolist()):
            try:
                images[i] = self._image(row, epoch)
            except UnreadableImage:
                if self.options.unreadable == "refuse":
                    raise
                images[i], unreadable[i] = GREY, True
        return images, unreadable

    def _check_still_there(self) -> None:
        """Refuse to go on without images: a disk was unplugged, or a folder removed."""
        rows = np.linspace(0, len(self.manifest) - 1, _LOOKED_FOR).astype(int).tolist()
        if not any(os.path.isfile(self.manifest.path(row)) for row in rows):
            raise DataError(f"the images are gone, such as {self.manifest.paths[rows[0]]}", path=self.manifest.root)

    def _image(self, row: int, epoch: int) -> np.ndarray:
        """An image, (3, size, size)."""
        options = self.options
        image = resize(open_image(self.manifest.path(row), size=options.size), size=options.size, how=options.resize)
        if self.augment:
            random = np.random.default_rng([self.seed, _IMAGE_STREAM, epoch, row])
            cutout(image, random, share=options.cutout)
            if options.rand_augment > 0:
                image = rand_augment(image, random, strength=options.rand_augment)
        return np.asarray(image).transpose(2, 0, 1)


def _epoch_and_positions(wanted: Sequence[int] | tuple[int, Sequence[int]]) -> tuple[int, Sequence[int]]:
    if isinstance(wanted, int | np.integer):
        raise TypeError(f"expected a list of positions, which makes a batch, got the number {wanted}")
    if isinstance(wanted, tuple) and len(wanted) == 2 and not isinstance(wanted[1], int | np.integer):
        return wanted[0], wanted[1]
    return 0, wanted  # pyright: ignore[reportReturnType] (the tuple of an epoch and positions is dealt with)
