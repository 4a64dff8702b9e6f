"""Marks for figures of measurements, 4.4 inches wide so that a telephone shows their letters large enough to read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lopsided.reports.figures.style import LIGHT, drawing, dress, legend_below, legend_height

LOSSES = ("cross-entropy", "focal", "asymmetric", "adaptive")
"""Losses that have a colour and a mark of their own."""

_WIDTH = 4.4  # inches
_MARKERS = "osD^v"
_HUES = [LIGHT.losses[look] for look in ("asymmetric", "focal", "adaptive", "adaptive_printed", "cross_entropy")]
_LOSS_HUES = [LIGHT.losses[look] for look in ("cross_entropy", "focal", "asymmetric", "adaptive")]


@dataclass(frozen=True)
class Point:
    """One measurement with its interval, which is empty where there is none."""

    at: float
    low: float
    high: float
    hollow: bool = False


@dataclass(frozen=True)
class Panel:
    """One set of axes: where the points of each series stand, None where there is none."""

    title: str
    places: Sequence[str | float]
    series: dict[str, list[Point | None]]
    chosen: Sequence[tuple[str, float]] = ()  # series and place


def dots(
    panels: Sequence[Panel],
    *,
    label: str,
    limits: tuple[float, float],
    base: float | None = None,
    log: bool = False,
) -> Figure:
    """A row for each place, a mark for each series; what lies outside the limits is an arrow with its value."""
    names = list(panels[0].series)
    sizes = [0.26 * len(panel.places) + (0.3 if panel.title else 0.05) for panel in panels]
    height = sum(sizes) + 0.65 + (legend_height(names, _WIDTH) if len(names) > 1 else 0)
    with drawing(LIGHT, width=_WIDTH, height=height) as figure:
        grid = figure.subplots(len(panels), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": sizes})[:, 0]
        for axes, panel in zip(grid, panels, strict=True):
            dress(axes, LIGHT, y_label="")
            axes.grid(False, axis="y")
            if base is not None:
                axes.axvline(base, color=LIGHT.quiet, linewidth=1)
            for number, name in enumerate(names):
                shift = 0.0 if len(names) == 1 else 0.5 * (number / (len(names) - 1) - 0.5)
                for place, point in enumerate(panel.series[name]):
                    if point is not None:
                        _dot(axes, point, place + shift, *_look(name, number), limits)
            axes.set(yticks=range(len(panel.places)), yticklabels=panel.places, ylim=(len(panel.places) - 0.4, -0.6))
            axes.set_title(panel.title, fontsize=11, loc="left")
            if log:
                axes.set_xscale("log")
                axes.xaxis.set_major_formatter("{x:g}")
            axes.set_xlim(limits)
        grid[-1].set_xlabel(label, loc="right")
        if len(names) > 1:
            looks = [_look(name, number) for number, name in enumerate(names)]
            legend_below(figure, [Line2D([], [], color=hue, marker=mark, ls="") for hue, mark in looks], names)
    return figure


def _dot(axes: Axes, point: Point, place: float, hue: str, mark: str, limits: tuple[float, float]) -> None:
    if point.at < limits[0]:
        axes.plot(limits[0], place, marker="<", color=hue, clip_on=False)
        axes.text(limits[0], place, f"   {point.at:.0f}".replace("-", "−"), va="center", fontsize=9, color=hue)
        return
    axes.plot([point.low, point.high], [place, place], color=hue, linewidth=1.4)
    axes.plot(point.at, place, color=hue, marker=mark, markerfacecolor=_inside(point, hue))


def lines(panels: Sequence[Panel], *, x_label: str, y_label: str, log: bool = False) -> Figure:
    """A line for each series; a ring stands around what validation chose."""
    names = list(dict.fromkeys(name for panel in panels for name in panel.series))
    height = 2.5 * len(panels) + legend_height(names, _WIDTH)
    with drawing(LIGHT, width=_WIDTH, height=height) as figure:
        for axes, panel in zip(figure.subplots(len(panels), 1, squeeze=False)[:, 0], panels, strict=True):
            dress(axes, LIGHT, x_label=x_label, y_label=y_label)
            axes.set_title(panel.title, fontsize=11, loc="left")
            at = dict(zip(panel.places, map(float, panel.places) if log else range(len(panel.places)), strict=True))
            if log:
                axes.set_xscale("log", base=2)
                axes.minorticks_off()
            axes.set_xticks(list(at.values()), [str(place) for place in at])
            for number, name in enumerate(names):
                found = zip(at.items(), panel.series.get(name, ()), strict=False)
                there = {place: (x, point) for (place, x), point in found if point is not None}
                hue, mark = _look(name, number)
                axes.plot([x for x, _ in there.values()], [point.at for _, point in there.values()], color=hue)
                for x, point in there.values():
                    axes.plot([x, x], [point.low, point.high], color=hue, linewidth=1.4)
                    axes.plot(x, point.at, color=hue, marker=mark, markerfacecolor=_inside(point, hue))
                for place in (place for chosen, place in panel.chosen if chosen == name):
                    axes.plot(there[place][0], there[place][1].at, "o", ms=11, markerfacecolor="none", color=hue)
        looks = [_look(name, number) for number, name in enumerate(names)]
        legend_below(figure, [Line2D([], [], color=hue, marker=mark) for hue, mark in looks], names)
    return figure


def _look(name: str, number: int) -> tuple[str, str]:
    """Colour and mark of a series: a loss has its own, whichever figure it stands in."""
    if name in LOSSES:
        return _LOSS_HUES[LOSSES.index(name)], _MARKERS[LOSSES.index(name)]
    return _HUES[number], _MARKERS[number - 2]


def _inside(point: Point, hue: str) -> str:
    return LIGHT.paper if point.hollow else hue
