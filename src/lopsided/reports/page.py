"""One page about one or many runs: a single file that opens anywhere, without a server or a network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

import lopsided
from lopsided.data import Data
from lopsided.metrics.catalogue import DECISIONS, UNRANKED, of_group
from lopsided.reports.doubts import same_measure
from lopsided.reports.examples import Examples, examples, one_line, read_source_of
from lopsided.reports.explorer.page import explorer_of
from lopsided.reports.figures.pictures import calibration_figures, curve_figures, data_uri, training_figures
from lopsided.reports.figures.style import DARK, LIGHT
from lopsided.reports.figures.swatches import swatches
from lopsided.reports.naming import what_differs
from lopsided.reports.rankings import further_rankings
from lopsided.reports.runs import Run, read_runs
from lopsided.reports.summary import best_run, summary, warnings_about
from lopsided.reports.tables import environment_rows, metric_rows, option_columns, shared_options
from lopsided.runs.json_files import write_whole


def write_report(runs: Sequence[Path], out: Path) -> Path:
    """Write a page with the metrics, the figures and some examples of runs.

    Args:
        runs: Folders of runs, at least one; they need not have ended or been evaluated. Title and number of
            examples are those of the first one's configuration.
        out: The file to write, or a folder that is there, for its ``report.html``; whole or absent.

    Returns:
        The file.

    Raises:
        ValueError: There are no runs, or one of the folders holds none.
    """
    page = render_page(read_runs(runs))
    out = out / "report.html" if out.is_dir() else out
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, page)
    return out


def render_page(runs: Sequence[Run]) -> str:
    """The page as HTML, with nothing in it that a browser would have to fetch."""
    shown = best_run(runs) or runs[0]
    data, trouble = _data_of(shown)
    differing = what_differs([run.config for run in runs])
    usual = of_group("usual")
    templates = Environment(
        loader=PackageLoader("lopsided.reports", ""), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return templates.get_template("page.html.j2").render(
        title=runs[0].config.report.title,
        version=lopsided.__version__,
        light=LIGHT,
        dark=DARK,
        num_runs=len(runs),
        labels=[run.label for run in runs],
        summary=summary(runs, data),
        warnings=warnings_about(runs),
        ranked=same_measure(runs),
        evaluated=next((run for run in runs if run.evaluation), None),
        swatches=swatches([run.look for run in runs]),
        catalogue=[*usual, *UNRANKED],
        columns=[metric.title for metric in usual],
        rows=metric_rows(runs, usual),
        further=further_rankings(runs),
        further_columns=[metric.title for metric in UNRANKED],
        further_rows=metric_rows(runs, UNRANKED),
        top_columns=[metric.title for metric in DECISIONS],
        top_rows=metric_rows(runs, DECISIONS, group="top3"),
        training_figures=training_figures(runs),
        calibration_figures=calibration_figures(runs),
        curve_figures=curve_figures(runs),
        explorer=explorer_of(runs),
        shown_run=shown.label,
        examples=_examples_of(shown, runs[0].config.report.examples, data, trouble),
        data_uri=data_uri,
        differing=differing,
        option_columns=option_columns(runs, differing),
        shared_options=shared_options(runs),
        environment=environment_rows(runs),
    )


def _data_of(run: Run) -> tuple[Data | None, str | None]:
    try:
        return read_source_of(run), None
    except (ValueError, OSError, ImportError) as error:
        return None, one_line(error)


def _examples_of(run: Run, count: int, data: Data | None, trouble: str | None) -> Examples | None:
    if count == 0:
        return None
    if data is None:
        return Examples(run.split, run.threshold, run.threshold_words, (), trouble)
    return examples(run, count, data=data)
