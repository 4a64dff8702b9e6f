"""Step 5: images per second of `lopsided train` beside a bare loop over the same images, network, precision and loss.

The loop does only what it must: load, forward, loss, backward, step. Where the trainer's time goes is sampled: what its
main thread is at, every five milliseconds.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import timm
import torch
from PIL import Image
from timm.loss.asymmetric_loss import AsymmetricLossMultiLabel
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from lopsided import AsymmetricLoss
from tools.gpu_check.record import DEVICE, GPU, Record

IMAGES, SIDE, BATCH, EPOCHS = (8192, 224, 128, 5) if GPU else (48, 32, 16, 2)
NETWORK = "resnet50" if GPU else "test_resnet"
LABELS, VALIDATION = 80, 16
WORKERS = max(0, min(14, (os.cpu_count() or 1) - 2)) if GPU else 0
PLACES = {  # the innermost of these files that a stack holds says what the thread is at
    "utils/data/dataloader.py": "loader",
    "training/loop/log/steps.py": "log",
    "tensorboard": "log",
    "lopsided/losses": "loss",
    "lopsided/asymmetry": "loss",
    "autograd": "backward",
    "optim": "optimiser",
    "checkpoint": "checkpoint",
}


def make_image(path: Path) -> None:
    """A JPEG of soft noise, some 20 kB at 256 pixels as photographs have."""
    noise = np.random.default_rng(int(path.stem)).integers(0, 255, (SIDE // 8, SIDE // 8, 3), dtype=np.uint8)
    Image.fromarray(noise).resize((SIDE * 8 // 7, SIDE * 8 // 7), Image.Resampling.BICUBIC).save(path, quality=90)


def make_images(folder: Path) -> list[list[int]]:
    """The images and their listing; three labels each."""
    draw = random.Random(0)
    paths = [folder / f"{number}.jpg" for number in range(IMAGES + VALIDATION)]
    with ProcessPoolExecutor(WORKERS or 1) as pool:
        list(pool.map(make_image, paths, chunksize=64))
    labels = [sorted(draw.sample(range(LABELS), 3)) for _ in paths]
    lines = [
        f"{path.name},{'|'.join(f'label{label}' for label in some)},{'train' if number < IMAGES else 'val'}"
        for number, (path, some) in enumerate(zip(paths, labels, strict=True))
    ]
    (folder / "listing.csv").write_text("\n".join(["path,labels,split", *lines]) + "\n", encoding="utf-8")
    return labels[:IMAGES]


class Images(Dataset[tuple[Tensor, Tensor]]):
    """What any loop would do: decode, resize, bytes."""

    def __init__(self, folder: Path, labels: list[list[int]]) -> None:
        self.folder, self.labels = folder, labels

    def __len__(self) -> int:
        """Images of an epoch."""
        return len(self.labels)

    def __getitem__(self, row: int) -> tuple[Tensor, Tensor]:
        """Pixels, uint8, and targets."""
        with Image.open(self.folder / f"{row}.jpg") as image:
            pixels = np.asarray(image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)).copy()
        return torch.from_numpy(pixels).permute(2, 0, 1), torch.zeros(LABELS).index_fill_(
            0, torch.tensor(self.labels[row]), 1
        )


def bare(folder: Path, labels: list[list[int]], criterion: nn.Module, *, compile: bool) -> tuple[float, float]:
    """Images per second of the epochs after the first, and the share of their time spent waiting for images."""
    torch.manual_seed(0)
    network = timm.create_model(NETWORK, num_classes=LABELS).to(DEVICE, memory_format=torch.channels_last)
    forward = torch.compile(network) if compile else network
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, fused=GPU)
    loader = DataLoader(
        Images(folder, labels), BATCH, shuffle=True, drop_last=True, num_workers=WORKERS, pin_memory=GPU,
        persistent_workers=WORKERS > 0,
    )  # fmt: skip
    started = waited = 0.0
    for epoch in range(EPOCHS):
        if epoch == 1:
            _wait()
            started, waited = time.perf_counter(), 0.0
        asked = time.perf_counter()
        for pixels, targets in loader:
            waited += time.perf_counter() - asked
            inputs = pixels.to(DEVICE, non_blocking=True).to(memory_format=torch.channels_last).float().div_(255)
            with torch.autocast(DEVICE, torch.bfloat16):
                logits = forward(inputs)
            loss = criterion(logits.float(), targets.to(DEVICE, non_blocking=True))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            asked = time.perf_counter()
    _wait()
    taken = time.perf_counter() - started
    return (EPOCHS - 1) * len(loader) * BATCH / taken, waited / taken


def _wait() -> None:
    if GPU:
        torch.cuda.synchronize()


class Watch(threading.Thread):
    """What the main thread is at, and when each epoch ended, by the checkpoints that it writes."""

    def __init__(self, checkpoint: Path) -> None:
        super().__init__(daemon=True)
        self.checkpoint, self.ends, self.seen, self.over = checkpoint, [], Counter(), False
        self.main = threading.main_thread().ident or 0

    def run(self) -> None:
        """Look every five milliseconds."""
        last = 0
        while not self.over:
            time.sleep(0.005)
            written = self.checkpoint.stat().st_mtime_ns if self.checkpoint.exists() else 0
            if written > last:
                last = written
                self.ends.append(time.perf_counter())
            if len(self.ends) in range(1, EPOCHS):  # neither what is loaded and compiled first nor what comes last
                self.seen[self._place()] += 1

    def _place(self) -> str:
        frame = sys._current_frames().get(self.main)
        while frame is not None:
            for part, place in PLACES.items():
                if part in frame.f_code.co_filename:
                    return place
            frame = frame.f_back
        return "other"

    def images_per_second(self) -> float:
        """Of the epochs after the first."""
        return (len(self.ends) - 1) * IMAGES / (self.ends[-1] - self.ends[0])


def trainer(folder: Path, *, compile: bool) -> Watch:
    """`lopsided train`, in this process so that it can be watched."""
    from lopsided.cli.main import main as lopsided

    out = folder / f"run-{compile}"
    watch = Watch(out / "checkpoints" / "last.ckpt")
    watch.start()
    options = {
        "out": out,
        "model.name": NETWORK,
        "model.pretrained": "false",
        "data.image_size": SIDE,
        "data.cutout": 0,
        "data.rand_augment": 0,
        "loss.name": "asymmetric",
        "training.epochs": EPOCHS,
        "training.batch_size": BATCH,
        "training.precision": "bfloat16",
        "training.compile": str(compile).lower(),
        "training.workers": WORKERS,
    }
    try:
        lopsided(
            ["train", f"listing:{folder / 'listing.csv'}", *(f"--{name}={value}" for name, value in options.items())]
        )
    except SystemExit as end:
        if end.code:
            raise
    watch.over = True
    watch.join()
    return watch


def main() -> None:
    """The bare loop with each loss, then the trainer; compiled last, because that takes longest to begin."""
    record = Record("trainer")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        labels = make_images(folder)
        record.write(images=IMAGES, side=SIDE, network=NETWORK, batch=BATCH, workers=WORKERS)
        for compile in (False, True) if GPU else (False,):
            ours = 0.0
            for loss, criterion in (
                ("ours", AsymmetricLoss()),
                ("timm", AsymmetricLossMultiLabel(gamma_neg=2, gamma_pos=0, clip=0.2)),
            ):
                if compile and loss == "timm":
                    continue  # its compilation would take the time of the trainer's
                rate, waiting = bare(folder, labels, criterion, compile=compile)
                ours = ours or rate
                record.write(loop="bare", loss=loss, compile=compile, images_per_second=rate, waiting=waiting)
            watch = trainer(folder, compile=compile)
            rate, total = watch.images_per_second(), sum(watch.seen.values())
            shares = {f"at_{place}": count / total for place, count in sorted(watch.seen.items())}
            record.write(loop="lopsided train", compile=compile, images_per_second=rate, of_bare=rate / ours, **shares)


if __name__ == "__main__":
    main()
