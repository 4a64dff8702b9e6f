"""What imbalance does to each loss: the same scenes of digits with coarser and finer labels.

    python benchmarks/imbalance.py --seeds 3

A scene holds one to five digits. Asked which digits are there (10 labels), a third of the answers are yes; asked which
digit of which colour in which part of the picture, one of several hundred is. Network, scenes, rate and length of the
training stay the same. Writes results/imbalance.csv, one row a run, and goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import tempfile
from pathlib import Path

import numpy as np
import torch
from measure import RESULTS
from scipy.sparse import csr_array

from lopsided.data import DataOptions, Labels, Table
from lopsided.data.readers.digits import CANVAS, COLOURS, draw_scenes
from lopsided.inference.evaluate import evaluate
from lopsided.models import ModelOptions
from lopsided.training import Config, LossOptions, TrainingOptions
from lopsided.training.fit import fit

LOSSES = {
    "cross-entropy": LossOptions("cross_entropy"),
    "focal": LossOptions("focal"),
    "asymmetric": LossOptions("asymmetric"),
    "adaptive": LossOptions("adaptive"),
    "asymmetric, no margin": LossOptions("asymmetric", margin=0.0),
    "asymmetric, gamma 1, no margin": LossOptions("asymmetric", gamma_neg=1.0, margin=0.0),
}
CUTS = {"digit": None, "digit, colour": (1, 1), "digit, colour, quarter": (2, 2), "digit, colour, twelfth": (3, 4)}
"""What a label says, and into how many parts, from above and from the left, it cuts the picture."""
COLUMNS = ("date", "labels", "num_labels", "ratio", "loss", "learning_rate", "epochs", "seed", "split", "mAP", "gap")
COUNTS = {"train": 2_000, "val": 1_000, "test": 2_000}


def table(cut: tuple[int, int] | None, *, seed: int) -> Table:
    """The scenes with labels so fine; those without a positive in training or test are left out."""
    images, drawn = draw_scenes(COUNTS, seed=seed)
    number, names = drawn.digit, [str(digit) for digit in range(10)]
    if cut is not None:
        rows, columns = np.minimum((drawn.centre / CANVAS * cut).astype(int), np.array(cut) - 1).T
        number = ((drawn.digit * len(COLOURS) + drawn.colour) * cut[0] + rows) * cut[1] + columns
        names = [
            f"{digit} {colour} {row} {column}"
            for digit in range(10) for colour in COLOURS for row in range(cut[0]) for column in range(cut[1])
        ]  # fmt: skip
    targets = np.zeros((len(images), len(names)), bool)
    targets[drawn.scene, number] = True
    splits = np.repeat(list(COUNTS), list(COUNTS.values()))
    seen = targets[splits == "train"].any(axis=0) & targets[splits == "test"].any(axis=0)
    labels = Labels(tuple(np.array(names)[seen].tolist()), csr_array(targets[:, seen]))
    return Table("digits", images, labels, splits)


def made(what: str, name: str, rate: float, epochs: int, seed: int) -> dict[str, object]:
    """A run of the file."""
    data = table(CUTS[what], seed=seed)
    labels = data.labels.take(data.rows("train"))
    share = labels.positives_per_label().sum() / (len(labels) * len(labels.names))
    training = TrainingOptions(epochs=epochs, batch_size=64, learning_rate=rate, accelerator="cpu")
    config = Config("digits", DataOptions(), ModelOptions(name="small_cnn"), LOSSES[name], training, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        run = fit(config, Path(folder) / "run", data=data)
        found = evaluate(run, data, split="test", save=False, keep=False)["mAP"]
        gaps = [float(row["gap"]) for row in run.rows() if row["gap"]]
    last = gaps[-len(gaps) // 4 :]
    return {
        "date": datetime.date.today().isoformat(),
        "labels": what,
        "num_labels": len(labels.names),
        "ratio": f"1:{1 / share - 1:.0f}",
        "loss": name,
        "learning_rate": rate,
        "epochs": epochs,
        "seed": seed,
        "split": "test",
        "mAP": f"{100 * found:.2f}",
        "gap": f"{sum(last) / len(last):.3f}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--rates", type=float, nargs="+", default=[0.016])
    parser.add_argument("--losses", nargs="+", choices=LOSSES, default=list(LOSSES)[:4])
    parser.add_argument("--out", type=Path, default=RESULTS / "imbalance.csv")
    options = parser.parse_args()
    torch.set_num_threads(1)
    there = set[tuple[str, ...]]()
    if options.out.is_file():
        with options.out.open(newline="") as file:
            there = {(r["labels"], r["loss"], r["learning_rate"], r["epochs"], r["seed"]) for r in csv.DictReader(file)}
    for seed in range(options.seeds):
        for what in CUTS:
            for rate in options.rates:
                for name in options.losses:
                    if (what, name, str(rate), str(options.epochs), str(seed)) in there:
                        continue
                    row = made(what, name, rate, options.epochs, seed)
                    is_new = not options.out.is_file()
                    with options.out.open("a", newline="") as file:
                        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
                        if is_new:
                            writer.writeheader()
                        writer.writerow(row)  # pyright: ignore[reportArgumentType]
                    print(row, flush=True)


if __name__ == "__main__":
    main()
