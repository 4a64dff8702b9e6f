"""lopsided sweep NAME SOURCE."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

from lopsided.cli.parser import Parser, default_folder, folder_to_write
from lopsided.cli.printing import say, table
from lopsided.data.options import DataOptions
from lopsided.experiments.settings import GRIDS, SweepName, check_numbers, settings_of
from lopsided.models.options import ModelOptions
from lopsided.runs.config import LossOptions, TrainingOptions

if TYPE_CHECKING:
    from lopsided.experiments.plan import Sweep
    from lopsided.experiments.statistics import Result

NAMES = get_args(SweepName)


def main(arguments: list[str]) -> int:
    """Run an experiment and write its table, figure, rows and page."""
    parser = _parser()
    given = parser.parse_args(arguments)
    wanted = parser.checked(lambda: _wanted(given.name, parser.instantiate(given)))
    out = Path(given.out) if given.out else default_folder("sweeps", wanted.source, wanted.name)

    # Late, so that wrong usage is told at once.
    from lopsided.experiments.out_folder import outputs_lock
    from lopsided.experiments.outputs import write_outputs
    from lopsided.experiments.study import sqlite_at
    from lopsided.experiments.sweep import run_sweep
    from lopsided.reports.sweeps.page import summary_of, write_sweep_report
    from lopsided.reports.sweeps.reading import read_sweep

    rows = run_sweep(wanted, out / "runs", storage=given.storage or sqlite_at(out / "study.db"), out=out)
    with outputs_lock(out):
        found = write_outputs(wanted, rows, out)
        pages = write_sweep_report(out)
    print_results(wanted, found, summary_of(read_sweep(out)))
    for path in [out / "rows.parquet", out / "summary.csv", *pages]:
        print(f"wrote {path}")
    return 0


def _parser() -> Parser:
    parser = Parser(
        "sweep",
        "One of the paper's experiments on any data: gamma_neg, margin, combination (of the two), adaptive, or losses. "
        "The learning rate of each setting is chosen on the validation split, and the test split is read once. "
        "The same line goes on where it was stopped; once the data has changed, it asks for another --out.",
        examples=(
            "lopsided sweep gamma_neg arff:data/bibtex --grid 0,1,2,4,8 --model.name linear",
            "lopsided sweep losses table:features.parquet --missing 0,0.3 --seeds 5 --trials 5 --out sweeps/losses",
            "lopsided sweep margin digits --seeds 2 --trials 1 --training.epochs 5",
            "lopsided sweep losses arff:data/bibtex --storage postgresql://me@host/lab  # on each machine",
        ),
    )
    parser.add_argument("name", choices=list(NAMES), help=f"which experiment: {', '.join(NAMES)}")
    parser.add_argument("source", help="data with train, val and test splits, as lopsided train takes it")
    defaults = "; ".join(f"{name}: {','.join(grid)}" for name, grid in GRIDS.items() if name != "losses")
    parser.add_argument(
        "--grid", type=str, help=f"what to compare, joined by commas (default of {defaults}; losses: every one)"
    )
    parser.add_argument("--seeds", type=int, default=5, help="runs of each setting, >= 1")
    parser.add_argument(
        "--trials", type=int, default=4, help="learning rates to try for each setting, a factor of 4 apart, >= 1"
    )
    parser.add_argument(
        "--missing", type=str, default="0", help="shares of the training positives to hide, in [0, 1), joined by commas"
    )
    parser.add_argument("--out", type=folder_to_write, help="folder for the results (default: sweeps/SOURCE-NAME)")
    parser.add_argument(
        "--storage",
        type=str,
        help="study of many machines, postgresql://USER@HOST/DATABASE (default: study.db in the folder)",
    )
    for group, options in (("data", DataOptions), ("model", ModelOptions), ("training", TrainingOptions)):
        parser.add_argument(f"--{group}", type=options, default=options())
    parser.add_argument(
        "--loss", type=LossOptions, default=LossOptions(), help="What all settings share, such as --loss.margin"
    )
    return parser


def _wanted(name: str, given: Any) -> Sweep:
    from lopsided.experiments.plan import Sweep
    from lopsided.runs.criterion import build_criterion

    grid = None if given.grid is None else [value.strip() for value in given.grid.split(",")]
    settings = settings_of(cast(SweepName, name), grid=grid, base=given.loss)
    for setting in settings:
        build_criterion(setting.loss, num_labels=1, positives=[1], num_samples=2)  # refuses values out of range
    try:
        missing = tuple(float(share) for share in given.missing.split(","))
    except ValueError:
        raise ValueError(f"expected --missing to be numbers joined by commas, got {given.missing!r}") from None
    wanted = Sweep(
        name=name,
        source=given.source,
        settings=tuple(settings),
        seeds=given.seeds,
        trials=given.trials,
        missing=missing,
        data=given.data,
        model=given.model,
        training=given.training,
    )
    check_numbers(settings, wanted.rates)
    return wanted


def print_results(wanted: Sweep, found: Sequence[Result], summary: str) -> None:
    """What came out, and a table of the settings for each share of hidden positives, in per cent."""
    columns = ("setting", "mAP", "sd", "difference", "95 % interval", "micro AP", "gap", "gamma_neg", "rate")
    say(summary)
    for missing in wanted.missing:
        rows = []
        for result in (result for result in found if result.missing == missing):
            is_baseline = result.setting == result.baseline
            interval = f"{100 * result.low:+.2f} to {100 * result.high:+.2f}" if result.low == result.low else ""
            rows.append(
                (
                    result.setting,
                    f"{100 * result.mAP:.2f}",
                    f"{100 * result.sd:.2f}" if result.sd == result.sd else "",
                    "baseline" if is_baseline else f"{100 * result.difference:+.2f}",
                    "" if is_baseline else interval,
                    f"{100 * result.others['micro_AP']:.2f}",
                    f"{result.final_gap:+.2f}",
                    f"{result.final_gamma_neg:.2f}",
                    f"{result.learning_rate:g}{'*' if result.at_edge else ''}",
                )
            )
        hidden = f", {100 * missing:g} % of positives hidden" if missing else ""
        title = f"{wanted.name} on {wanted.source}: test split, mean of {wanted.seeds} seeds{hidden}"
        say(title, table(columns, rows), width=None if sys.stdout.isatty() else 140)
    if any(result.at_edge for result in found):
        print("* the outermost learning rate that was tried: one beyond it may be better")
