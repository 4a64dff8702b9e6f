"""The memory that a linear layer on a wide sparse table takes, beyond its weights and the state of its optimiser.

The table is drawn: ``--set`` features of each sample are not 0, and labels follow Zipf's law, five draws a sample.
Peak is that of the process, less what it had before it began; the weights are one float32 per feature and label.
An epoch takes long: ``--steps`` trains on as many batches, and leaves the other samples to a split of their own. The
memory is that of a whole epoch once every feature has been seen, which 100 steps of 128 samples are enough for.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
from measure import append, environment
from scipy.sparse import csr_array

from lopsided.data import Labels, Table
from lopsided.models import ModelOptions
from lopsided.training import Config, LossOptions, TrainingOptions
from lopsided.training.fit import fit


def drawn(samples: int, features: int, labels: int, *, per_sample: int, trained_on: int) -> Table:
    draw = np.random.default_rng(0)
    columns = draw.integers(features, size=samples * per_sample, dtype=np.int32)
    bounds = np.arange(0, samples * per_sample + 1, per_sample, dtype=np.int32)
    inputs = csr_array((draw.random(len(columns), dtype=np.float32), columns, bounds), shape=(samples, features))
    inputs.sum_duplicates()
    frequency = 1 / np.arange(1, labels + 1)
    chosen = draw.choice(labels, size=5 * samples, p=frequency / frequency.sum())
    positives = csr_array((np.ones(len(chosen), bool), (np.repeat(np.arange(samples), 5), chosen)), (samples, labels))
    splits = np.where(np.arange(samples) % 10, "train", "val")
    splits[np.flatnonzero(splits == "train")[trained_on:]] = "left"
    names = tuple(f"label {k}" for k in range(labels))
    return Table("drawn", inputs, Labels(names, positives), splits, stays_sparse=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Memory of a linear layer on a wide sparse table.")
    parser.add_argument("--samples", type=int, default=200_000)
    parser.add_argument("--features", type=int, default=100_000)
    parser.add_argument("--labels", type=int, default=20_000)
    parser.add_argument("--set", type=int, default=100, help="features of a sample that are not 0")
    parser.add_argument("--network", default="linear", help="linear or mlp")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--steps", type=int, default=200, help="of training, in one epoch")
    options = parser.parse_args()
    table = drawn(
        options.samples,
        options.features,
        options.labels,
        per_sample=options.set,
        trained_on=options.steps * options.batch_size,
    )
    config = Config(
        source="svmlight:drawn",
        model=ModelOptions(name=options.network),
        loss=LossOptions(gamma_neg=0.0),
        training=TrainingOptions(epochs=1, batch_size=options.batch_size, accelerator="cpu"),
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # MiB
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=".") as folder:
        run = fit(config, Path(folder) / "run", data=table)
        seconds = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before
        last, rows = run.checkpoint(run.checkpoints / "last.ckpt"), run.rows()
    kept = sum(value.numel() * value.element_size() for value in last["current_model_state"].values())
    states = [value for state in last["optimizer_states"][0]["state"].values() for value in state.values()]
    kept = (kept + sum(value.numel() * value.element_size() for value in states)) / 2**20
    size = f"{options.samples} x {options.features} x {options.labels}"
    steps = len([row for row in rows if row["loss"]])
    case = f"{size}, {options.set} set, {options.network}, {steps} steps of {options.batch_size}"
    numbers = {
        "weights_and_state_mib": f"{kept:.0f}",
        "peak_mib": f"{peak:.0f}",
        "more_mib": f"{peak - kept:.0f}",
        "seconds": f"{seconds:.0f}",
    }
    print(f"{case}: weights and state {kept:.0f} MiB, peak {peak:.0f} MiB, {peak - kept:.0f} more, {seconds:.0f} s")
    append("wide", [{**environment("cpu", ("torch",)), "case": case, **numbers}])


if __name__ == "__main__":
    main()
