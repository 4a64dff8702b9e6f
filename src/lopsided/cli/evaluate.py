"""lopsided evaluate RUN."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from lopsided.cli.parser import THRESHOLD, Parser, check_threshold
from lopsided.data import Manifest

NAMES = {
    "mAP": "mean average precision over labels with positives",
    "mAP_11": "mean of 11-point average precision, as of Pascal VOC 2007",
    "micro_AP": "average precision of all elements in one ranking",
    "cp": "precision, mean over labels",
    "cr": "recall, mean over labels",
    "cf1": "harmonic mean of CP and CR",
    "op": "precision, all elements pooled",
    "or": "recall, all elements pooled",
    "of1": "harmonic mean of OP and OR",
    "mean_f1": "F1 of each label, then the mean",
}


def evaluate(arguments: list[str]) -> int:
    """Print the table of metrics."""
    parser = Parser(
        "evaluate",
        "Every metric of a run's best averaged weights, on its own data or another source with the same labels.",
        examples=("lopsided evaluate runs/adaptive", "lopsided evaluate runs/adaptive --split val --json"),
    )
    parser.add_argument("run", type=str, help="folder of the run")
    parser.add_argument("source", nargs="?", help="data to use instead of the run's own")
    parser.add_argument("--split", type=str, help="which split (default: test, else val, else the only one)")
    parser.add_argument("--threshold", type=float, help=THRESHOLD)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    given = parser.parse_args(arguments)
    check_threshold(parser, given.threshold)

    from lopsided.training import RunFolder
    from lopsided.training.evaluate import evaluate as measure
    from lopsided.training.own_data import data_for
    from lopsided.training.unreadable import describe

    run = RunFolder(Path(given.run))
    run.config()  # refuse what is no run
    data = data_for(run, given.source)
    own = not given.source and not given.split  # what the run's report shows
    result = measure(run, data, split=given.split, threshold=given.threshold, save=own)
    if unreadable := result.get("unreadable"):
        assert isinstance(data, Manifest)
        print(f"lopsided evaluate: {describe(data, unreadable)}", file=sys.stderr)
    if given.json:
        print(json.dumps(_without_nan(result)))
    else:
        print_metrics(f"{run.path} on {result['split']}", result)
    return 0


def _without_nan(result: dict[str, Any]) -> dict[str, Any]:
    """JSON has no nan: what is undefined, for want of positives, becomes null."""
    return {name: _without_nan(value) if isinstance(value, dict) else _number(value) for name, value in result.items()}


def _number(value: Any) -> Any:
    if isinstance(value, list):
        return [_number(part) for part in value]
    return None if value != value else value


def print_metrics(title: str, result: dict[str, Any]) -> None:
    """A table with each metric's name spelled out, in per cent."""
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("metric")
    table.add_column(_above(result), justify="right")
    table.add_column("top 3", justify="right")
    table.add_column("what it is", style="dim")
    for name, meaning in NAMES.items():
        of_top = result["top3"].get(name)
        shown = "" if of_top is None else f"{100 * of_top:.2f}"
        label = name if name[0] == "m" else name.upper()
        table.add_row(label, f"{100 * result[name]:.2f}", shown, meaning)
    console = Console()
    console.print(escape(title))
    console.print(table)
    for line in _sentences(result):
        console.print(escape(line))


def _above(result: dict[str, Any]) -> str:
    if "thresholds" not in result:
        return f"above {result['threshold']}"
    return "above each label's" if result["thresholds"]["per_label"] else f"above {result['threshold']:.2g}"


def _sentences(result: dict[str, Any]) -> list[str]:
    """How true the probabilities are, and what chosen thresholds bring."""
    about = result["calibration"]
    (brier, ece), (raw_brier, raw_ece) = ([about[of][name] for name in ("brier", "ece")] for of in ("after", "before"))
    lines = [
        f"probabilities ({about['method']}): calibration error {100 * ece:.2f}, Brier score {100 * brier:.2f}; "
        f"of the sigmoid {100 * raw_ece:.2f} and {100 * raw_brier:.2f}"
    ]
    if "f1" in result:
        for of, name in (("macro", "mean F1"), ("micro", "OF1")):
            chosen, half, gain = (
                [100 * part for part in result["f1"][key][of]] for key in ("chosen", "at_half", "gain")
            )
            lines.append(
                f"{name}: {chosen[0]:.1f} ({chosen[1]:.1f} to {chosen[2]:.1f}) with thresholds chosen on "
                f"{result['thresholds']['split']}, {half[0]:.1f} with 0.5; "
                f"gain {gain[0]:+.1f} ({gain[1]:+.1f} to {gain[2]:+.1f})"
            )
    return lines
