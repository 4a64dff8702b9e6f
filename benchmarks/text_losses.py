"""Losses on descriptions of packages, for a linear layer on their words, rate and weight decay chosen for each.

The splits are those of text.py. A learning rate is chosen first, then a decay, by mAP on the validation split, seed 0;
what was chosen is trained with each seed, which decides the order of the batches, and measured on the test split. What
was measured is kept in the file of --kept, so that a run that was stopped goes on where it was.
"""

import argparse
import csv
import datetime
import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from text import with_splits

from lopsided.data import DataOptions, SplitDataset, read_source
from lopsided.data.table import Table
from lopsided.data.texts.tfidf import fit_tfidf
from lopsided.metrics import mean_average_precision
from lopsided.models import ModelOptions, build_model
from lopsided.runs.loss.criterion import build_criterion
from lopsided.runs.loss.options import LossOptions
from lopsided.runs.start import start_head
from lopsided.training import TrainingOptions
from lopsided.training.loop.loaders import EpochBatches
from lopsided.training.loop.steps import Steps
from lopsided.training.loop.task import MultiLabelTask

LOSSES = {
    "cross_entropy": LossOptions(name="cross_entropy"),
    "focal": LossOptions(name="focal"),
    "asymmetric": LossOptions(name="asymmetric"),
    "margin 0.2": LossOptions(name="asymmetric", gamma_neg=0.0, margin=0.2),
    "margin 0.4": LossOptions(name="asymmetric", gamma_neg=0.0, margin=0.4),
    "adaptive": LossOptions(name="adaptive"),
}
RATES = (1e-3, 2e-3, 4e-3, 8e-3)
DECAYS = (1e-4, 1e-3, 1e-2, 1e-1)
WHAT = ["date", "data", "network", "epochs", "loss", "setting"]
HOW = ["weight_decay", "learning_rate", "outermost", "seeds", "split", "metric", "unit", "value", "sd"]


def trained(table: Table, loss: LossOptions, options: TrainingOptions, *, seed: int) -> Steps:
    """The network after the last epoch."""
    labels = table.labels.take(table.rows("train"))
    model = build_model(ModelOptions(), input_shape=table.input_shape, num_labels=len(labels.names), kind="sparse")
    start_head(model, ModelOptions(), labels=labels)
    criterion = build_criterion(
        loss,
        num_labels=len(labels.names),
        positives=labels.positives_per_label().tolist(),
        num_samples=len(labels),
    )
    batches = EpochBatches(len(labels), options.batch_size, seed=seed, with_epoch=True)
    task = MultiLabelTask(model, criterion, options, {})
    steps = Steps(task, Fabric(accelerator="cpu"), batches=len(batches), seed=seed)
    train = SplitDataset(table, split="train")
    for epoch in range(options.epochs):
        task.train()
        batches.set_epoch(epoch)
        for number, positions in enumerate(batches):
            steps.take(train[positions], epoch=epoch, number=number)
    return steps


def measured(table: Table, loss: str, split: str, *, epochs: int, seed: int, rate: float, decay: float) -> list[float]:
    """mAP, P@1 and P@5 in percent."""
    options = TrainingOptions(epochs=epochs, learning_rate=rate, weight_decay=decay)
    steps = trained(table, LOSSES[loss], options, seed=seed)
    samples = SplitDataset(table, split=split)
    with torch.inference_mode(), steps.average.in_place():
        parts = [
            steps.task.logits(samples[range(at, min(at + 512, len(samples)))]["inputs"])
            for at in range(0, len(samples), 512)
        ]
    scores, targets = torch.cat(parts), torch.from_numpy(table.labels.dense(table.rows(split))[0])
    first = targets.gather(1, scores.topk(5, dim=1).indices).double()
    values = mean_average_precision(scores, targets), first[:, 0].mean(), first.mean()
    return [100 * float(value) for value in values]


class Kept:
    """What was measured, by what it was measured of."""

    def __init__(self, path: Path) -> None:
        self.path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self.found = {json.dumps(key): value for key, value in map(json.loads, lines)}

    def get(self, table: Table, *key: Any, epochs: int) -> list[float]:
        loss, split, seed, rate, decay = key
        name = json.dumps([*key, epochs])
        if name not in self.found:
            self.found[name] = measured(table, loss, split, epochs=epochs, seed=seed, rate=rate, decay=decay)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps([[*key, epochs], self.found[name]]) + "\n")
        return self.found[name]


def main() -> None:
    parser = argparse.ArgumentParser(description="Losses on package descriptions.")
    parser.add_argument("data", type=Path, help="packages.jsonl, with the columns text, labels and group")
    parser.add_argument("--kept", type=Path, default=Path("text_losses.jsonl"))
    parser.add_argument("--out", type=Path, default=Path("text_losses.csv"))
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    data = with_splits(read_source(f"text:{given.data}", DataOptions(validation_share=0)))
    table = fit_tfidf(data).apply(data)
    get = partial(Kept(given.kept).get, table, epochs=given.epochs)
    written = [[*WHAT, *HOW]]
    for name, loss in LOSSES.items():
        rate = max(RATES, key=lambda rate: get(name, "val", 0, rate, DECAYS[0])[0])
        decay = max(DECAYS, key=lambda decay: get(name, "val", 0, rate, decay)[0])
        found = np.array([get(name, "test", seed, rate, decay) for seed in range(given.seeds)])
        outermost = "yes" if rate in (RATES[0], RATES[-1]) else ""
        setting = "γ− = 0, m = " + name.split()[1] if name.startswith("margin") else ""
        what = [str(datetime.date.today()), "debtags", "linear", given.epochs, loss.name.replace("_", "-"), setting]
        for metric, values in zip(("mAP", "P@1", "P@5"), found.T, strict=True):
            how = [f"{decay:g}", f"{rate:g}", outermost, given.seeds, "test", metric, "%"]
            written.append([*what, *how, f"{values.mean():.1f}", f"{values.std(ddof=1):.1f}"])
            print(*written[-1], flush=True)
    with given.out.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(written)


if __name__ == "__main__":
    main()
