"""lopsided sweep NAME SOURCE."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

from lopsided.cli.parser import Parser, default_folder, folder_to_write
from lopsided.cli.printing import counted, say, table
from lopsided.data.options import DataOptions
from lopsided.experiments.settings import GRIDS, SweepName, check_numbers, settings_of
from lopsided.models.options import ModelOptions
from lopsided.runs.config import LossOptions, TrainingOptions

if TYPE_CHECKING:
    from lopsided.experiments.plan import Sweep
    from lopsided.experiments.statistics import Result

NAMES = get_args(SweepName)

DECAYS = (0.0001, 0.01, 1.0)
"""Weight decays that are tried where nothing else is asked for: that of training, next to none, and two more."""


def main(arguments: list[str]) -> int:
    """Run an experiment and write its table, figure, rows and page."""
    parser = _parser()
    given = parser.parse_args(arguments)
    said = parser.said(arguments)
    wanted = parser.checked(lambda: _wanted(given.name, parser.instantiate(given), said))
    out = Path(given.out) if given.out else default_folder("sweeps", wanted.source, wanted.name)

    # Late, so that wrong usage is told at once.
    from lopsided.experiments.out_folder import outputs_lock
    from lopsided.experiments.outputs import write_outputs
    from lopsided.experiments.study import sqlite_at
    from lopsided.experiments.sweep import run_sweep
    from lopsided.reports.sweeps.page import write_sweep_report
    from lopsided.reports.sweeps.reading import read_sweep
    from lopsided.reports.sweeps.words import about_unknown, summary_of

    rows = run_sweep(wanted, out / "runs", storage=given.storage or sqlite_at(out / "study.db"), out=out)
    with outputs_lock(out):
        found = write_outputs(wanted, rows, out)
        pages = write_sweep_report(out)
    read = read_sweep(out)
    print_results(wanted, found, summary_of(read), about_unknown(read))
    for path in [out / "rows.parquet", out / "summary.csv", *pages]:
        print(f"wrote {path}")
    return 0


def _parser() -> Parser:
    parser = Parser(
        "sweep",
        "One of the paper's experiments on any data: gamma_neg, margin, combination (of the two), adaptive, losses, or "
        "unknown (what unknown labels are taken for). Learning rate and weight decay of each setting are chosen on the "
        "validation split, all pairs of them tried, and the test split is read once. "
        "The same line goes on where it was stopped; once the data has changed, it asks for another --out.",
        examples=(
            "lopsided sweep gamma_neg arff:data/bibtex --grid 0,1,2,4,8 --model.name linear",
            "lopsided sweep losses table:features.parquet --missing 0,0.3 --seeds 5 --trials 5 --out sweeps/losses",
            "lopsided sweep losses text:articles.jsonl --training.learning_rate 0.03 --decays 0,0.001",
            "lopsided sweep unknown arff:data/bibtex --unknown 0.3,0.9 --model.name linear",
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
    _add_axes(parser)
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


def _add_axes(parser: Parser) -> None:
    """What is tried for each setting, and on how much of the labels."""
    parser.add_argument(
        "--trials", type=int, default=4, help="learning rates to try for each setting, a factor of 4 apart, >= 1"
    )
    parser.add_argument(
        "--decays",
        type=str,
        help="weight decays to try with each learning rate, joined by commas "
        f"(default: {','.join(map(_short, DECAYS))}; where --training.weight_decay is given or --trials is 1, that of "
        "training alone)",
    )
    parser.add_argument(
        "--widen",
        type=int,
        default=2,
        help="where the best of a setting is the outermost one, at most so many more are tried beyond each end: "
        "learning rates a factor of 4 apart, weight decays a factor of 10 and none below 0.0001, >= 0",
    )
    parser.add_argument(
        "--missing", type=str, default="0", help="shares of the training positives to hide, in [0, 1), joined by commas"
    )
    parser.add_argument(
        "--unknown",
        type=str,
        help="shares of the training labels to make unknown, in [0, 1), joined by commas, each with each of --missing "
        "(default: 0; of the sweep unknown: 0.3)",
    )


def _wanted(name: str, given: Any, said: set[str]) -> Sweep:
    from lopsided.experiments.plan import Sweep
    from lopsided.runs.loss.criterion import build_criterion
    from lopsided.training.usual import usual_epochs

    grid = None if given.grid is None else [value.strip() for value in given.grid.split(",")]
    settings = settings_of(cast(SweepName, name), grid=grid, base=given.loss)
    for setting in settings:
        build_criterion(setting.loss, num_labels=1, positives=[1], num_samples=2)  # refuses values out of range
    unknown = _numbers("unknown", given.unknown or ("0.3" if name == "unknown" else "0"))
    if name == "unknown" and not all(unknown):
        raise ValueError(f"expected --unknown above 0 for the sweep unknown, got {given.unknown}")
    wanted = Sweep(
        name=name,
        source=given.source,
        settings=tuple(settings),
        seeds=given.seeds,
        trials=given.trials,
        decays=_decays(given),
        widen=given.widen,
        missing=_numbers("missing", given.missing),
        unknown=unknown,
        data=given.data,
        model=given.model,
        training=usual_epochs(given.source, given.model, given.training, given=said),
    )
    check_numbers(settings, wanted.axes)
    return wanted


def _numbers(option: str, text: str) -> tuple[float, ...]:
    try:
        return tuple(float(number) for number in text.split(","))
    except ValueError:
        raise ValueError(f"expected --{option} to be numbers joined by commas, got {text!r}") from None


def _decays(given: Any) -> tuple[float, ...]:
    is_given = given.training.weight_decay != TrainingOptions().weight_decay
    if given.decays is None:
        return () if is_given or given.trials == 1 else DECAYS
    if is_given:
        raise ValueError(
            f"expected --decays or --training.weight_decay, got both: {given.decays} and "
            f"{given.training.weight_decay:g}"
        )
    return _numbers("decays", given.decays)


def _short(number: float) -> str:
    return f"{number:g}"


def print_results(wanted: Sweep, found: Sequence[Result], summary: str, unknown: str = "") -> None:
    """What came out, and a table of the settings for each share of hidden labels, in per cent."""
    columns = ("setting", "mAP", "sd", "difference", "95 % interval", "micro AP", "gap", "gamma_neg", "rate", "decay")
    say(summary)
    for hidden in wanted.hidden:
        rows = []
        for result in (result for result in found if (result.missing, result.unknown) == hidden):
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
                    f"{result.learning_rate:g}{'†' * ('learning rate' in result.edges)}",
                    f"{result.weight_decay:g}{'†' * ('weight decay' in result.edges)}",
                )
            )
        words = f", {hidden.described}" if any(hidden) else ""
        title = f"{wanted.name} on {wanted.source}: test split, mean of {counted(wanted.seeds, 'seed')}{words}"
        say(title, table(columns, rows), width=None if sys.stdout.isatty() else 140)
    if any(result.at_edge for result in found):
        print("† the outermost one that was tried: one beyond it may be better")
    if unknown:
        say(unknown)
