"""What happened while training: gap, asymmetry, validation mAP and plain cross-entropy by step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

from lopsided.reports.figures.series import smooth, smoothing_window, thin
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
from lopsided.reports.naming import shown
from lopsided.reports.runs import Run
from lopsided.runs.loss.options import loss_settings

_WIDTH = 4.9  # inches: two fit side by side on a screen, one on a telephone
_STEP = "training step"
_GAP = "gap Δp (probability)"


def gap_over_training(runs: Sequence[Run], *, theme: Theme = LIGHT) -> Figure:
    """Figure 3: the gap between confidence on positives and on negatives, eq. 7 and 8, by step.

    Returns:
        A faint line of every step and a smoothed one over it per run, the zero line, and the targets of adaptive runs.
    """
    with drawing(theme, width=_WIDTH, height=3.4 + _legend_height(runs)) as figure:
        axes = figure.subplots()
        dress(axes, theme, x_label=_STEP, y_label=_GAP)
        _draw_steps(axes, runs, "gap", theme)
        _draw_targets(axes, runs, theme)
        _finish(figure, axes, runs)
    return figure


def asymmetry_over_training(runs: Sequence[Run], *, theme: Theme = LIGHT) -> Figure:
    """Figure 4: how eq. 9 moves gamma_neg, and what that does to the gap, by step.

    Args:
        runs: At least one; those whose loss is not adaptive are left out.
        theme: The paper.

    Returns:
        Two panels, gamma_neg above and the gap with its target below.

    Raises:
        ValueError: None of the runs is adaptive.
    """
    chosen = adaptive_only(runs)
    if not chosen:
        raise ValueError("expected at least one run with an adaptive loss, got none")
    with drawing(theme, width=_WIDTH, height=4.6 + _legend_height(chosen)) as figure:
        upper, lower = figure.subplots(2, 1, sharex=True)
        dress(upper, theme, y_label="focusing power γ−")
        dress(lower, theme, x_label=_STEP, y_label=_GAP)
        _draw_steps(upper, chosen, "gamma_neg", theme)
        _draw_steps(lower, chosen, "gap", theme)
        _draw_targets(lower, chosen, theme)
        upper.set_ylim(bottom=min(0.0, upper.get_ylim()[0]))
        _finish(figure, lower, chosen)
    return figure


def map_over_training(runs: Sequence[Run], *, theme: Theme = LIGHT) -> Figure:
    """Mean average precision on the validation split by step."""
    with drawing(theme, width=_WIDTH, height=3.4 + _legend_height(runs)) as figure:
        axes = figure.subplots()
        dress(axes, theme, x_label=_STEP, y_label="validation mAP (%)")
        _draw_validations(axes, runs, "val_mAP", theme, scale=100)
        _finish(figure, axes, runs)
    return figure


def cross_entropy_over_training(runs: Sequence[Run], *, theme: Theme = LIGHT) -> Figure:
    """Plain cross-entropy by step: the losses of two settings cannot be compared, this can.

    Returns:
        Training above; below it validation, if any run has one. Both on a logarithmic scale.
    """
    validated = any(has_validation(run, "val_cross_entropy") for run in runs)
    with drawing(theme, width=_WIDTH, height=(4.6 if validated else 3.4) + _legend_height(runs)) as figure:
        panels = list(figure.subplots(2 if validated else 1, 1, sharex=True, squeeze=False)[:, 0])
        dress(panels[0], theme, y_label="training cross-entropy\n(nats per sample)")
        _draw_steps(panels[0], runs, "cross_entropy", theme)
        if validated:
            dress(panels[1], theme, y_label="validation cross-entropy\n(nats per sample)")
            _draw_validations(panels[1], runs, "val_cross_entropy", theme)
        panels[-1].set_xlabel(_STEP)
        for axes in panels:
            _logarithmic(axes)
        _finish(figure, panels[-1], runs)
    return figure


def adaptive_only(runs: Sequence[Run]) -> list[Run]:
    """The runs whose gamma_neg follows eq. 9."""
    return [run for run in runs if run.config.loss.name == "adaptive"]


def has_steps(run: Run, column: str) -> bool:
    """Whether a step wrote a finite value there."""
    return bool(np.isfinite(run.steps[column]).any())


def has_validation(run: Run, column: str) -> bool:
    """Whether a validation wrote a finite value there."""
    return bool(np.isfinite(run.validations[column]).any())


def _styles(runs: Sequence[Run], theme: Theme) -> list[LineStyle]:
    return line_styles([run.look for run in runs], theme)


def _draw_steps(axes: Axes, runs: Sequence[Run], column: str, theme: Theme) -> None:
    styles = _styles(runs, theme)
    for run, style in zip(runs, styles, strict=True):
        raw, steps = run.steps[column], run.steps["step"]
        if len(raw) > 80 and column != "gamma_neg":
            some = thin(raw)
            axes.plot(steps[some], raw[some], color=style.colour, alpha=0.22, linewidth=0.7, zorder=1)
    for run, style in zip(runs, styles, strict=True):
        window = 1 if column == "gamma_neg" else smoothing_window(len(run.steps[column]))
        _draw_line(axes, run.steps["step"], smooth(run.steps[column], window), style)


def _draw_validations(axes: Axes, runs: Sequence[Run], column: str, theme: Theme, *, scale: float = 1) -> None:
    for run, style in zip(runs, _styles(runs, theme), strict=True):
        _draw_line(axes, run.validations["step"], scale * run.validations[column], style)


def _draw_line(axes: Axes, steps: np.ndarray, values: np.ndarray, style: LineStyle) -> None:
    some = thin(values) if len(values) else np.arange(0)
    lonely = np.isfinite(values).sum() < 3  # a line of one point cannot be seen
    axes.plot(
        steps[some],
        values[some],
        color=style.colour,
        linestyle=style.dashes,
        marker=style.marker or ("o" if lonely else ""),
        markevery=None if lonely else 0.15,
        zorder=3,
    )


def _draw_targets(axes: Axes, runs: Sequence[Run], theme: Theme) -> None:
    """The zero line, and each target with its value at the right of the axes, where no data is."""
    axes.axhline(0, color=theme.quiet, linewidth=0.9, zorder=2)
    for target in sorted({loss_settings(run.config.loss)["target_gap"] for run in adaptive_only(runs)}):
        axes.axhline(target, color=theme.ink, linewidth=1, linestyle=(0, (2, 2)), zorder=2)
        axes.annotate(
            f"target\n{shown(target)}",
            (1, target),
            xycoords=axes.get_yaxis_transform(),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )


def _logarithmic(axes: Axes) -> None:
    shown = np.concatenate([np.asarray(line.get_ydata(), dtype=float) for line in axes.get_lines()])
    positive = shown[shown > 0]
    if not len(positive):
        return
    decades = np.log10(positive.max() / positive.min())
    dense = (1, 1.2, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8)
    ticks = dense if decades < 0.6 else (1, 1.5, 2, 3, 5, 7) if decades < 1.2 else (1, 2, 5) if decades < 3 else (1,)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=ticks))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _legend_height(runs: Sequence[Run]) -> float:
    return legend_height([run.label for run in runs], _WIDTH)


def _finish(figure: Figure, axes: Axes, runs: Sequence[Run]) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.set_xlim(0, 1.01 * max(1, *(run.last_step() for run in runs)))
    legend_below(figure, [line for line in axes.get_lines() if line.get_zorder() == 3], [run.label for run in runs])
