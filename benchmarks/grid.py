"""A grid of settings and seeds as one batched model beside its runs one by one, interleaved in one process.

python benchmarks/grid.py                                   20 losses x 5 seeds, features as of a frozen backbone, drawn
python benchmarks/grid.py --source table:features.npz       your own
python benchmarks/grid.py --alone 100                       every run of the grid one by one (default: 10 of them)

"one by one" is the trainer, `lopsided.training.fit.fit`, as `lopsided train` calls it; "a grid of one" is the batched
code with a single run at a time, which does without the trainer's logs and checkpoints. What batching cannot take away
is the arithmetic: at the end stands its share of the batched time, and with it the highest ratio that is possible.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import platform
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import torch
from scipy.sparse import csr_array

from lopsided.data import Labels, Table, read_source
from lopsided.experiments.grid.batched import GridRun, train_grid
from lopsided.models import ModelOptions
from lopsided.training import Config, LossOptions, TrainingOptions
from lopsided.training.fit import fit

SAMPLES = {"train": 5841, "val": 639, "test": 1246}  # as of the clipart drawings, whose features these stand for
FEATURES, LABELS = 1280, 110
LINEAR = ModelOptions(name="linear")


def drawn_table() -> Table:
    draw = np.random.default_rng(0)
    count = sum(SAMPLES.values())
    features = np.abs(draw.normal(size=(count, FEATURES))).astype(np.float32)
    logits = features @ draw.normal(size=(FEATURES, LABELS)) / 20 + draw.normal(size=(count, LABELS)) / 2
    targets = csr_array(logits > np.quantile(logits, 0.97, axis=0))
    labels = Labels(tuple(f"label {number}" for number in range(LABELS)), targets)
    return Table("drawn", features, labels, np.repeat(list(SAMPLES), list(SAMPLES.values())))


def grid(seeds: int, rate: float) -> list[GridRun]:
    losses = [LossOptions(gamma_neg=g, margin=m) for g in (0, 1, 2, 3, 4) for m in (0, 0.05, 0.1, 0.2)]
    return [GridRun(loss, rate, seed) for loss in losses for seed in range(seeds)]


def batched(table: Table, runs: list[GridRun], training: TrainingOptions) -> tuple[float, list[float]]:
    started = time.perf_counter()
    outcomes = train_grid(table, runs, model=LINEAR, training=training)
    return (time.perf_counter() - started) / len(runs), [outcome.best_val_mAP for outcome in outcomes]


def one_by_one(table: Table, runs: list[GridRun], training: TrainingOptions) -> tuple[float, list[float]]:
    started, found = time.perf_counter(), []
    for run in runs:
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
            config = Config(source="drawn", model=LINEAR, loss=run.loss, training=training, seed=run.seed)
            rows = fit(config, Path(folder) / "run", data=table).rows()
        found.append(max(float(row["val_mAP"]) for row in rows if row["val_mAP"]))
    return (time.perf_counter() - started) / len(runs), found


def grids_of_one(table: Table, runs: list[GridRun], training: TrainingOptions) -> tuple[float, list[float]]:
    parts = [batched(table, [run], training) for run in runs]
    return sum(seconds for seconds, _ in parts) / len(parts), [found for _, (found,) in parts]


def arithmetic(table: Table, num_runs: int, training: TrainingOptions) -> float:
    """Seconds a run that the products of the linear layer alone take, forward and backward, for the same steps."""
    inputs = torch.rand(training.batch_size, table.input_shape[0])
    weights = torch.rand(num_runs, table.input_shape[0], len(table.labels.names))
    slopes = torch.rand(num_runs, training.batch_size, len(table.labels.names))
    times = []
    for _ in range(5):
        started = time.perf_counter()
        torch.matmul(inputs, weights)
        torch.matmul(inputs.T, slopes)
        times.append(time.perf_counter() - started)
    return training.epochs * -(-len(table.rows("train")) // training.batch_size) * median(times) / num_runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", help="data to use (default: drawn features of the size of a frozen backbone's)")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--alone", type=int, default=10, help="runs to make one by one, spread over the grid")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    table = drawn_table() if options.source is None else read_source(options.source)
    training = TrainingOptions(epochs=options.epochs, learning_rate=0.003, accelerator="cpu")
    runs = grid(options.seeds, training.learning_rate)
    some = runs[:: max(1, len(runs) // options.alone)][: options.alone]
    print(
        f"torch {torch.__version__}, {options.threads} threads, {platform.machine()}: {len(runs)} runs, {table.name}, "
        f"{options.epochs} epochs, {len(some)} of them one by one"
    )
    for case in (batched, grids_of_one, one_by_one):  # not counted
        case(table, runs[:1], training)
    cases = {"batched": (batched, runs), "a grid of one": (grids_of_one, some), "one by one": (one_by_one, some)}
    times: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(options.repeats):
        values = {}
        for name, (case, which) in cases.items():
            seconds, values[name] = case(table, which, training)
            times[name].append(seconds)
        values["batched"] = [values["batched"][runs.index(run)] for run in some]
        if (worst := max(abs(a - b) for a, b in zip(values["batched"], values["one by one"], strict=True))) > 1e-4:
            raise SystemExit(f"validation mAP differs by {worst}")
    ours = median(times["batched"])
    for name, found in times.items():
        ratios = sorted(value / one for value, one in zip(found, times["batched"], strict=True))
        print(f"  {name:<14} {median(found):7.3f} s a run  {median(ratios):5.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")
    least = arithmetic(table, len(runs), training)
    print(
        f"  matrix products alone take {least:.3f} s a run: at most {median(times['one by one']) / least:.1f} times, "
        f"and {100 * least / ours:.0f} % of the batched time"
    )


if __name__ == "__main__":
    main()
