"""One page about scores that another program computed: metrics, reliability, and each label's average precision."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

import lopsided
from lopsided.inference.evaluations.chosen import describe_chosen
from lopsided.inference.own_scores.reading import OwnScores
from lopsided.metrics.catalogue import CATALOGUE, of_group
from lopsided.reports.doubts import always_true
from lopsided.reports.figures.calibration import diagram
from lopsided.reports.figures.pictures import picture_of
from lopsided.reports.figures.style import DARK, LIGHT
from lopsided.reports.rankings import LabelTable, about_groups, label_rows
from lopsided.runs.json_files import write_whole


def write_scores_report(scores: OwnScores, result: dict[str, Any], out: Path) -> Path:
    """Write the page.

    Args:
        scores: What was read.
        result: What :func:`lopsided.inference.own_scores.decisions.evaluate_scores` said of them.
        out: The file to write; whole or absent.
    """
    templates = Environment(
        loader=PackageLoader("lopsided.reports", ""), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    said = describe_chosen(result["chosen_on_this_split"], result["split"])
    warnings = [said] if said else []
    if always := result["labels_always_true"]:
        warnings.append(always_true(always, result["labels_measured"], result["split"]))
    page = templates.get_template("scores/scores.html.j2").render(
        title=f"{scores.place} on {result['split']}",
        version=lopsided.__version__,
        light=LIGHT,
        dark=DARK,
        summary=_summary(scores, result),
        warnings=warnings,
        rows=[
            (metric.title, _percent(result[name]), _percent(result["top3"].get(name)), metric.meaning)
            for name, metric in CATALOGUE.items()
            if metric.group == "usual"
        ],
        further=[
            (
                metric.title,
                _percent(result[metric.name]),
                _between(result["intervals"].get(metric.name)),
                metric.meaning,
            )
            for metric in (*of_group("labels"), *of_group("samples", result["at_k"]))
        ],
        about=about_groups(result["frequency"]),
        picture=picture_of(partial(_drawn, result["calibration"])),
        labels=_labels(result["per_label"]),
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, page)
    return out


def _drawn(about: dict[str, Any], *, theme: Any = LIGHT) -> Any:
    return diagram({"the probabilities": about}, looks=["asymmetric"], theme=theme)


def _percent(share: float | None) -> str:
    return "" if share is None or share != share else f"{100 * share:.1f}"


def _summary(scores: OwnScores, result: dict[str, Any]) -> str:
    measured = result["labels_measured"]
    names = measured + result["labels_without_positives"]
    made = result["calibration"]["method"]
    above = f"{result['threshold']:.2g}"
    if (chosen := result.get("thresholds")) is not None:
        above = f"{'thresholds of each label' if chosen['per_label'] else above}, chosen on {chosen['split']}"
    return (
        f"{result['samples']:,} samples and {names:,} labels, of which {measured:,} have a positive. The file holds "
        f"{scores.kind}; calibration: {'none' if made == 'as they are' else made}. Labels are predicted above {above}."
    )


def _between(ends: Sequence[float] | None) -> str:
    return "" if ends is None else " to ".join(map(_percent, ends))


def _labels(about: dict[str, Any]) -> LabelTable:
    found = label_rows(about, [about["average_precision"], about["auroc"]])
    return dataclasses.replace(found, head=(*found.head, "average precision", "AUROC"))
