"""lopsided tune SOURCE."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lopsided.cli.parser import Parser, default_folder, folder_to_write
from lopsided.cli.printing import say
from lopsided.data.options import DataOptions
from lopsided.experiments.tuning.space import LOSSES, SETTINGS
from lopsided.models.options import ModelOptions
from lopsided.runs.config import TrainingOptions

if TYPE_CHECKING:
    from lopsided.experiments.tuning.search import Search


def main(arguments: list[str]) -> int:
    """Search, and say what was found and how to train with it."""
    parser = _parser()
    given = parser.parse_args(arguments)
    said = parser.said(arguments)
    wanted = parser.checked(lambda: _wanted(parser.instantiate(given), said))
    out = Path(given.out) if given.out else default_folder("tune", wanted.source, "best")

    # Late, so that wrong usage is told at once.
    from lopsided.experiments.tuning.tune import tune
    from lopsided.reports.tuning.page import summary_of, write_tuning_report
    from lopsided.reports.tuning.reading import read_tuning

    found = tune(wanted, out, storage=given.storage)
    page = write_tuning_report(out)
    say(summary_of(read_tuning(out)))
    for path in (found.best, out / "trials.csv", page):
        print(f"wrote {path}")
    print(f"trained {found.run}\nnext: lopsided thresholds {found.run}; lopsided report {found.run}")
    print(f"again: lopsided train --config {found.best} --out runs/{out.name}")
    return 0


def _parser() -> Parser:
    parser = Parser(
        "tune",
        "Find the best configuration for some data: loss, its settings, learning rate and weight decay together, "
        "chosen on the validation split. Ends with best.yaml for lopsided train --config, the run trained with it, a "
        "page that shows what mattered, and one reading of the test split. On features many trials train as one model; "
        "others are trained one by one, and poor ones end early. The same line goes on where it was stopped.",
        examples=(
            "lopsided tune arff:data/bibtex --model.name linear --trials 30",
            "lopsided tune listing:photos/labels.csv --model.frozen true --hours 2 --out tune/photos",
            "lopsided tune text:news.jsonl --losses cross_entropy,asymmetric --epochs 5,10,20",
            "lopsided tune table:t.parquet --storage postgresql://me@host/lab --trials 200  # on each machine",
        ),
    )
    parser.add_argument("source", help="data with train and val splits, as lopsided train takes it")
    parser.add_argument(
        "--trials", type=int, help="configurations to try, by all workers together, >= 1 (default: 40 without --hours)"
    )
    parser.add_argument("--hours", type=float, help="time after which no trial begins, > 0")
    parser.add_argument(
        "--losses",
        type=str,
        default=",".join(LOSSES),
        help=f"what to choose among, joined by commas, of {', '.join(SETTINGS)}",
    )
    parser.add_argument(
        "--epochs", type=str, help="numbers of epochs to choose among, joined by commas (default: training.epochs)"
    )
    parser.add_argument(
        "--rates", type=str, help="lowest and highest learning rate, LOW,HIGH (default: what suits the network)"
    )
    parser.add_argument("--decays", type=str, help="lowest and highest weight decay, > 0, LOW,HIGH (default: likewise)")
    parser.add_argument(
        "--pruner",
        choices=["halving", "hyperband", "none"],
        default="halving",
        help="how trials end early that are trained one by one: halving (successive, by epochs), hyperband or none",
    )
    parser.add_argument("--seed", type=int, default=0, help="decides every random choice, >= 0")
    parser.add_argument("--out", type=folder_to_write, help="folder for the results (default: tune/SOURCE-best)")
    storage = "study of many machines, postgresql://USER@HOST/DATABASE (default: study.db in the folder)"
    parser.add_argument("--storage", type=str, help=storage)
    for group, options in (("data", DataOptions()), ("model", ModelOptions()), ("training", TrainingOptions())):
        parser.add_argument(f"--{group}", type=type(options), default=options)
    return parser


def _wanted(given: Any, said: set[str]) -> Search:
    from lopsided.experiments.tuning.search import Search
    from lopsided.training.usual import usual_epochs

    return Search(
        source=given.source,
        losses=_words(given.losses),
        trials=given.trials,
        hours=given.hours,
        epochs=_numbers("epochs", given.epochs, int) if given.epochs is not None else (),
        rates=_bounds("rates", given.rates),
        decays=_bounds("decays", given.decays),
        pruner=given.pruner,
        seed=given.seed,
        data=given.data,
        model=given.model,
        training=usual_epochs(given.source, given.model, given.training, given=said),
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(","))


def _numbers(name: str, text: str, kind: type) -> tuple[Any, ...]:
    try:
        return tuple(kind(word) for word in _words(text))
    except ValueError:
        wanted = "whole numbers" if kind is int else "numbers"
        raise ValueError(f"expected --{name} to be {wanted} joined by commas, got {text!r:.60}") from None


def _bounds(name: str, text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    found = _numbers(name, text, float)
    if len(found) != 2:
        raise ValueError(f"expected --{name} to be a lowest and a highest value, LOW,HIGH, got {text!r:.60}")
    return found[0], found[1]
