"""Samples per second and memory of `lopsided train` and `lopsided predict` on many, at full size and a tenth of it.

Memory is the most that the process of the command ever held, by VmHWM of /proc, so that this needs Linux. Data is drawn
from a seed in a folder that is removed at the end; the images are links to 2,000 files, for the disk's sake.

python benchmarks/load.py                           all cases: half an hour of one core, 2 GB of disk
python benchmarks/load.py train --rows 100000       one case, smaller
"""

from __future__ import annotations

import argparse
import csv
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

FEATURES = 64
POSITIVES = 5  # of a row, on average
VALIDATION = 2_000  # rows, so that mAP of thousands of labels does not take longer than the epoch
FILES = 2_000  # distinct images
PIXELS = 32

# The verb in a process of its own, which says at its end how much memory it ever held.
COMMAND = """
import sys
from lopsided.cli.main import main
code = main(sys.argv[1:])
status = open("/proc/self/status").read()
print("kB", status.partition("VmHWM:")[2].split()[0])
sys.exit(code)
"""


@dataclass(frozen=True)
class Cost:
    seconds: float
    core_seconds: float  # of all its processes; what a machine says that other work keeps busy
    megabytes: float


def run(*words: str) -> Cost:
    """Time of a command, from its start to its end, and its memory."""
    start, core = time.perf_counter(), _core_seconds()
    line = [sys.executable, "-c", COMMAND, *words]
    done = subprocess.run(line, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"lopsided {' '.join(words)} ended with {done.returncode}")
    megabytes = int(done.stdout.rpartition("kB ")[2]) * 1024 / 1e6
    return Cost(time.perf_counter() - start, _core_seconds() - core, megabytes)


def _core_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def write_table(path: Path, *, rows: int, labels: int, validation: int) -> None:
    """Features that lean towards those of a row's labels; labels of which the k-th is about 1/k as frequent."""
    random = np.random.default_rng(0)
    ends = np.cumsum(np.concatenate([[0], random.poisson(POSITIVES, rows)]))
    shares = 1 / np.arange(1, labels + 1)
    drawn = np.searchsorted(np.cumsum(shares) / shares.sum(), random.random(ends[-1])).clip(max=labels - 1)
    positives = csr_array((np.ones(len(drawn), np.float32), drawn.astype(np.int32), ends), shape=(rows, labels))
    features = positives @ random.standard_normal((labels, FEATURES), dtype=np.float32)
    features += random.standard_normal((rows, FEATURES), dtype=np.float32)
    split = np.full(rows, "train")
    split[rows - validation :] = "val"
    np.savez(
        path,
        features=features.astype(np.float32, copy=False),
        labels_indptr=positives.indptr,
        labels_indices=positives.indices,
        label_names=np.array([f"label {k}" for k in range(labels)]),
        split=split,
    )


