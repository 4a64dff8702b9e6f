"""The numbers of a page: metrics with the best of each column, options that differ, versions."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lopsided.metrics.catalogue import Metric
from lopsided.reports.doubts import same_measure
from lopsided.reports.naming import describe_loss, differing_options, flat_options
from lopsided.reports.runs import Run
from lopsided.runs.reading import read_json


@dataclass(frozen=True)
class Cell:
    """A number as it is shown."""

    text: str
    is_best: bool = False


@dataclass(frozen=True)
class MetricRow:
    """One run's line in a table of metrics."""

    label: str
    cells: tuple[Cell, ...]  # empty where the run was not evaluated
    command: str  # what evaluates it
    note: str  # what differs from the other lines: the split, the threshold


def metric_rows(runs: Sequence[Run], columns: Sequence[Metric], *, group: str | None = None) -> list[MetricRow]:
    """Metrics of each run in percent, the best of each marked where several runs were measured on the same samples.

    Args:
        runs: The runs, in the order of the lines.
        columns: The metrics.
        group: Key under which the metrics stand in the evaluation; None for its top.
    """
    values = [[_metric(run, metric.name, group) for metric in columns] for run in runs]
    usual = next((run for run in runs if run.evaluation), runs[0])
    digits = min((run.digits for run in runs if run.evaluation), default=1)
    best = [
        _best(metric, column, digits) if same_measure(runs) else None
        for metric, column in zip(columns, zip(*values, strict=True), strict=True)
    ]
    rows = []
    for run, numbers in zip(runs, values, strict=True):
        cells = (
            tuple(_cell(number, top, digits) for number, top in zip(numbers, best, strict=True))
            if run.evaluation
            else ()
        )
        rows.append(MetricRow(run.label, cells, evaluate_command(run), _note(run, usual)))
    return rows


def evaluate_command(run: Run) -> str:
    """The command that evaluates a run."""
    return f"lopsided evaluate {shlex.quote(str(run.folder.path))}"


def option_columns(runs: Sequence[Run], names: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Each run's label and its values of these options, and its folder; a dash where its loss does not take one."""
    flat = [(run, {**flat_options(run.config), "loss": describe_loss(run.config.loss)}) for run in runs]
    return [(run.label, [*(options.get(name, "–") for name in names), str(run.folder.path)]) for run, options in flat]


def shared_options(runs: Sequence[Run]) -> list[tuple[str, list[str]]]:
    """The options that all runs have in common, with their value."""
    differing = differing_options([run.config for run in runs])
    return [(name, [value]) for name, value in flat_options(runs[0].config).items() if name not in differing]


def environment_rows(runs: Sequence[Run]) -> list[tuple[str, list[str]]]:
    """Versions and machine as environment.json has them, in a column for each run, or in one for all if they agree."""
    found = [_environment(run) for run in runs]
    found = found[:1] if all(environment == found[0] for environment in found) else found
    names = dict.fromkeys(name for environment in found for name in environment)
    return [(name, [environment.get(name, "–") for environment in found]) for name in names]


def _metric(run: Run, key: str, group: str | None) -> float:
    evaluation: Any = run.evaluation or {}
    number = (evaluation.get(group) or {} if group else evaluation).get(key)
    return float(number) if isinstance(number, int | float) and 0 <= number <= 1 else math.nan


def _best(metric: Metric, column: Sequence[float], digits: int) -> float | None:
    """The best number as precise as it is shown, so that two that look the same are marked alike; None for none."""
    shown = [round(100 * number, digits) for number in column if math.isfinite(number)]
    if len(shown) < 2 or metric.higher_is_better is None:
        return None
    return max(shown) if metric.higher_is_better else min(shown)


def _cell(number: float, best: float | None, digits: int) -> Cell:
    if not math.isfinite(number):
        return Cell("–")
    percent = round(100 * number, digits)
    return Cell(f"{percent:.{digits}f}", percent == best)


def _note(run: Run, usual: Run) -> str:
    if not run.evaluation:
        return ""
    notes = [f"{run.split} split"] if run.split != usual.split else []
    notes += ["optimistic"] if run.chosen_here else []
    notes += [f"threshold {run.threshold_words}"] if run.threshold_words != usual.threshold_words else []
    return ", ".join(notes)


def _environment(run: Run) -> dict[str, str]:
    try:
        written = read_json(run.folder.path / "environment.json")
        machine = {
            "Python": str(written["python"]),
            "platform": str(written["platform"]),
            "devices": ", ".join(map(str, written["devices"])),
            "threads": str(written["threads"]),
        }
        return {**{name: str(version) for name, version in written["packages"].items()}, **machine}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # an older or a damaged file says nothing
        return {}
