"""What verbs that measure take and print of rankings: P@k and its kin, labels by how frequent they are."""

from __future__ import annotations

from typing import Any

from rich.table import Table as Grid

from lopsided.cli.parser import Parser, ranks
from lopsided.cli.printing import counted, percent, table

A, B = 0.55, 1.5  # as in lopsided.metrics, which is not imported for --help


def add_rankings(parser: Parser) -> None:
    """Take which labels of each sample are looked at, and what makes rare ones count more."""
    about = "best-ranked labels of each sample that P@k, nDCG@k and PSP@k look at (default: 1,3,5)"
    parser.add_argument("--at-k", type=ranks, help=about)
    for name, usual in (("a", A), ("b", B)):
        of = f"{name.upper()} of the propensities in PSP@k, as Jain et al. fitted it (default: {usual})"
        parser.add_argument(f"--propensity-{name}", type=float, default=usual, help=of)


def rankings_of(given: Any) -> dict[str, Any]:
    """What was said of them, as :func:`lopsided.inference.evaluate.evaluate` takes it; the usual where a verb asks for
    nothing of it."""
    usual = {"propensity_a": A, "propensity_b": B}
    a, b = (getattr(given, name, value) for name, value in usual.items())
    return {"ks": getattr(given, "at_k", None), "propensity": (a, b)}


def further(result: dict[str, Any]) -> Grid:
    """The metrics of rankings that are not usual ones, in per cent, with the intervals that they have."""
    from lopsided.metrics.catalogue import of_group

    shown = table(("further rankings", "value", "95 % interval"), ())
    shown.add_column("what it is", style="dim")
    for metric in (*of_group("labels"), *of_group("samples", result["at_k"])):
        value, samples = result[metric.name], result["samples"]
        ends = result["intervals"].get(metric.name)
        between = "" if ends is None else " to ".join(percent(end, samples) for end in ends)
        shown.add_row(metric.title, "–" if value != value else percent(value, samples), between, metric.meaning)
    return shown


def about_frequency(result: dict[str, Any]) -> list[str]:
    """Which labels are head, medium and tail, or why nobody knows."""
    found = result["frequency"]
    if "missing" in found:
        return [
            f"not known: {found['missing']}, which PSP@k and mAP of head, medium and tail need; a run that was trained "
            "by this version keeps it, and a source with a train split says it"
        ]
    parts, above = [], None
    for name, group in found["groups"].items():
        least = group["at_least"]
        positives = f"{least:,} or more" if above is None else f"{least:,} to {above - 1:,}"
        parts.append(f"{name} {counted(group['labels'], 'label')}" + (f" ({positives})" * bool(group["labels"])))
        above = least
    return [f"by positives in training, each group a third of all positives: {', '.join(parts)}"]
