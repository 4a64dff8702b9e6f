"""The best of `lopsided tune` beside the best of a whole grid that has ten times as many runs.

    python benchmarks/tuning.py arff:bibtex --seeds 3
    python benchmarks/tuning.py arff:bibtex --seeds 3 --against 34.3  # best row of docs/experiments/data, in percent

For each seed, the grid (14 losses and settings, 5 learning rates, 4 weight decays) and a search of a tenth as many
trials choose on the same validation samples; what is compared is the test mAP of what each has chosen. What was made is
kept in --out, and the same line goes on. Data whose runs are trained one by one takes a smaller grid (--coarse).
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import math
from pathlib import Path
from statistics import fmean

from lopsided.data import read_source
from lopsided.data.options import DataOptions
from lopsided.experiments.grid.batched import GridRun, train_grid, why_not
from lopsided.models import ModelOptions
from lopsided.runs.config import Config, LossOptions, TrainingOptions

SETTINGS = (
    LossOptions("cross_entropy"),
    LossOptions("focal"),
    LossOptions("asymmetric"),
    LossOptions("asymmetric", gamma_neg=1.0, margin=0.0),
    LossOptions("asymmetric", gamma_neg=4.0, margin=0.0),
    LossOptions("asymmetric", gamma_neg=8.0, margin=0.0),
    LossOptions("asymmetric", gamma_neg=0.0, margin=0.4),
    LossOptions("adaptive"),
    LossOptions("two_way"),
    LossOptions("polynomial"),
    LossOptions("distribution_balanced"),
    LossOptions("hill"),
    LossOptions("splc"),
    LossOptions("zlpr"),
)
COARSE = tuple(SETTINGS[place] for place in (0, 2, 3, 6, 7))
RATES = (0.002, 0.008, 0.032, 0.128, 0.512)
COARSE_RATES = (0.001, 0.004, 0.016)
DECAYS = (1e-4, 0.1, 0.3, 1.0)
COARSE_DECAYS = (1e-4, 1e-2)


def grid_of(coarse: bool) -> list[tuple[LossOptions, float, float]]:
    """Every run of the grid: loss, learning rate, weight decay."""
    parts = (COARSE, COARSE_RATES, COARSE_DECAYS) if coarse else (SETTINGS, RATES, DECAYS)
    return list(itertools.product(*parts))


def grid(options: argparse.Namespace, seed: int) -> list[dict]:
    """Validation and test mAP of every run of the grid, from the file of the seed, which is completed."""
    path = options.out / f"grid-seed{seed}.json"
    found = json.loads(path.read_text()) if path.is_file() else []
    runs = grid_of(options.coarse)
    if len(found) == len(runs):
        return found
    data = read_source(options.source, DataOptions(**options.data), seed=seed)
    alone = why_not(data, options.model, options.training)
    at_once = 1 if alone else len(RATES) * len(DECAYS)
    while len(found) < len(runs):
        part = runs[len(found) : len(found) + at_once]
        found += [_alone(options, data, seed, *run) for run in part] if alone else _together(options, data, seed, part)
        path.write_text(json.dumps(found))
        print(f"seed {seed}: {len(found)} of {len(runs)}", flush=True)
    return found


def _together(options: argparse.Namespace, data, seed: int, part) -> list[dict]:
    runs = [GridRun(loss, rate, seed, decay) for loss, rate, decay in part]
    outcomes = train_grid(data, runs, model=options.model, training=options.training, test=True)
    return [
        {**_about(*run), "val": outcome.best_val_mAP, "test": outcome.test["mAP"]}
        for run, outcome in zip(part, outcomes, strict=True)
    ]


def _alone(options: argparse.Namespace, data, seed: int, loss: LossOptions, rate: float, decay: float) -> dict:
    import shutil

    from lopsided.inference.evaluate import evaluate
    from lopsided.training.fit import fit

    training = dataclasses.replace(options.training, learning_rate=rate, weight_decay=decay)
    config = Config(options.source, DataOptions(**options.data), options.model, loss, training, seed=seed)
    folder = options.out / f"one-seed{seed}"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        run = fit(config, folder, data=data)
        val = max(float(row["val_mAP"]) for row in run.rows() if row["val_mAP"])
        test = float(evaluate(run, data, split="test", save=False, keep=False)["mAP"])
    except ValueError:
        val = test = math.nan
    return {**_about(loss, rate, decay), "val": val, "test": test}


def _about(loss: LossOptions, rate: float, decay: float) -> dict:
    return {"loss": loss.name, "settings": loss.given(), "rate": rate, "decay": decay}


def searched(options: argparse.Namespace, seed: int) -> dict:
    """What `lopsided tune` comes to with a tenth of the trials."""
    from lopsided.experiments.tuning.search import Search
    from lopsided.experiments.tuning.tune import tune

    search = Search(
        source=options.source,
        trials=len(grid_of(options.coarse)) // 10,
        seed=seed,
        data=DataOptions(**options.data),
        model=options.model,
        training=options.training,
    )
    return tune(search, options.out / f"tune-seed{seed}").about


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seed", type=int, help="the grid of this seed alone, and no search")
    parser.add_argument("--against", type=float, help="test mAP in percent to compare with, in place of a grid")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--model", default="linear")
    parser.add_argument("--test-share", type=float, default=0.0)
    parser.add_argument("--coarse", action="store_true")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    options.data = {"test_share": options.test_share} if options.test_share else {}
    options.model = ModelOptions(name=options.model)
    options.training = TrainingOptions(epochs=options.epochs, accelerator="cpu")
    if options.seed is not None:
        grid(options, options.seed)
        return
    differences = []
    for seed in range(options.seeds):
        against = options.against
        if against is None:
            best = max((run for run in grid(options, seed) if math.isfinite(run["val"])), key=lambda run: run["val"])
            against = 100 * best["test"]
            print(f"seed {seed}: grid of {len(grid_of(options.coarse))}: test {against:.2f}: {best}")
        found = searched(options, seed)
        differences.append(100 * found["test"]["mAP"] - against)
        val, test = 100 * found["val_mAP"], 100 * found["test"]["mAP"]
        print(f"seed {seed}: search of {found['trials']}: val {val:.2f} test {test:.2f}: {found['best']}")
        print(f"seed {seed}: difference of test {differences[-1]:+.2f}", flush=True)
    print(f"mean difference {fmean(differences):+.2f} points of mAP over {len(differences)} seeds")


if __name__ == "__main__":
    main()
