"""The page of a sweep: its figure, its table, and what to keep in mind; one file that opens anywhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

import lopsided
from lopsided.metrics.catalogue import of_group
from lopsided.reports.figures.pictures import picture_of
from lopsided.reports.figures.style import DARK, LIGHT, render
from lopsided.reports.naming import shown
from lopsided.reports.sweeps.figures import share_hidden, sweep_figure
from lopsided.reports.sweeps.reading import SettingResult, SweepResults, read_sweep
from lopsided.runs.json_files import write_whole

TITLES = {
    "gamma_neg": "mAP against the focusing power of negatives",
    "margin": "mAP against the probability margin",
    "combination": "Focusing and shifting, apart and together",
    "adaptive": "Adaptive asymmetry against fixed settings",
    "losses": "Losses compared",
}
_OTHERS = [metric for metric in of_group("usual") if metric.name != "mAP"]
_FURTHER = [*of_group("labels"), *of_group("samples")]
_NAMED = 4  # settings of a sentence
_CAPTION = (
    "Left: mean average precision on the test split; the strong dot is the mean over seeds, its bar one standard "
    "deviation to each side, the faint dots are single runs. Right: mean difference to the baseline between runs of "
    "one seed, which share first weights, batches, validation samples and hidden labels; the bar is the 95 % "
    "confidence interval of a paired t test, for each setting on its own. An interval that holds 0 shows no difference."
)


def write_sweep_report(folder: Path) -> list[Path]:
    """Write a sweep's figure as PNG and SVG, and its page.

    Args:
        folder: Of the sweep, with rows.parquet, summary.csv and sweep.json.

    Returns:
        The files.

    Raises:
        ValueError: The folder holds no sweep.
    """
    sweep = read_sweep(folder)
    page = render_sweep(sweep)
    files = []
    for kind in ("png", "svg"):
        files.append(folder / f"{sweep.name}.{kind}")
        write_whole(files[-1], render(sweep_figure(sweep), format=kind, title=TITLES[sweep.name]))
    files.append(folder / "report.html")
    write_whole(files[-1], page)
    return files


def render_sweep(sweep: SweepResults) -> str:
    """The page as HTML, with nothing in it that a browser would have to fetch."""
    templates = Environment(
        loader=PackageLoader("lopsided.reports", ""), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return templates.get_template("sweeps/sweep.html.j2").render(
        title=TITLES[sweep.name],
        version=lopsided.__version__,
        light=LIGHT,
        dark=DARK,
        summary=summary_of(sweep),
        warnings=warnings_about(sweep),
        caption=_CAPTION,
        picture=picture_of(partial(sweep_figure, sweep)),
        others=[metric.title for metric in _OTHERS],
        tables=[(share_hidden(share), [_cells(result) for result in sweep.at(share)]) for share in sweep.shares],
        further=[metric.title for metric in _FURTHER],
        further_tables=[
            (share_hidden(share), [(result.label, _further(result)) for result in sweep.at(share)])
            for share in sweep.shares
        ],
        options=_options(sweep),
    )


def unsettled(sweep: SweepResults) -> str:
    """Why the comparison is not settled, in one sentence; empty where nothing speaks against it."""
    reasons = []
    if edge := [result for result in sweep.results if result.at_edge]:
        which = "every" if len(edge) == len(sweep.results) else f"{len(edge)} of {len(sweep.results)}"
        named = f" ({_named(edge)})" if len(edge) < len(sweep.results) else ""
        reasons.append(
            f"the best learning rate of {which} setting{'s' * (which != 'every')}{named} is the outermost one that was "
            "tried, and one beyond may be better"
        )
    if sweep.about["trials"] == 1:
        reasons.append("all settings have one learning rate, which suits some better than others")
    if sweep.about["seeds"] == 1:
        reasons.append("each has one seed, so that a difference may be chance")
    return f"Not settled: {'; '.join(reasons)}." if reasons else ""


def _named(results: Sequence[SettingResult]) -> str:
    labels = list(dict.fromkeys(result.label for result in results))
    return "; ".join(labels[:_NAMED]) + (" …" if len(labels) > _NAMED else "")


def summary_of(sweep: SweepResults) -> str:
    """Whether the comparison is settled, what came out and what was run, in a few sentences."""
    about = sweep.about
    text = f"{unsettled(sweep)} ".lstrip()
    for share in sweep.shares:
        text += f"{_what_came_out(sweep.at(share), share if len(sweep.shares) > 1 else None)} "
    text += (
        f"{len(about['settings'])} settings on {about['source']}, {_count(about['seeds'], 'seed')} each, "
        f"{_count(about['training']['epochs'], 'epoch')}. "
    )
    if about["trials"] > 1:
        text += f"For each setting the best of {about['trials']} learning rates was chosen on the validation split. "
    return f"{text}The test split was read once, by the final runs."


def warnings_about(sweep: SweepResults) -> list[str]:
    """What a reader must know before believing the numbers, in one sentence each."""
    found = []
    if sweep.about["trials"] == 1:
        found.append(
            "All settings were trained with one learning rate: one that suits them differently decides the order."
        )
    if sweep.about["seeds"] == 1:
        found.append("One seed: there is no spread and no interval, and a difference may be chance.")
    if sweep.about["seeds"] == 2:
        found.append("Two seeds: a spread of two numbers is hardly one, and an interval from them is very wide.")
    edge = []
    for result in sweep.results:
        where = f"{result.label} ({share_hidden(result.missing)})"
        if result.at_edge:
            edge.append(f"{where}, {shown(result.numbers['learning_rate'])}")
        if diverged := int(result.numbers["diverged"]):
            found.append(f"{where}: runs that diverged and take no part in its means: {diverged}.")
    if edge:
        found.append(
            f"Best at the outermost learning rate that was tried; one beyond may be better: {'; '.join(edge)}."
        )
    return found


def _what_came_out(results: Sequence[SettingResult], share: float | None) -> str:
    base = next(result for result in results if result.is_baseline)
    counted = [result for result in results if not result.is_baseline and not result.at_edge]
    better = [result for result in counted if result.numbers["low"] > 0]
    worse = [result for result in counted if result.numbers["high"] < 0]
    where = "" if share is None else f"With {share_hidden(share)}: "
    best = max(results, key=lambda result: _or_lowest(result.numbers["mAP"]))
    text = f"{where}{base.label} reached a mAP of {_percent(base.numbers['mAP'])}"
    text += f"; the highest, {_percent(best.numbers['mAP'])}, is that of {best.label}."
    others = [result for result in results if not result.is_baseline]
    if not any(math.isfinite(result.numbers["low"]) for result in others):
        return f"{text} No difference can be told from chance: there is no interval."
    if base.at_edge:
        return f"{text} Its own learning rate is the outermost one, so nothing is said to be above or below it."
    if not better and not worse:
        text = f"{where}No difference measured. {text.removeprefix(where)}"
    same = len([result for result in others if not result.at_edge]) - len(better) - len(worse)
    text += (
        f" Of the {len(others)} others, {len(better)} are above and {len(worse)} below it by more than the intervals "
        f"allow for, and of {same} no difference was measured"
    )
    if edge := sum(result.at_edge for result in others):
        text += f"; {edge} at the outermost rate are not counted"
    return f"{text}. Each interval is for itself: one in twenty leaves 0 out by chance."


def _or_lowest(number: float) -> float:
    return number if math.isfinite(number) else -math.inf


def _cells(result: SettingResult) -> tuple[str, list[str]]:
    numbers = result.numbers
    low, high = (_points(numbers[name]) for name in ("low", "high"))
    difference = "baseline" if result.is_baseline else _points(numbers["difference"])
    interval = f"{low} to {high}" if math.isfinite(numbers["low"]) and not result.is_baseline else "–"
    return result.label, [
        f"{_plain(numbers['mAP'])} ± {_plain(numbers['sd'])}"
        if math.isfinite(numbers["sd"])
        else _plain(numbers["mAP"]),
        difference,
        interval,
        *(_plain(numbers.get(metric.name, math.nan)) for metric in _OTHERS),
        _signed(numbers["final_gap"], 2),
        f"{numbers['final_gamma_neg']:.1f}" if math.isfinite(numbers["final_gamma_neg"]) else "–",
        shown(numbers["learning_rate"]),
    ]


def _further(result: SettingResult) -> list[str]:
    return [_plain(result.numbers.get(metric.name, math.nan)) for metric in _FURTHER]


def _options(sweep: SweepResults) -> list[tuple[str, str]]:
    about = sweep.about
    groups = {group: about[group] for group in ("data", "model", "training")}
    flat = {f"{group}.{name}": value for group, options in groups.items() for name, value in options.items()}
    given = [(name, shown(value)) for name, value in flat.items() if value is not None]
    rates = ", ".join(shown(rate) for rate in about["learning_rates"])
    return [("source", about["source"]), ("seeds", str(about["seeds"])), ("learning rates", rates), *given]


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _plain(number: float) -> str:
    return f"{100 * number:.1f}" if math.isfinite(number) else "–"


def _percent(number: float) -> str:
    return f"{_plain(number)}\u00a0%"


def _points(number: float) -> str:
    return _signed(100 * number, 1)


def _signed(number: float, digits: int) -> str:
    return f"{number:+.{digits}f}".replace("-", "−") if math.isfinite(number) else "–"
