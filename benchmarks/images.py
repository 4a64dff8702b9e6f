"""Images per second from files to batches: step by step for one core, then whole batches by several processes.

python benchmarks/images.py                         JPEG files that it makes itself, 640 x 480 pixels
python benchmarks/images.py photos/ --size 448      images of a folder
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import numpy as np
import torch
from PIL import Image, features
from torch.utils.data import DataLoader

from lopsided.data import ImageOptions, Manifest, SplitDataset
from lopsided.data.images.decode import open_image
from lopsided.data.images.loose_files import loose_images
from lopsided.data.images.rand_augment import rand_augment
from lopsided.data.images.transforms import cutout, resize

BATCH = 32


def make_photographs(folder: Path, *, count: int, width: int, height: int) -> None:
    """JPEG files of noise at every scale, about as large as photographs of these sides saved at the same quality."""
    for number in range(count):
        random = np.random.default_rng(number)
        picture = np.zeros((height, width, 3), np.float32)
        for octave in range(2, 10):
            shape = (2**octave * height // width + 1, 2**octave, 3)
            layer = Image.fromarray(random.integers(256, size=shape, dtype=np.uint8))
            picture += 0.75**octave * np.asarray(layer.resize((width, height), Image.Resampling.BICUBIC), np.float32)
        picture = (picture - picture.min()) * 255 / np.ptp(picture)
        Image.fromarray(picture.astype(np.uint8)).save(folder / f"{number:04}.jpg", quality=90)


def steps(paths: Sequence[Path], size: int) -> dict[str, Callable[[], object]]:
    """Ways to go through all paths, each with one step more than the one before."""
    random = np.random.default_rng(0)

    def squashed(path: Path, wanted: int) -> Image.Image:
        return resize(open_image(path, size=wanted), size=size, how="squash")

    def cut(path: Path) -> Image.Image:
        image = squashed(path, size)
        cutout(image, random, share=0.5)
        return image

    def each(look: Callable[[Path], object]) -> Callable[[], object]:
        return lambda: [look(path) and None for path in paths]

    whole = 10**9  # of which no image has a fraction that is large enough
    return {
        "read the bytes": each(Path.read_bytes),
        "open at full size": each(lambda path: open_image(path, size=whole)),
        "open": each(lambda path: open_image(path, size=size)),
        "open at full size, resize": each(lambda path: squashed(path, whole)),
        "open, resize": each(lambda path: squashed(path, size)),
        "open, resize, cutout": each(cut),
        "open, resize, cutout, RandAugment 9": each(lambda path: rand_augment(cut(path), random, strength=9)),
    }


def batches(manifest: Manifest, size: int) -> dict[str, Callable[[], object]]:
    """Ways to go through all batches; processes are running and one epoch has passed before any is timed."""
    order = [(0, list(range(start, min(start + BATCH, len(manifest))))) for start in range(0, len(manifest), BATCH)]
    found: dict[str, Callable[[], object]] = {}
    for name, mixup in (("", 0.0), (", mixup", 0.2)):
        options = ImageOptions(size=size, mixup=mixup)
        train = SplitDataset(manifest, split="test", options=options, augment=True, seed=0)
        for workers in (0, 1, 2) if not mixup else (0,):
            loader = DataLoader(
                train, sampler=order, batch_size=None, num_workers=workers, persistent_workers=workers > 0
            )
            found[f"batches of {BATCH}, workers {workers}{name}"] = lambda loader=loader: [len(item) for item in loader]
    return found


def report(
    cases: dict[str, Callable[[], object]], *, count: int, rounds: int, clock: Callable[[], float] = time.perf_counter
) -> None:
    """Images per second of each way, one after the other in every round; the first round is not counted."""
    rates: dict[str, list[float]] = {name: [] for name in cases}
    for number in range(rounds + 1):
        for name, run in cases.items():
            start = clock()
            run()
            if number:
                rates[name].append(count / (clock() - start))
    for name, measured in rates.items():
        print(f"  {name:38}{median(measured):9.0f}  ({min(measured):.0f} to {max(measured):.0f})")


def main() -> None:
    parser = argparse.ArgumentParser(description="Images per second from files to batches.")
    parser.add_argument("folder", nargs="?", type=Path, help="images (default: JPEG files that are made first)")
    parser.add_argument("--size", type=int, nargs="+", default=[224, 448], help="pixels (default 224 448)")
    parser.add_argument("--images", type=int, default=128, help="at most so many (default 128)")
    parser.add_argument("--made", type=int, nargs=2, default=[640, 480], help="width and height of what is made")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    codec = "libjpeg-turbo" if features.check_feature("libjpeg_turbo") else "libjpeg"
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("pillow", "torch", "numpy"))
    print(f"{versions}, {codec}, {platform.machine()}, {os.cpu_count()} cores; images per second, median of rounds")
    with tempfile.TemporaryDirectory() as made:
        if given.folder is None:
            make_photographs(Path(made), count=given.images, width=given.made[0], height=given.made[1])
        every = loose_images([given.folder or made], label_names=["any"])
        manifest = loose_images([every.path(row) for row in range(min(given.images, len(every)))], label_names=["any"])
        paths = [manifest.path(row) for row in range(len(manifest))]
        bytes_each = sum(path.stat().st_size for path in paths) / len(paths)
        with Image.open(paths[0]) as first:
            print(f"{len(paths)} images, the first {first.width} x {first.height}, {bytes_each / 1e3:.0f} kB each")
        for size in given.size:
            print(f"\n{size} pixels, per second of one core")
            report(steps(paths, size), count=len(paths), rounds=given.rounds, clock=time.process_time)
            print(f"{size} pixels, per second of the clock on the wall")
            report(batches(manifest, size), count=len(paths), rounds=given.rounds)


if __name__ == "__main__":
    main()
