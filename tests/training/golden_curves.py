"""The loss of each step of tiny runs; ``python -m tests.training.golden_curves`` writes tests/golden/loss-curves.csv.

Run it again only when the numbers are meant to change, and say so in CHANGELOG.md.
"""

import csv
import tempfile
from functools import cache
from pathlib import Path

import torch

from lopsided.data import Data, DataOptions, read_source
from lopsided.models import ModelOptions
from lopsided.training import Config, LossOptions, TrainingOptions
from lopsided.training.fit import fit

ROOT = Path(__file__).parents[2]
CURVES = ROOT / "tests" / "golden" / "loss-curves.csv"
TABLE = ROOT / "tests" / "golden" / "table.csv"

LOSSES = {
    "cross_entropy": LossOptions(name="cross_entropy"),
    "focal": LossOptions(name="focal"),
    "asymmetric": LossOptions(name="asymmetric"),
    # The rule that the numbers were made with.
    "adaptive": LossOptions(name="adaptive", separation=0.0, growth=0.0, full_margin_at=0.0),
    "detached": LossOptions(name="asymmetric", detach_focus=True),
}
_TRAINING = {"learning_rate": 1e-2, "accelerator": "cpu", "workers": 0}


def config_of(data: str, loss: str) -> Config:
    """A run of a few seconds: an mlp on table.csv, or a small network of convolutions on digits."""
    if data == "table":
        training = TrainingOptions(epochs=10, batch_size=12, **_TRAINING)
        return Config(source=f"table:{TABLE}", model=ModelOptions(width=16), loss=LOSSES[loss], training=training)
    return Config(
        source="digits",
        data=DataOptions(train_samples=192),
        model=ModelOptions(width=8, head_bias="drawn"),  # the start, likewise
        loss=LOSSES[loss],
        training=TrainingOptions(epochs=2, batch_size=16, **_TRAINING),
    )


@cache
def _read(source: str, options: DataOptions) -> Data:
    return read_source(source, options)


def curve_of(data: str, loss: str, out: Path) -> list[float]:
    """The loss of each step, as metrics.csv has it."""
    config = config_of(data, loss)
    run = fit(config, out, data=_read(config.source, config.data))
    return [float(row["loss"]) for row in run.rows() if row["loss"]]


def read_curves() -> dict[tuple[str, str], list[float]]:
    """The golden losses of each data set and loss."""
    curves: dict[tuple[str, str], list[float]] = {}
    with CURVES.open(newline="") as file:
        for row in csv.DictReader(file):
            curves.setdefault((row["data"], row["loss"]), []).append(float(row["value"]))
    return curves


def main() -> None:
    """Write the file."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder, CURVES.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("data", "loss", "step", "value"))
        for data in ("table", "digits"):
            for loss in LOSSES:
                values = curve_of(data, loss, Path(folder) / f"{data}-{loss}")
                writer.writerows((data, loss, step, f"{value:.6g}") for step, value in enumerate(values, start=1))


if __name__ == "__main__":
    main()
