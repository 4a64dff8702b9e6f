"""Open every image of a data set once, to learn which cannot be opened, and why, and which look alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from lopsided.data.images.decode import UnreadableImage, check_pillow
from lopsided.data.images.near_duplicates import HASH_SIDE, NO_HASH, perceptual_hash
from lopsided.data.samples import Samples

_CHUNK = 64  # images that a process opens between two reports


@dataclass(frozen=True, eq=False)
class ImageCheck:
    """What opening the images of a manifest showed.

    Args:
        unreadable: Number of each sample whose image cannot be opened, ascending, to the reason.
        hashes: Perceptual hash of each sample, uint64, shape (samples,); ``NO_HASH`` where there is none.
    """

    unreadable: dict[int, str]
    hashes: np.ndarray


def check_images(data: Samples, *, workers: int = 0) -> ImageCheck:
    """Open every image, to the last byte, and hash what it looks like.

    Args:
        data: Samples with images.
        workers: Processes that open them; 0 opens them here.

    Raises:
        ModuleNotFoundError: Pillow is not installed.
    """
    check_pillow()
    unreadable: dict[int, str] = {}
    hashes = np.full(len(data), NO_HASH, dtype=np.uint64)
    chunks = [range(start, min(start + _CHUNK, len(data))) for start in range(0, len(data), _CHUNK)]
    files = _Files(data)
    with tqdm(total=len(data), desc="images", unit="image", disable=None, leave=False) as bar:
        for found in DataLoader(files, sampler=chunks, batch_size=None, num_workers=workers):
            for row, result in found.items():
                if isinstance(result, str):
                    unreadable[row] = result
                else:
                    hashes[row] = result
            bar.update(len(found))
    return ImageCheck(unreadable, hashes)


class _Files(Dataset[dict[int, int | str]]):
    """For each of some samples the hash of its image, or the reason why it has none."""

    def __init__(self, data: Samples) -> None:
        self.data = data

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, rows: Sequence[int]) -> dict[int, int | str]:
        return {row: self._look_at(row) for row in rows}

    def _look_at(self, row: int) -> int | str:
        try:
            image = self.data.image(row, size=HASH_SIDE)
            return NO_HASH if image is None else perceptual_hash(image)
        except UnreadableImage as error:
            return error.reason
