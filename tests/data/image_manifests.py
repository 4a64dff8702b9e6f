"""Manifests of small image files for tests."""

from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from lopsided.data import Labels, Manifest


def manifest_of(root: Path, names: list[str], splits: list[str] | None = None, *, labels: Labels | None = None):
    """Files of these names below a folder, in ``train`` unless said otherwise; every second of them is a cat."""
    targets = np.stack([np.arange(len(names)) % 2 == 0, np.zeros(len(names), bool)], axis=1)
    paths = np.array(names, dtype=np.dtypes.StringDType())
    labels = labels or Labels(("cat", "dog"), csr_array(targets))
    return Manifest("pets", root, paths, labels, np.array(splits or ["train"] * len(names)))


def save_noise(path: Path, *, seed: int, size: tuple[int, int] = (24, 16)) -> None:
    """An image of random colours, without loss if the ending says so."""
    from PIL import Image

    pixels = np.random.default_rng(seed).integers(256, size=(size[1], size[0], 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
