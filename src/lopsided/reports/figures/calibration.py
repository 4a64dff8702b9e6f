"""Predicted probabilities against what came true: before and after the bias of the loss is undone."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lopsided.reports.figures.style import (
    LIGHT,
    LineStyle,
    Theme,
    drawing,
    dress,
    legend_below,
    legend_height,
    line_styles,
)
from lopsided.reports.runs import Run

_WIDTH = 4.9  # inches, as of the figures beside it
_FEWEST = 10  # elements of a bin that is drawn


def reliability_diagram(runs: Sequence[Run], *, theme: Theme = LIGHT) -> Figure:
    """Share of positives by predicted probability, all labels pooled.

    Args:
        runs: At least one; those whose evaluation says nothing about it are left out.
        theme: The paper.

    Returns:
        A panel for each run: a faint line of the sigmoid, a strong one of its probabilities, and the diagonal.

    Raises:
        ValueError: None of the runs was evaluated.
    """
    chosen = {run.label: about for run in runs if (about := calibration_of(run))}
    if not chosen:
        raise ValueError("expected at least one evaluated run, got none")
    # Looks go by the place among all runs, so that a run looks the same in every figure.
    return diagram(chosen, looks=[run.look for run in runs], theme=theme, places=[run.label for run in runs])


def diagram(
    chosen: dict[str, dict[str, Any]], *, looks: Sequence[str], theme: Theme = LIGHT, places: Sequence[str] = ()
) -> Figure:
    """The same of what ``evaluate`` calls ``calibration``, by name.

    Args:
        chosen: At least one.
        looks: Key of the colour and dash of each, or of each of ``places``.
        theme: The paper.
        places: Names that the looks are for; by default those of ``chosen``.
    """
    labels, columns = list(chosen), 1 if len(chosen) == 1 else 2
    rows, side = -(-len(labels) // columns), _WIDTH / columns
    styles = dict(zip(places or labels, line_styles(looks, theme), strict=True))
    ends = ["sigmoid", "probability"]
    with drawing(theme, width=_WIDTH, height=(side + 0.35) * rows + legend_height(ends, _WIDTH)) as figure:
        every = list(figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).flat)
        drawn = []
        for axes, label in zip(every, labels, strict=False):
            dress(axes, theme, x_label="", y_label="")
            if columns > 1:
                axes.set_title(textwrap.fill(label, 30), loc="left", fontsize=9)
            drawn = _panel(axes, chosen[label], styles[label], theme)
        for axes in every[len(labels) :]:
            axes.set_axis_off()
        for place, axes in enumerate(every[: len(labels)]):
            axes.set_ylabel("share that is true" if place % columns == 0 else "")
            if place + columns >= len(labels):  # the lowest of its column
                axes.set_xlabel("predicted probability")
                axes.tick_params(labelbottom=True)
        legend_below(figure, drawn, ends)
    return figure


def _panel(axes: Axes, about: dict[str, Any], style: LineStyle, theme: Theme) -> list[Line2D]:
    """The lines of one run: the sigmoid, faint, and its probabilities."""
    axes.plot([0, 1], [0, 1], color=theme.quiet, linewidth=0.9, zorder=2)
    lines = []
    for side, width, alpha in (("before", 1.2, 0.45), ("after", 2.0, 1.0)):
        means, shares = _bins(about, side)
        look = {"color": style.colour, "linestyle": style.dashes, "marker": style.marker or "o", "markersize": 3.5}
        lines += axes.plot(means, shares, **look, linewidth=width, alpha=alpha, zorder=3 if side == "after" else 2.5)
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.01)
    axes.set_aspect("equal")
    return lines


def calibration_of(run: Run) -> dict[str, Any] | None:
    """What the evaluation says about how true the probabilities are, or None."""
    about: Any = (run.evaluation or {}).get("calibration")
    try:
        whole = all(np.array(about[side]["bins"], dtype=float).shape[1] == 3 for side in ("before", "after"))
        return about if whole and all(0 <= about[side]["ece"] <= 1 for side in ("before", "after")) else None
    except (KeyError, IndexError, TypeError, ValueError):  # an older evaluation, or a damaged one
        return None


def _bins(about: dict[str, Any], side: str) -> tuple[np.ndarray, np.ndarray]:
    bins = np.array(about[side]["bins"], dtype=float)
    kept = bins[bins[:, 2] >= _FEWEST]
    return kept[:, 0], kept[:, 1]
