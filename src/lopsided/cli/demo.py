"""lopsided demo."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

from lopsided.cli.parser import Parser, folder_to_write
from lopsided.cli.printing import counted
from lopsided.data.options import DataOptions
from lopsided.runs.config import Config, LossOptions, ReportOptions, TrainingOptions

LOSSES = {
    "cross-entropy": LossOptions(name="cross_entropy"),
    "focal": LossOptions(name="focal"),
    "asymmetric": LossOptions(name="asymmetric"),
    "adaptive": LossOptions(name="adaptive", target_gap=0.1),
    "adaptive-printed-sign": LossOptions(
        name="adaptive", target_gap=0.1, rate=-0.7, separation=0.0, growth=0.0, full_margin_at=0.0
    ),
}


def main(arguments: list[str]) -> int:
    """Train the losses on the bundled digits, evaluate them and write the report."""
    parser = Parser(
        "demo",
        "Train cross-entropy, focal, asymmetric and adaptive loss (and eq. 9 with its printed sign) on scenes of "
        "handwritten digits, evaluate them on the test split and write one page. All at one learning rate, which shows "
        "what the parts do and ranks no losses. About three minutes on two cores.",
        examples=("lopsided demo", "lopsided demo --out runs/longer --epochs 12 --train_samples 20000"),
    )
    parser.add_argument("--out", type=folder_to_write, default="runs/demo", help="folder for the runs and report.html")
    parser.add_argument("--epochs", type=int, default=5, help="passes over the training scenes, >= 1")
    parser.add_argument("--train_samples", type=int, default=6000, help="training scenes, >= 1")
    parser.add_argument("--seed", type=int, default=0, help="decides every random choice, >= 0")
    given = parser.parse_args(arguments)
    configs = parser.checked(lambda: _configs(given))

    from lopsided.data import read_source
    from lopsided.inference.evaluate import evaluate
    from lopsided.reports import write_report
    from lopsided.reports.runs import read_runs
    from lopsided.reports.summary import warnings_about
    from lopsided.runs.folder import RunFolder
    from lopsided.runs.lock import writing
    from lopsided.training.fit import fit

    out, started = Path(given.out), time.monotonic()
    first = next(iter(configs.values()))
    print(f"composing {given.train_samples} training scenes of handwritten digits ...", flush=True)
    table = read_source("digits", first.data, seed=given.seed)
    for number, (name, config) in enumerate(configs.items(), start=1):
        print(f"[{number}/{len(configs)}] {name}: training {counted(given.epochs, 'epoch')}", flush=True)
        if RunFolder(out / name).config_file.exists():  # of an earlier demo; anything else there is not ours to remove
            with writing(out / name):  # and not one that is running
                pass
            shutil.rmtree(out / name)
        run = fit(config, out / name, data=table)
        result = evaluate(run, table)
        print(f"[{number}/{len(configs)}] {name}: test mAP {100 * result['mAP']:.2f}", flush=True)
    runs = [out / name for name in configs]
    page = write_report(runs, out / "report.html")
    print("\nbefore you believe the numbers:")
    for text in warnings_about(read_runs(runs)):
        print(f"- {text}")
    print(f"\ndone in {time.monotonic() - started:.0f} s; open {page}")
    return 0


def _configs(given: Any) -> dict[str, Config]:
    training = TrainingOptions(epochs=given.epochs, batch_size=64, learning_rate=5e-3)
    report = ReportOptions(title="Losses compared on scenes of handwritten digits")
    data = DataOptions(train_samples=given.train_samples)
    return {
        name: Config(source="digits", data=data, loss=loss, training=training, report=report, seed=given.seed)
        for name, loss in LOSSES.items()
    }
