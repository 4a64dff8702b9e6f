"""Tables of a page about rankings: metrics that are not the usual ones, and what each label came to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lopsided.metrics.catalogue import KS, Metric, of_group
from lopsided.reports.runs import Run
from lopsided.reports.tables import MetricRow, metric_rows

MOST = 30
"""Labels at either end that a table shows, the most and the least frequent ones."""


@dataclass(frozen=True)
class Further:
    """The tables, of runs that an evaluation of this version has measured."""

    tables: tuple[tuple[str, tuple[Metric, ...], list[MetricRow]], ...]  # caption, columns, rows
    about: str  # which labels are head, medium and tail; empty where nobody knows
    labels: LabelTable | None


@dataclass(frozen=True)
class LabelTable:
    """Average precision of each label by each run.

    Args:
        head: Of the columns of numbers.
        rows: Name, and cells as they are shown; the most frequent labels first.
        left_out: Labels between those.
    """

    head: tuple[str, ...]
    rows: list[tuple[str, list[str]]]
    left_out: int


def further_rankings(runs: Sequence[Run]) -> Further | None:
    """What evaluations say of rankings beside the usual metrics; None where all of them are older."""
    ranked = [run for run in runs if isinstance((run.evaluation or {}).get("at_k"), list)]
    if not ranked:
        return None
    tables = []
    for caption, columns in _tables(ranked):
        tables.append((caption, columns, metric_rows(runs, columns)))
    return Further(tuple(tables), about_groups((ranked[0].evaluation or {}).get("frequency")), _labels(ranked))


def about_groups(found: Any) -> str:
    """Which labels are head, medium and tail, as a sentence."""
    if not isinstance(found, dict) or "groups" not in found:
        return ""
    parts, above = [], None
    for name, group in found["groups"].items():
        least, count = group["at_least"], group["labels"]
        positives = f"{least:,} or more" if above is None else f"{least:,} to {above - 1:,}"
        parts.append(f"{name}: {count:,}" + (f" ({positives})" if count else ""))
        above = least
    return (
        "Labels are sorted by their positives in training; head, medium and tail hold a third of all positives each. "
        f"Labels, and positives of one of them: {'; '.join(parts)}."
    )


def label_rows(about: dict[str, Any], columns: Sequence[Sequence[float | None]]) -> LabelTable:
    """A table of labels.

    Args:
        about: ``per_label`` of an evaluation, for names and counts.
        columns: A value for each label, a share or None, for each further column.
    """
    counts = about["training_positives"]
    known = counts[0] is not None
    by = counts if known else about["positives"]
    order = sorted(range(len(by)), key=lambda label: -by[label])
    left_out = max(0, len(order) - 2 * MOST)
    shown = order if not left_out else [*order[:MOST], *order[-MOST:]]
    rows = []
    for label in shown:
        first = [f"{counts[label]:,}", about["group"][label]] if known else []
        numbers = [_percent(column[label]) for column in columns]
        rows.append((about["label"][label], [*first, f"{about['positives'][label]:,}", *numbers]))
    head = ("in training", "group") if known else ()
    return LabelTable((*head, "positives"), rows, left_out)


def _tables(runs: Sequence[Run]) -> list[tuple[str, tuple[Metric, ...]]]:
    asked = {k for run in runs for k in (run.evaluation or {})["at_k"] if isinstance(k, int) and k > 0}
    samples = of_group("samples", sorted(asked | set(KS)))
    of = {kind: tuple(metric for metric in samples if metric.name.startswith(f"{kind}_at")) for kind in _KINDS}
    there = {
        kind: tuple(m for m in metrics if any(_is_number((run.evaluation or {}).get(m.name)) for run in runs))
        for kind, metrics in of.items()
    }
    labels = ("Further rankings of samples, label by label", of_group("labels"))
    return [labels, *((caption, there[kind]) for kind, caption in _KINDS.items() if there[kind])]


_KINDS = {
    "p": "P@k: true ones among the k best-ranked labels of a sample",
    "ndcg": "nDCG@k: the same, with higher ranks counting more",
    "psp": "PSP@k: the same, with labels that are rare in training counting more",
}


def _labels(runs: Sequence[Run]) -> LabelTable | None:
    tables: list[Any] = [(run.evaluation or {}).get("per_label") for run in runs]
    first = tables[0]
    try:
        if any(table["label"] != first["label"] for table in tables):
            return None
        found = label_rows(first, [table["average_precision"] for table in tables])
    except (KeyError, IndexError, TypeError):  # damaged: as good as none
        return None
    return LabelTable((*found.head, *(run.label for run in runs)), found.rows, found.left_out)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _percent(value: float | None) -> str:
    return "–" if value is None or value != value else f"{100 * value:.1f}"
