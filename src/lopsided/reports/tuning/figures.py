"""What a search went through, and what mattered in it, as figures."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lopsided.losses.catalogue import CATALOGUE
from lopsided.reports.figures.style import LIGHT, Theme, drawing, dress, legend_below, legend_height
from lopsided.reports.naming import TITLES
from lopsided.reports.tuning.reading import TrialResult, Tuning

_MAP = "validation mAP (%)"
_WIDTH = 7.8  # inches
_IN_A_ROW = 3
_MARKERS = "os^Dv*Xph<>d8P"
_LOGARITHMIC = ("learning_rate", "weight_decay")
_LOWEST_SHOWN = 0.25  # quantile: below it lie trials of which a reader wants to know no more than that


def history_figure(tuning: Tuning, *, theme: Theme = LIGHT) -> Figure:
    """Validation mAP of each trial in its order, by loss, and the best so far; crosses are trials that ended early."""
    losses = _losses(tuning)
    labels = [*(TITLES[name] for name in losses), "best so far"]
    with drawing(theme, width=_WIDTH, height=3.6 + legend_height(labels, _WIDTH)) as figure:
        axes = figure.subplots()
        dress(axes, theme, x_label="trial", y_label=_MAP)
        handles = [_dots(axes, tuning, name, [float(t.number) for t in tuning.trials], theme) for name in losses]
        done = tuning.complete
        best = np.maximum.accumulate([100 * trial.numbers["val_mAP"] for trial in done])
        (line,) = axes.step([t.number for t in done], best, where="post", color=theme.ink, linewidth=1.2, zorder=2)
        axes.set_ylim(*_shown_range(tuning))
        legend_below(figure, [*handles, line], labels)
    return figure


def slices_figure(tuning: Tuning, *, theme: Theme = LIGHT) -> Figure:
    """Validation mAP against each parameter, one panel each, by loss."""
    parameters, losses = parameters_of(tuning), _losses(tuning)
    rows = -(-len(parameters) // _IN_A_ROW)
    labels = [TITLES[name] for name in losses]
    with drawing(theme, width=_WIDTH, height=2.5 * rows + legend_height(labels, _WIDTH)) as figure:
        panels = figure.subplots(rows, min(_IN_A_ROW, len(parameters)), squeeze=False, sharey=True)
        handles: list[Line2D] = []
        for place, axes in enumerate(panels.flat):
            if place >= len(parameters):
                axes.set_visible(False)
                continue
            parameter = parameters[place]
            dress(axes, theme, x_label=title_of(parameter), y_label=_MAP if place % _IN_A_ROW == 0 else "")
            if parameter in _LOGARITHMIC:
                axes.set_xscale("log")
            values = [trial.value_of(parameter) for trial in tuning.trials]
            handles = [_dots(axes, tuning, name, values, theme) for name in losses]
            axes.axvline(tuning.best.value_of(parameter), color=theme.quiet, linewidth=0.9, zorder=1)
        low, high = _shown_range(tuning)
        panels[0][0].set_ylim(low, high)
        legend_below(figure, handles, labels)
    return figure


def importances_figure(shares: dict[str, float], *, theme: Theme = LIGHT) -> Figure:
    """How much of the variance of validation mAP each parameter explains."""
    names = sorted(shares, key=lambda name: shares[name])
    with drawing(theme, width=_WIDTH, height=0.8 + 0.34 * len(names)) as figure:
        axes = figure.subplots()
        dress(axes, theme, x_label="share of the variance of validation mAP (%)", y_label="")
        axes.barh(
            range(len(names)), [100 * shares[name] for name in names], color=theme.losses["asymmetric"], height=0.6
        )
        axes.set_yticks(range(len(names)), [title_of(name) for name in names])
        axes.set_xlim(0, 100)
    return figure


def parameters_of(tuning: Tuning) -> list[str]:
    """The parameters that took two values, by their names in the study: those of every loss, then those of some."""
    shared = [name for name in (*_LOGARITHMIC, "epochs") if _varies(tuning, name)]
    own = [f"{loss}.{setting}" for loss in _losses(tuning) for setting in CATALOGUE[loss].settings]
    return [*shared, *(name for name in own if _varies(tuning, name))] or ["learning_rate"]


def title_of(parameter: str) -> str:
    """What a parameter is called on the page.

    >>> title_of("learning_rate"), title_of("asymmetric.gamma_neg")
    ('learning rate', 'asymmetric: γ−')
    """
    loss, dot, setting = parameter.partition(".")
    if not dot:
        return parameter.replace("_", " ")
    return f"{TITLES[loss]}: {CATALOGUE[loss].settings[setting] or setting}"


def _varies(tuning: Tuning, parameter: str) -> bool:
    values = {trial.value_of(parameter) for trial in tuning.trials}
    return len({value for value in values if math.isfinite(value)}) > 1


def _losses(tuning: Tuning) -> list[str]:
    there = {trial.loss.name for trial in tuning.trials}
    return [name for name in CATALOGUE if name in there]


def _dots(axes: Axes, tuning: Tuning, loss: str, across: Sequence[float], theme: Theme) -> Line2D:
    colour, marker = theme.losses[loss], _MARKERS[list(CATALOGUE).index(loss) % len(_MARKERS)]
    its = [(x, trial) for x, trial in zip(across, tuning.trials, strict=True) if trial.loss.name == loss]

    def draw(chosen: list[tuple[float, TrialResult]], **look: object) -> Line2D:
        heights = [100 * trial.numbers["val_mAP"] for _, trial in chosen]
        style = {"color": colour, "linestyle": "", "zorder": 3, **look}
        return axes.plot([x for x, _ in chosen], heights, **style)[0]

    draw([one for one in its if one[1].state == "pruned"], marker="x", markersize=4, alpha=0.6)
    return draw([one for one in its if one[1].is_complete], marker=marker, markersize=5, alpha=0.85)


def _shown_range(tuning: Tuning) -> tuple[float, float]:
    """From the lower quarter of the trials to the best, so that the differences that matter can be seen."""
    values = [100 * mAP for trial in tuning.trials if math.isfinite(mAP := trial.numbers["val_mAP"])]
    low, high = float(np.quantile(values, _LOWEST_SHOWN)), max(values)
    room = max(0.08 * (high - low), 0.05)
    return low - room, high + room
