"""Find images of one split that look like images of another, though their files differ."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy.fft import dctn

from lopsided.data.alike import Alike, alike_in_two_splits, ids_of_alike

if TYPE_CHECKING:
    from PIL import Image

HASH_SIDE = 32
"""Side, in pixels, of the small grey picture that a hash is made of."""

NO_HASH = 0
"""The hash of an image that cannot be opened, or is so plain that it would look like many others."""

_NUM_BITS = 64
_LEAST_BITS = 12  # set ones; a picture with fewer, such as a page of one colour, says too little
_NOISE = 4.0  # grey levels by which JPEG moves a coefficient; nearly symmetric pictures have many that are 0
# Indices, row by row, of the waves with the fewest turns down and across; the mean is left out.
_SLOWEST = np.argsort(np.add.outer(*[np.arange(HASH_SIDE)] * 2), axis=None, kind="stable")[1 : _NUM_BITS + 1]


def perceptual_hash(image: Image.Image) -> int:
    """Say in 64 bits what an image looks like; few of them change when it is resized, saved again or brightened.

    A bit says whether one of the 64 slowest waves of its cosine transform is stronger than half of them.

    Args:
        image: Any size, RGB or grey; at least ``HASH_SIDE`` pixels each way are best.

    Returns:
        At least 0 and below 2 ** 64; ``NO_HASH`` where there is too little to see.

    Example:
        >>> from PIL import Image
        >>> perceptual_hash(Image.new("RGB", (100, 80), "red"))
        0
    """
    from PIL.Image import Resampling

    grey = image.convert("L").resize((HASH_SIDE, HASH_SIDE), Resampling.BILINEAR)
    waves = np.asarray(dctn(np.asarray(grey, dtype=np.float32), norm="ortho")).ravel()[_SLOWEST]
    bits = waves > np.median(waves) + _NOISE
    if np.count_nonzero(bits) < _LEAST_BITS:
        return NO_HASH
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def near_duplicates_in_two_splits(hashes: np.ndarray, splits: np.ndarray, *, distance: int = 3) -> np.ndarray:
    """Find samples that look like one of an earlier split: train comes before val, val before test, then others.

    Copies are among them. At the default distance, nearly all pairs of drawings were copies or came from one series and
    differed in a colour or a detail; a photograph saved again, halved or slightly brightened is nearly always found.

    Args:
        hashes: Perceptual hashes, uint64, shape (samples,); ``NO_HASH`` is like nothing.
        splits: Text, shape (samples,).
        distance: Most bits in which the hashes of images that look alike differ, from 0 to 63.

    Returns:
        int64, shape (pairs, 2): the most similar sample of an earlier split, and the sample itself; ascending in the
        second, which occurs once.

    Example:
        >>> hashes = np.array([0b1111, 0b0111, 0b1111 << 40], dtype=np.uint64)
        >>> near_duplicates_in_two_splits(hashes, np.array(["train", "test", "test"])).tolist()
        [[0, 1]]
    """
    if not 0 <= distance < _NUM_BITS:
        raise ValueError(f"expected distance to lie in [0, {_NUM_BITS - 1}], got {distance}")
    return alike_in_two_splits(_alike(hashes, distance), splits)


def near_duplicate_ids(hashes: np.ndarray, *, distance: int = 3) -> np.ndarray:
    """Number what looks alike, directly or through others, whatever its split.

    Args:
        hashes: Perceptual hashes, uint64, shape (samples,); ``NO_HASH`` is like nothing.
        distance: Most bits in which the hashes of images that look alike differ, from 0 to 63.

    Returns:
        int64, shape (samples,): two samples have one number where a chain of images that look alike connects them.

    Example:
        >>> near_duplicate_ids(np.array([0b1111, 0b0111, 0b1111 << 40, NO_HASH], dtype=np.uint64)).tolist()
        [0, 0, 1, 2]
    """
    return ids_of_alike(_alike(hashes, distance), len(hashes))


def _alike(hashes: np.ndarray, distance: int) -> Alike:
    """Samples whose hashes differ in few bits, and in how many."""
    rows = np.flatnonzero(hashes != NO_HASH)
    distinct, contents = np.unique(hashes[rows], return_inverse=True)
    return Alike(rows, contents, *_near(distinct, distance))


def _near(hashes: np.ndarray, distance: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of similar hashes, in both orders and each with itself, and the number of bits in which they differ.

    Two that differ in at most d bits agree in at least one of d + 1 bands of bits, so only those are compared.
    """
    itself = np.arange(len(hashes))
    ones, others, aparts = [itself], [itself], [np.zeros(len(hashes), np.int64)]
    bounds = np.linspace(0, _NUM_BITS, distance + 2).round().astype(int).tolist()
    for start, end in pairwise(bounds):
        band = (hashes >> np.uint64(start)) & np.uint64(2 ** (end - start) - 1)
        order = np.argsort(band, kind="stable")
        place, step = np.arange(len(hashes)), 1
        # Hashes that share a band stand side by side: compare each with the next, the one after it, and so on.
        while len(place := place[place < len(hashes) - step]):
            place = place[band[order[place]] == band[order[place + step]]]
            left, right = order[place], order[place + step]
            apart = np.bitwise_count(hashes[left] ^ hashes[right]).astype(np.int64)
            near = apart <= distance
            ones += [left[near], right[near]]
            others += [right[near], left[near]]
            aparts += [apart[near]] * 2
            step += 1
    return np.concatenate(ones), np.concatenate(others), np.concatenate(aparts)
