"""The page of a search: what was found, what mattered, and what to keep in mind; one file that opens anywhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

import lopsided
from lopsided.files.errors import counted
from lopsided.metrics.catalogue import RANKED
from lopsided.reports.figures.pictures import PageFigure, picture_of
from lopsided.reports.figures.style import DARK, LIGHT
from lopsided.reports.naming import TITLES, describe_loss, shown
from lopsided.reports.tuning.figures import history_figure, importances_figure, slices_figure, title_of
from lopsided.reports.tuning.reading import TrialResult, Tuning, read_tuning
from lopsided.runs.json_files import write_whole

_BEST_LISTED = 15  # trials
_FEW = 20  # trials, below which luck decides much
_HISTORY = (
    "Each mark is a trial, a cross one that was ended early; the line is the best so far. The lowest quarter of the "
    "trials may lie below what is drawn. A line that still rises at the right end says that more trials may find more."
)
_SLICES = (
    "Validation mAP against each parameter that was searched, all others as they happened to be; the thin upright line "
    "is the best trial. A parameter whose good trials lie close together matters, and one whose good trials lie "
    "anywhere does not. Good trials at one end of an axis say that the range should be wider."
)
_IMPORTANCES = (
    "Share of the variance of validation mAP over the whole ranges that each parameter explains, alone and with others "
    "(functional ANOVA, Hutter et al., ICML 2014). It says what can spoil a run, more than what tells the best runs "
    "apart: that is what the panels above show."
)


def write_tuning_report(folder: Path) -> Path:
    """Write the page of a search, report.html, into its folder.

    Args:
        folder: Of the search, with tune.json and trials.csv.

    Raises:
        ValueError: The folder holds no search that came to its end.
    """
    path = folder / "report.html"
    write_whole(path, render_tuning(read_tuning(folder)))
    return path


def render_tuning(tuning: Tuning) -> str:
    """The page as HTML, with nothing in it that a browser would have to fetch."""
    templates = Environment(
        loader=PackageLoader("lopsided.reports", ""), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return templates.get_template("tuning/tuning.html.j2").render(
        title=f"Search on {tuning.about['asked']['source']}",
        version=lopsided.__version__,
        light=LIGHT,
        dark=DARK,
        summary=summary_of(tuning),
        warnings=warnings_about(tuning),
        command=f"lopsided train --config {tuning.folder / 'best.yaml'} --out runs/{tuning.folder.name}",
        figures=_figures(tuning),
        by_loss=_by_loss(tuning),
        best_trials=[_cells(trial) for trial in _ranked(tuning.complete)[:_BEST_LISTED]],
        test=_test(tuning),
        options=[(name, _plain(value)) for name, value in tuning.about["asked"].items()],
    )


def summary_of(tuning: Tuning) -> str:
    """What was found, on how many trials, and what the test split says of it."""
    about, best = tuning.about, tuning.best
    text = (
        f"Of {counted(about['trials'], 'trial')} the best is {describe_loss(best.loss)}, learning rate "
        f"{shown(best.numbers['learning_rate'])}, weight decay {shown(best.numbers['weight_decay'])}, "
        f"{counted(int(best.numbers['epochs']), 'epoch')}: validation mAP {_percent(best.numbers['val_mAP'])}, the "
        "highest of many and so somewhat too good."
    )
    if about["pruned"] or about["diverged"]:
        text += f" {about['pruned']} were ended early, {about['diverged']} diverged."
    others = [trial for trial in _ranked(tuning.complete) if trial.loss.name != best.loss.name]
    if others:
        behind = 100 * (best.numbers["val_mAP"] - others[0].numbers["val_mAP"])
        text += f" The best of another loss, {describe_loss(others[0].loss)}, is {behind:.1f} points behind it there."
    measured = about["test"].get("mAP")
    if not about["test_read"]:
        return f"{text} There is no test split, so nothing says how good it is on data it was not chosen by."
    value = "undefined" if measured is None else _percent(measured)
    return f"{text} The test split was read {_times(about['test_read'])}: test mAP {value}."


def warnings_about(tuning: Tuning) -> list[str]:
    """What a reader must know before believing the numbers, in one sentence each."""
    about, found = tuning.about, []
    if about["trials"] < _FEW:
        found.append(f"{counted(about['trials'], 'trial')}: luck decides much of what is found in so few.")
    for name in about["at_edge"]:
        option = {"learning_rate": "--rates", "weight_decay": "--decays"}[name]
        found.append(
            f"The best {title_of(name)}, {shown(about['best'][name])}, lies at the end of its range "
            f"({' to '.join(shown(end) for end in about['ranges'][name])}): one beyond may be better ({option})."
        )
    if about["test_read"] > 1:
        found.append(
            f"The test split was read {_times(about['test_read'])}, each time for the best of a longer search: choose "
            "nothing by it."
        )
    found.append("One seed: differences of a few tenths of a point between trials may be chance.")
    return found


def _figures(tuning: Tuning) -> list[PageFigure]:
    best = _percent(tuning.best.numbers["val_mAP"])
    found = [
        PageFigure(
            "history",
            "How the search went",
            f"Validation mAP of each trial in its order; the best reached {best}.",
            _HISTORY,
            picture_of(partial(history_figure, tuning)),
        ),
        PageFigure(
            "slices",
            "What good trials have in common",
            "Validation mAP of the trials against each parameter; the numbers are in trials.csv.",
            _SLICES,
            picture_of(partial(slices_figure, tuning)),
        ),
    ]
    own = f"What mattered with {TITLES[tuning.best.loss.name]}"
    for key, title in (("importances", "What mattered"), ("importances_of_best_loss", own)):
        if shares := tuning.about[key]:
            listed = ", ".join(f"{title_of(name)} {100 * share:.0f} %" for name, share in shares.items())
            picture = picture_of(partial(importances_figure, shares))
            found.append(PageFigure(key.replace("_", "-"), title, f"Bars: {listed}.", _IMPORTANCES, picture))
    return found


def _ranked(trials: Sequence[TrialResult]) -> list[TrialResult]:
    return sorted(trials, key=lambda trial: (-trial.numbers["val_mAP"], trial.number))


def _by_loss(tuning: Tuning) -> list[tuple[str, list[str]]]:
    """For each loss the number of its trials and its best, the best loss first."""
    rows: dict[str, list[TrialResult]] = {}
    for trial in _ranked(tuning.complete):
        rows.setdefault(trial.loss.name, []).append(trial)
    return [
        (TITLES[name], [str(sum(trial.loss.name == name for trial in tuning.trials)), *_cells(its[0])[1]])
        for name, its in rows.items()
    ]


def _cells(trial: TrialResult) -> tuple[str, list[str]]:
    numbers = trial.numbers
    return str(trial.number), [
        _percent(numbers["val_mAP"]),
        shown(numbers["learning_rate"]),
        shown(numbers["weight_decay"]),
        f"{numbers['best_epoch']:.0f} of {numbers['epochs']:.0f}" if math.isfinite(numbers["best_epoch"]) else "–",
        describe_loss(trial.loss),
    ]


def _test(tuning: Tuning) -> list[tuple[str, str]]:
    values = tuning.about["test"]
    return [(metric.title, f"{100 * value:.1f}") for metric in RANKED if (value := values.get(metric.name)) is not None]


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else shown(value)


def _percent(value: float) -> str:
    return f"{100 * value:.1f}\u00a0%" if math.isfinite(value) else "–"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
