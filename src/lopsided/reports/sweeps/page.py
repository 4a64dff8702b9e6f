"""The page of a sweep: its figure, its table, and what to keep in mind; one file that opens anywhere."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

import lopsided
from lopsided.metrics.catalogue import of_group
from lopsided.reports.figures.pictures import picture_of
from lopsided.reports.figures.style import DARK, LIGHT, render
from lopsided.reports.naming import shown
from lopsided.reports.sweeps.figures import sweep_figure
from lopsided.reports.sweeps.reading import SettingResult, SweepResults, read_sweep
from lopsided.reports.sweeps.words import about_unknown, summary_of, warnings_about
from lopsided.runs.json_files import write_whole

TITLES = {
    "gamma_neg": "mAP against the focusing power of negatives",
    "margin": "mAP against the probability margin",
    "combination": "Focusing and shifting, apart and together",
    "adaptive": "Adaptive asymmetry against fixed settings",
    "losses": "Losses compared",
    "unknown": "What unknown labels are taken for",
}
_OTHERS = [metric for metric in of_group("usual") if metric.name != "mAP"]
_FURTHER = [*of_group("labels"), *of_group("samples")]
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
        about_unknown=about_unknown(sweep),
        tables=[(share.described, [_cells(result) for result in sweep.at(share)]) for share in sweep.shares],
        further=[metric.title for metric in _FURTHER],
        further_tables=[
            (share.described, [(result.label, _further(result)) for result in sweep.at(share)])
            for share in sweep.shares
        ],
        options=_options(sweep),
    )


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
        f"{shown(numbers['learning_rate'])}{'†' * ('learning rate' in result.edges)}",
        f"{shown(numbers['weight_decay'])}{'†' * ('weight decay' in result.edges)}",
        shown(numbers["tried"]),
    ]


def _further(result: SettingResult) -> list[str]:
    return [_plain(result.numbers.get(metric.name, math.nan)) for metric in _FURTHER]


def _options(sweep: SweepResults) -> list[tuple[str, str]]:
    about = sweep.about
    groups = {group: about[group] for group in ("data", "model", "training")}
    flat = {f"{group}.{name}": value for group, options in groups.items() for name, value in options.items()}
    given = [(name, shown(value)) for name, value in flat.items() if value is not None]
    rates, decays = (", ".join(map(shown, values)) for values in (about["learning_rates"], sweep.weight_decays))
    tried = [("learning rates", rates), ("weight decays", decays), ("more at each end", str(about.get("widen", 0)))]
    return [("source", about["source"]), ("seeds", str(about["seeds"])), *tried, *given]


def _plain(number: float) -> str:
    return f"{100 * number:.1f}" if math.isfinite(number) else "–"


def _points(number: float) -> str:
    return _signed(100 * number, 1)


def _signed(number: float, digits: int) -> str:
    return f"{number:+.{digits}f}".replace("-", "−") if math.isfinite(number) else "–"
