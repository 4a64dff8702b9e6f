"""Figures 5 to 8 of the paper with error bars: mAP against a setting, or of each setting, and its differences."""

from __future__ import annotations

import dataclasses
import itertools
import math
import textwrap
from collections.abc import Callable, Sequence

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
from lopsided.reports.naming import TITLES
from lopsided.reports.sweeps.reading import SettingResult, SweepResults

_MAP = "test mAP (%)"
_AXES = {
    "gamma_neg": "focusing power of negatives γ−",
    "margin": "margin m (probability)",
    "adaptive": "target gap Δp (probability)",
}
_WIDTH = 7.8  # inches
_MARKERS = ("o", "s", "^", "D", "v", "P")  # of the shares of hidden positives


def sweep_figure(sweep: SweepResults, *, theme: Theme = LIGHT) -> Figure:
    """Test mAP of a sweep's settings, and how far each is from the baseline.

    Returns:
        Two panels: mAP with the standard deviation over seeds and each seed's run as a dot; mean difference to the
        baseline within seeds, with its 95 % confidence interval. Against the value that was varied, or for each loss.
    """
    return _by_value(sweep, theme) if sweep.name in _AXES else _by_setting(sweep, theme)


def _by_value(sweep: SweepResults, theme: Theme) -> Figure:
    shares, many = sweep.shares, len(sweep.shares) > 1
    curves = [[result for result in sweep.at(share) if math.isfinite(result.numbers["value"])] for share in shares]
    levels = [result for share in shares for result in sweep.at(share) if _is_level(result)]
    labels = [_of_share(TITLES[curve[0].look], curve[0], many) for curve in curves]
    labels += [_of_share(level.label, level, many) for level in levels]
    styles = line_styles([curve[0].look for curve in curves] + [level.look for level in levels], theme)
    baseline = "the best fixed setting" if sweep.name == "adaptive" else "cross-entropy"
    with drawing(theme, width=_WIDTH, height=3.9 + legend_height(labels, _WIDTH)) as figure:
        left, right = figure.subplots(1, 2)
        dress(left, theme, x_label=_AXES[sweep.name], y_label=_MAP)
        dress(right, theme, x_label=_AXES[sweep.name], y_label=f"difference to {baseline}\n(points of mAP)")
        right.axhline(0, color=theme.quiet, linewidth=0.9, zorder=2)
        handles = []
        for curve, style, marker in zip(curves, styles, itertools.cycle(_MARKERS), strict=False):
            style = dataclasses.replace(style, marker=marker)
            handles.append(_curve(left, curve, style, _mean_and_sd))
            for result in curve:
                runs = [100 * run for run in result.of_seeds]
                _dots(left, [result.numbers["value"]] * len(runs), runs, style.colour)
            _curve(right, curve, style, _difference)
        handles += [_level(left, level, style) for level, style in zip(levels, styles[len(curves) :], strict=True)]
        legend_below(figure, handles, labels)
    return figure


def _is_level(result: SettingResult) -> bool:
    """Whether a result is drawn as a level line, as cross-entropy and the baseline are."""
    return result.setting == "cross_entropy" or result.is_baseline


def _of_share(words: str, result: SettingResult, many: bool) -> str:
    return f"{words}, {result.hidden.described}" if many else words


def _level(axes: Axes, result: SettingResult, style: LineStyle) -> Line2D:
    mean, low, high = _mean_and_sd(result)
    if math.isfinite(low):
        axes.axhspan(low, high, color=style.colour, alpha=0.15, linewidth=0, zorder=1)
    return axes.axhline(mean, color=style.colour, linestyle=style.dashes, zorder=2)


def _mean_and_sd(result: SettingResult) -> tuple[float, float, float]:
    mean, sd = 100 * result.numbers["mAP"], 100 * result.numbers["sd"]
    return mean, mean - sd, mean + sd


def _difference(result: SettingResult) -> tuple[float, float, float]:
    mean, low, high = (100 * result.numbers[name] for name in ("difference", "low", "high"))
    return mean, low, high


def _curve(
    axes: Axes,
    results: Sequence[SettingResult],
    style: LineStyle,
    of: Callable[[SettingResult], tuple[float, float, float]],
) -> Line2D:
    values = [result.numbers["value"] for result in results]
    mean, low, high = np.array([of(result) for result in results]).T
    axes.vlines(values, low, high, color=style.colour, linewidth=1.4, zorder=3)
    look = {"color": style.colour, "linestyle": style.dashes, "marker": style.marker}
    return axes.plot(values, mean, **look, zorder=4)[0]


def _by_setting(sweep: SweepResults, theme: Theme) -> Figure:
    shares = sweep.shares
    heights = [sum(_height(result) for result in sweep.at(share)) for share in shares]
    with drawing(theme, width=_WIDTH, height=sum(0.75 + 0.36 * height for height in heights)) as figure:
        panels = figure.subplots(len(shares), 2, squeeze=False, sharex="col", sharey="row", height_ratios=heights)
        for (left, right), share in zip(panels, shares, strict=True):
            _rows(left, right, sweep.at(share), theme)
            if len(shares) > 1:
                left.set_title(share.described, loc="left", fontsize=11)
        panels[-1][0].set_xlabel(_MAP)
        panels[-1][1].set_xlabel("difference to cross-entropy\n(points of mAP)")
    return figure


def _rows(left: Axes, right: Axes, results: Sequence[SettingResult], theme: Theme) -> None:
    """One line for each setting, the first on top, as far apart as their names are high."""
    ends = np.cumsum([_height(result) for result in results])
    places = [float(ends[-1] - end + _height(result) / 2) for end, result in zip(ends, results, strict=True)]
    for axes in (left, right):
        dress(axes, theme, y_label="")
    right.axvline(0, color=theme.quiet, linewidth=0.9, zorder=2)
    for place, result in zip(places, results, strict=True):
        colour = theme.losses[result.look]
        for axes, of in ((left, _mean_and_sd), (right, _difference)):
            mean, low, high = of(result)
            axes.hlines(place, low, high, color=colour, linewidth=2.2, zorder=3)
            axes.plot([mean], [place], marker="o", markersize=6, color=colour, linestyle="", zorder=4)
        _dots(left, [100 * run for run in result.of_seeds], [place - 0.22] * len(result.of_seeds), colour)
    left.set_yticks(places, ["\n".join(_lines(result)) for result in results])
    left.set_ylim(-0.1, float(ends[-1]) + 0.1)


def _lines(result: SettingResult) -> list[str]:
    return textwrap.wrap(result.label, 32)


def _height(result: SettingResult) -> float:
    """Height of a setting's row, in rows of one line; names of three lines and more need extra."""
    return max(1.0, 0.5 * len(_lines(result)))


def _dots(axes: Axes, across: Sequence[float], up: Sequence[float], colour: str) -> None:
    axes.plot(across, up, marker="o", markersize=2.6, color=colour, alpha=0.45, linestyle="", zorder=2)
