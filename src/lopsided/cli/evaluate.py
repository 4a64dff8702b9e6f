"""lopsided evaluate RUN or scores:FILE."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lopsided.cli import own_scores
from lopsided.cli.parser import Parser
from lopsided.cli.printing import counted, named, percent, say, table
from lopsided.cli.rankings import about_frequency, add_rankings, further, rankings_of

if TYPE_CHECKING:
    from lopsided.inference.processes import Processes
    from lopsided.training import RunFolder

FEW_SAMPLES = 50
"""Samples below which a bootstrap interval is said to be too narrow."""

MANY_LABELS = 100
"""Labels from which the further metrics of rankings are printed without being asked for."""


def main(arguments: list[str]) -> int:
    """Print the table of metrics."""
    parser = Parser(
        "evaluate",
        "Every metric of a run's best averaged weights, on its own data or another source with the same labels.",
        examples=(
            "lopsided evaluate runs/adaptive",
            "lopsided evaluate runs/adaptive --split val --json",
            "lopsided evaluate runs/tags --all --at-k 1,5,10",
            "lopsided evaluate scores:forest.csv --scores probabilities --thresholds forest.csv.thresholds.json",
        ),
    )
    parser.add_run(source="data to use instead of the run's own; of scores, where their truth is", scores=True)
    parser.add_argument("--split", type=str, help="which split (default: test, else val, else the only one)")
    parser.add_threshold()
    parser.add_keep()
    parser.add_devices()
    own_scores.add_scores(parser, made=("calibration", "thresholds"))
    add_rankings(parser)
    parser.add_argument("--all", action="store_true", help="print every metric, not the usual ones alone")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    given = parser.parse_args(arguments)
    if given.threshold is not None and given.thresholds is not None:
        parser.error("expected --threshold or --thresholds, got both")
    if own_scores.check_options(parser, given, unfit=("no_keep", "devices", "machines")):
        _say(given.run, own_scores.evaluate(given), given)
        return 0

    from lopsided.inference.processes import started
    from lopsided.inference.scoring import computed
    from lopsided.runs.own_data import data_for
    from lopsided.training import RunFolder

    run = RunFolder(Path(given.run))
    run.config()  # refuses what is no run, before processes are started
    with started(devices=given.devices or 1, machines=given.machines or 1) as processes:
        if processes.is_first:
            _measure(run, processes, given)
        else:
            processes.serve(lambda: (run, data_for(run, given.source)), computed)
    return 0


def _measure(run: RunFolder, processes: Processes, given: Any) -> None:
    from lopsided.inference.evaluate import evaluate as measure
    from lopsided.inference.processes import shared
    from lopsided.runs.own_data import data_for
    from lopsided.runs.unreadable import describe

    data = data_for(run, given.source)
    own = not given.source and not given.split  # what the run's report shows
    options = {"split": given.split, "threshold": given.threshold, "source": given.source, **rankings_of(given)}
    with shared(processes, data):
        result = measure(run, data, save=own, keep=not given.no_keep, **options)
    if unreadable := result.get("unreadable"):
        print(f"lopsided evaluate: {describe(data, unreadable)}", file=sys.stderr)
    _say(str(run.path), result, given)


def _say(what: str, result: dict[str, Any], given: Any) -> None:
    if given.json:
        print(json.dumps(_without_nan(result)))
    else:
        print_metrics(f"{what} on {result['split']}, {_samples(result)}", result, all_of_them=given.all)


def _without_nan(value: Any) -> Any:
    """JSON has no nan: what is undefined because there are no positives becomes null."""
    if isinstance(value, dict):
        return {name: _without_nan(part) for name, part in value.items()}
    return [*map(_without_nan, value)] if isinstance(value, list) else None if value != value else value


def print_metrics(title: str, result: dict[str, Any], *, all_of_them: bool = False) -> None:
    """A table with each usual metric's name spelled out, in per cent; and one of the others, where they are wanted."""
    from rich.text import Text

    from lopsided.inference.evaluations.chosen import describe_chosen
    from lopsided.metrics.catalogue import CATALOGUE

    shown = table(("metric", _above(result), f"top {min(3, _num_labels(result))}"), ())
    shown.add_column("what it is", style="dim")
    for metric in CATALOGUE.values():
        if metric.group == "usual":
            of_top = result["top3"].get(metric.name)
            top = "" if of_top is None else percent(of_top, result["samples"])
            shown.add_row(metric.title, percent(result[metric.name], result["samples"]), top, metric.meaning)
    say(title)
    if said := describe_chosen(result["chosen_on_this_split"], result["split"]):
        say(Text(said, style="bold"))
    say(shown)
    if all_of_them or _num_labels(result) >= MANY_LABELS:
        say(further(result), *about_frequency(result))
    else:
        say("P@k, nDCG@k, mAP of head, medium and tail labels and others: --all")
    say(*about_labels(result), *_sentences(result))


def about_labels(result: dict[str, Any]) -> list[str]:
    """How many labels the means are taken over, and which of them are always true and so say nothing."""
    measured, always = result["labels_measured"], result["labels_always_true"]
    lines = []
    if measured < _num_labels(result):
        lines.append(
            f"means over labels, as mAP: of the {measured} of {_num_labels(result)} labels that have a positive"
        )
    if always and len(always) == measured:
        lines.append(
            f"mAP says nothing about the network: {'the only label' if measured == 1 else 'every label'} that has a "
            f"positive here is true in each sample ({named(always)}), so any scores have an average precision of 1"
        )
    elif always:
        lines.append(
            f"always true here, so that they have an average precision of 1 by themselves: {named(always)} "
            f"({len(always)} of the {measured})"
        )
    return lines


def _num_labels(result: dict[str, Any]) -> int:
    return result["labels_measured"] + result["labels_without_positives"]


def _samples(result: dict[str, Any]) -> str:
    return counted(result["samples"], "sample")


def _above(result: dict[str, Any]) -> str:
    if "thresholds" not in result:
        return f"above {result['threshold']}"
    return "above each label's" if result["thresholds"]["per_label"] else f"above {result['threshold']:.2g}"


def _sentences(result: dict[str, Any]) -> list[str]:
    """How well the probabilities are calibrated, and what chosen thresholds gain."""
    about, samples = result["calibration"], result["samples"]
    (brier, ece), (raw_brier, raw_ece) = (
        [percent(about[of][name], samples) for name in ("brier", "ece")] for of in ("after", "before")
    )
    line = f"probabilities ({about['method']}): calibration error {ece}, Brier score {brier}"
    if not about["method"].startswith(("sigmoid", "as they are")):
        line += f"; of {about.get('uncalibrated', 'the sigmoid')} {raw_ece} and {raw_brier}"
    lines = [line]
    if "f1" in result:
        for of, name in (("macro", "mean F1"), ("micro", "OF1")):
            chosen, half, gain = (
                [percent(x, samples) for x in result["f1"][k][of]] for k in ("chosen", "at_half", "gain")
            )
            up, low, high = (number if number.startswith("-") else f"+{number}" for number in gain)
            lines.append(
                f"{name}: {chosen[0]} ({chosen[1]} to {chosen[2]}) with thresholds chosen on "
                f"{result['thresholds']['split']}, {half[0]} with 0.5; gain {up} ({low} to {high})"
            )
        few = "; so few make an interval too narrow" if samples < FEW_SAMPLES else ""
        lines.append(f"intervals: 95 % of draws of these {_samples(result)}{few}")
    return lines
