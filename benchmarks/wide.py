"""The memory that a linear layer on a wide sparse table takes, beyond its weights and the state of its optimiser.

The table is drawn: ``--set`` features of each sample are not 0, and labels follow Zipf's law, five draws a sample.
Peak is that of the process, less what it had before it began; the weights are one float32 per feature and label.
An epoch takes long: ``--steps`` trains on as many batches, and leaves the other samples to a split of their own. The
memory is that of a whole epoch once every feature has been seen, which 100 steps of 128 samples are enough for. Then
the validation split, a tenth of the samples, is evaluated.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
from measure import append, environment
from scipy.sparse import csr_array

from lopsided.data import Labels, Table
from lopsided.inference.evaluate import evaluate
from lopsided.models import ModelOptions
from lopsided.training import Config, LossOptions, RunFolder, TrainingOptions
from lopsided.training.fit import fit


def drawn(options: argparse.Namespace) -> Table:
    samples, labels = options.samples, options.labels
    draw = np.random.default_rng(0)
    columns = draw.integers(options.features, size=samples * options.set, dtype=np.int32)
    bounds = np.arange(0, samples * options.set + 1, options.set, dtype=np.int32)
    values = draw.random(len(columns), dtype=np.float32)
    inputs = csr_array((values, columns, bounds), shape=(samples, options.features))
    inputs.sum_duplicates()
    frequency = 1 / np.arange(1, labels + 1)
    chosen = draw.choice(labels, size=5 * samples, p=frequency / frequency.sum())
    positives = csr_array((np.ones(len(chosen), bool), (np.repeat(np.arange(samples), 5), chosen)), (samples, labels))
    splits = np.where(np.arange(samples) % 10, "train", "val")
    splits[np.flatnonzero(splits == "train")[options.steps * options.batch_size :]] = "left"
    names = tuple(f"label {k}" for k in range(labels))
    return Table("drawn", inputs, Labels(names, positives), splits, stays_sparse=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Memory of a linear layer on a wide table, trained and evaluated.")
    parser.add_argument("--samples", type=int, default=200_000)
    parser.add_argument("--features", type=int, default=100_000)
    parser.add_argument("--labels", type=int, default=20_000)
    parser.add_argument("--set", type=int, default=100, help="features of a sample that are not 0")
    parser.add_argument("--network", default="linear", help="linear or mlp")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--steps", type=int, default=200, help="of training, in one epoch")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=".") as folder:
        for stage in (trained, evaluated):  # each in a process of its own, with its own peak
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
                row = pool.submit(stage, options, Path(folder) / "run").result()
            print(", ".join(f"{name} {value}" for name, value in row.items()))
            append("wide", [{**environment("cpu", ("torch",)), **row}])


def trained(options: argparse.Namespace, out: Path) -> dict[str, str]:
    table = drawn(options)
    config = Config(
        source="svmlight:drawn",
        model=ModelOptions(name=options.network),
        loss=LossOptions(gamma_neg=0.0),
        training=TrainingOptions(epochs=1, batch_size=options.batch_size, accelerator="cpu"),
    )
    before, started = peak_mib(), time.perf_counter()
    run = fit(config, out, data=table)
    seconds, peak = time.perf_counter() - started, peak_mib() - before
    last = run.checkpoint(run.checkpoints / "last.ckpt")
    states = [value for state in last["optimizer_states"][0]["state"].values() for value in state.values()]
    kept = mib(last["current_model_state"].values()) + mib(states)
    steps = len([row for row in run.rows() if row["loss"]])
    return row_of(options, f"{steps} steps of {options.batch_size}", kept=kept, peak=peak, seconds=seconds)


def evaluated(options: argparse.Namespace, out: Path) -> dict[str, str]:
    """Of the validation split, a tenth of the samples."""
    table, run = drawn(options), RunFolder(out)
    before, started = peak_mib(), time.perf_counter()
    evaluate(run, table, split="val", save=False, keep=False)
    seconds, peak = time.perf_counter() - started, peak_mib() - before
    kept, samples = mib(run.load().model.state_dict().values()), len(table.rows("val"))
    return row_of(options, f"evaluate of {samples} samples", kept=kept, peak=peak, seconds=seconds)


def row_of(options: argparse.Namespace, what: str, *, kept: float, peak: float, seconds: float) -> dict[str, str]:
    size = f"{options.samples} x {options.features} x {options.labels}"
    return {
        "case": f"{size}, {options.set} set, {options.network}, {what}",
        "weights_and_state_mib": f"{kept:.0f}",
        "peak_mib": f"{peak:.0f}",
        "more_mib": f"{peak - kept:.0f}",
        "seconds": f"{seconds:.0f}",
    }


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def mib(tensors: Iterable[torch.Tensor]) -> float:
    return sum(value.numel() * value.element_size() for value in tensors) / 2**20


if __name__ == "__main__":
    main()