def write_images(folder: Path, *, images: int) -> None:
    """PNG files of 32 pixels, each linked under as many names as it takes, and a listing of all names."""
    from PIL import Image

    random = np.random.default_rng(0)
    folder.mkdir()
    with (folder / "listing.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "split", "labels"])
        for number in range(images):
            place = folder / f"{number // 1000:04}"
            place.mkdir(exist_ok=True)
            path, first = place / f"{number:07}.png", folder / "0000"
            if number < FILES:
                # Flat squares: about a kilobyte, as small photographs have when compressed.
                squares = random.integers(256, size=(8, 8, 3), dtype=np.uint8)
                Image.fromarray(squares.repeat(PIXELS // 8, 0).repeat(PIXELS // 8, 1)).save(path)
            else:
                source = number % FILES
                os.link(first.parent / f"{source // 1000:04}" / f"{source:07}.png", path)
            split = "val" if number % 10 == 1 else "train"
            writer.writerow([path.relative_to(folder), split if number < FILES else "test", f"label {number % 80}"])


def made(write: Callable[..., None], path: Path, **sizes: int) -> Path:
    """In a process of its own: a command that starts from a large one counts that one's memory as its own."""
    process = multiprocessing.get_context("spawn").Process(target=write, args=(path,), kwargs=sizes)
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"could not write {path}")
    return path


def train_rows(folder: Path, rows: int, labels: int) -> Cost:
    """One epoch of a linear model, in batches of 4,096."""
    table = made(write_table, folder / f"{rows}.npz", rows=rows, labels=labels, validation=min(VALIDATION, rows // 10))
    return _train(f"table:{table}", folder / f"run-{rows}", model="linear", batch=4096)


def predict_rows(folder: Path, rows: int, labels: int) -> Cost:
    """All rows of a table, by a linear model, to Parquet."""
    few = made(write_table, folder / "few.npz", rows=5_000, labels=labels, validation=500)
    _train(f"table:{few}", folder / "run", model="linear", batch=256)
    table = made(write_table, folder / f"{rows}.npz", rows=rows, labels=labels, validation=0)
    return _predict(folder / "run", f"table:{table}", "train", folder / "predictions.parquet")


def predict_images(folder: Path, images: int, _labels: int) -> Cost:
    """Small images of a listing, by a small convolutional network and 80 labels, to Parquet."""
    listing = made(write_images, folder / "images", images=images + FILES) / "listing.csv"
    _train(f"listing:{listing}", folder / "run", model="small_cnn", batch=256)
    return _predict(folder / "run", f"listing:{listing}", "test", folder / "predictions.parquet")


CASES: dict[str, tuple[Callable[[Path, int, int], Cost], int, int]] = {  # samples and labels of each
    "predict-rows": (predict_rows, 200_000, 80),
    "predict-many-labels": (predict_rows, 200_000, 5_000),
    "predict-images": (predict_images, 200_000, 80),
    "train": (train_rows, 1_000_000, 5_000),
}


def _train(source: str, out: Path, *, model: str, batch: int) -> Cost:
    options = {"model.name": model, "training.batch_size": batch, "training.epochs": 1, "training.accelerator": "cpu"}
    if model == "small_cnn":
        options |= {"data.image_size": PIXELS, "model.width": 8}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return run("train", source, "--out", str(out), *words)


def _predict(model: Path, source: str, split: str, out: Path) -> Cost:
    cost = run("predict", str(model), source, "--split", split, "--out", str(out))
    print(f"    {out.stat().st_size / 1e6:,.0f} MB of predictions")
    return cost


def main() -> None:
    parser = argparse.ArgumentParser(description="Rows per second and memory on many samples.")
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"{', '.join(CASES)} (default: all)")
    parser.add_argument("--rows", type=int, help="samples (default: 200000 to predict, 1000000 to train on)")
    parser.add_argument("--labels", type=int, help="labels of a table (default: 80 or 5000)")
    parser.add_argument("--full", action="store_true", help="leave out the run at a tenth of the size")
    given = parser.parse_args()
    if unknown := [name for name in given.cases if name not in CASES]:
        parser.error(f"wanted {', '.join(CASES)}, got {unknown[0]}")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    for name in given.cases or CASES:
        measure, rows, labels = CASES[name]
        rows, labels = given.rows or rows, given.labels or labels
        for size in (rows,) if given.full else (rows // 10, rows):
            with tempfile.TemporaryDirectory() as folder:
                cost = measure(Path(folder), size, labels)
            print(f"{name}: {size:,} samples, {labels:,} labels: {_told(cost, size)}", flush=True)


def _told(cost: Cost, size: int) -> str:
    parts = [
        f"{taken:.0f} s{of} ({size / taken:,.0f} a second)"
        for taken, of in ((cost.seconds, ""), (cost.core_seconds, " of a core"))
    ]
    return f"{', '.join(parts)}, {cost.megabytes:,.0f} MB"


if __name__ == "__main__":
    main()
