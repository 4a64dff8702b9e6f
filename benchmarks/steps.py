"""What a training step costs beyond the network and the loss: `fit` beside a plain loop and beside Lightning alone.

python benchmarks/steps.py [--rounds 5] [--threads 1] [--networks linear mlp images] [--clock wall]

Each round trains every rival once for two lengths, and a step is the difference of both times over the difference of
steps, so that starts don't count; what `lopsided train` does after each epoch, such as writing a checkpoint, does.
Ratios to the plain loop are taken within a round; "at best" sets the fastest steps of all rounds against each other,
which a busy machine distorts least. Results are appended to results/steps.csv.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch
from measure import CLOCKS, append, environment, spread
from scipy.sparse import csr_array
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from lopsided import AsymmetricLoss
from lopsided.data import Labels, Table
from lopsided.models import ModelOptions, build_model
from lopsided.runs.config import Config, TrainingOptions
from lopsided.training.fit import fit

FEATURES, LABELS, BATCH = 64, 80, 128
LENGTHS = 1, 4  # epochs
SIDE = 16  # pixels
NETWORKS = {
    "linear": ModelOptions(name="linear"),
    "mlp": ModelOptions(name="mlp", width=512),
    "images": ModelOptions(name="small_cnn", width=8),
}


BATCHES = {"linear": 200, "mlp": 200, "images": 10}  # of an epoch


def table(name: str) -> Table:
    """Features, or small images, and about 3 positives in 100, all for training."""
    draw = np.random.default_rng(0)
    samples = BATCH * BATCHES[name]
    if name == "images":
        features = draw.integers(0, 256, (samples, 3, SIDE, SIDE), dtype=np.uint8)
    else:
        features = draw.normal(size=(samples, FEATURES)).astype(np.float32)
    labels = Labels(tuple(f"label{k}" for k in range(LABELS)), csr_array(draw.random((samples, LABELS)) < 0.03))
    return Table("steps", features, labels, np.full(samples, "train"))


def network(name: str) -> nn.Module:
    if name == "linear":
        return nn.Linear(FEATURES, LABELS)
    if name == "images":
        shape = (3, SIDE, SIDE)
        model = build_model(NETWORKS[name], input_shape=shape, num_labels=LABELS, kind="images")
        return model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return nn.Sequential(nn.Linear(FEATURES, 512), nn.ReLU(), nn.Linear(512, LABELS))


def ours(data: Table, name: str, epochs: int) -> None:
    options = TrainingOptions(epochs=epochs, batch_size=BATCH, accelerator="cpu")
    with tempfile.TemporaryDirectory() as folder:
        fit(Config(source="generated", model=NETWORKS[name], training=options), Path(folder) / "run", data=data)


def tensors(data: Table) -> tuple[Tensor, Tensor]:
    """Inputs, those of images in [0, 1], and targets, all in memory at once."""
    inputs = torch.from_numpy(data.features)
    if inputs.dim() == 4:
        inputs = inputs.to(torch.float32, memory_format=torch.channels_last).div_(255)
    return inputs, torch.from_numpy(data.labels.positives.toarray()).float()


def plain(data: Table, name: str, epochs: int) -> None:
    """What anyone would write by hand: shuffled tensors, forward, the same loss, backward, AdamW, one cycle."""
    inputs, targets = tensors(data)
    model, criterion = network(name), AsymmetricLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=2e-3, total_steps=epochs * BATCHES[name])
    for _ in range(epochs):
        for rows in torch.randperm(len(inputs)).split(BATCH):
            optimizer.zero_grad(set_to_none=True)
            criterion(model(inputs[rows]), targets[rows]).backward()
            optimizer.step()
            schedule.step()


class Bare(pl.LightningModule):
    """The least that Lightning asks for."""

    def __init__(self, name: str, epochs: int) -> None:
        super().__init__()
        self.model, self.criterion = network(name), AsymmetricLoss()
        self.epochs, self.batches = epochs, BATCHES[name]

    def training_step(self, batch: list[Tensor]) -> Tensor:
        return self.criterion(self.model(batch[0]), batch[1])

    def configure_optimizers(self) -> dict:
        optimizer = torch.optim.AdamW(self.parameters(), lr=2e-3, fused=True)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=2e-3, total_steps=self.epochs * self.batches)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def lightning(data: Table, name: str, epochs: int) -> None:
    inputs, targets = tensors(data)
    loader = DataLoader(TensorDataset(inputs, targets), BATCH, shuffle=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = pl.Trainer(
            max_epochs=epochs, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
            enable_model_summary=False,
        )  # fmt: skip
        trainer.fit(Bare(name, epochs), loader)


RIVALS: dict[str, Callable[[Table, str, int], None]] = {
    "plain loop": plain,
    "lopsided train": ours,
    "Lightning alone": lightning,
}


def seconds_of_step(rival: Callable[[Table, str, int], None], data: Table, name: str, clock: str = "wall") -> float:
    times = []
    for epochs in LENGTHS:
        started = CLOCKS[clock]()
        rival(data, name, epochs)
        times.append(CLOCKS[clock]() - started)
    return (times[1] - times[0]) / ((LENGTHS[1] - LENGTHS[0]) * BATCHES[name])


def main() -> None:
    parser = argparse.ArgumentParser(description="What a training step costs beyond the network and the loss.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--networks", nargs="+", choices=list(NETWORKS), default=list(NETWORKS))
    parser.add_argument("--clock", choices=list(CLOCKS), default="wall", help="cpu where other work is running")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    where = environment("cpu", ("torch", "pytorch-lightning"))
    for name in options.networks:
        data = table(name)
        times: dict[str, list[float]] = {rival: [] for rival in RIVALS}
        for _ in range(options.rounds + 1):
            for rival, run in RIVALS.items():
                times[rival].append(seconds_of_step(run, data, name, options.clock))
        rows = []
        for rival, values in times.items():
            step = spread([1e3 * value for value in values[1:]])
            ratio = spread([value / base for value, base in zip(values[1:], times["plain loop"][1:], strict=True)])
            spread_of = f"({ratio.lowest:.2f} to {ratio.highest:.2f})"
            best = min(values[1:]) / min(times["plain loop"][1:])
            print(f"{name:8} {rival:16} {step.median:7.3f} ms  x {ratio.median:5.2f} {spread_of}, at best x {best:.2f}")
            row = {f"ratio_{part}": f"{value:.4f}" for part, value in ratio._asdict().items()}
            rows.append({**where, "network": name, "rival": rival, "ms": f"{step.median:.4f}", **row})
        path = append("steps", rows)
    print(f"appended to {path}")


if __name__ == "__main__":
    main()
