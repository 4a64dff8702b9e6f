"""Figures 1 and 2 of the paper, from the loss functions themselves: loss and gradient against probability."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lopsided.reports.figures.negative_gradient import gradient_peak, negative_gradient
from lopsided.reports.figures.shapes import Shape, distinct, negative_loss, positive_loss, shape_of
from lopsided.reports.figures.style import (
    LIGHT,
    LineStyle,
    Theme,
    drawing,
    dress,
    legend_below,
    legend_height,
    line_styles,
    render_both,
)
from lopsided.reports.naming import describe_curve, look_of
from lopsided.runs.config import LossOptions
from lopsided.runs.json_files import write_whole

PROBABILITIES = np.linspace(0, 1, 801).clip(5e-4, 1 - 5e-4)
USUAL = (LossOptions(name="cross_entropy"), LossOptions(name="focal"), LossOptions(name="asymmetric"))
_HIGHEST = 3.0  # nats; cross-entropy has no end


def loss_curves(settings: Sequence[LossOptions] = (), *, theme: Theme = LIGHT, narrow: bool = False) -> Figure:
    """Loss of a negative and of a positive against its probability, eq. 1 to 5.

    Args:
        settings: Losses to draw beside cross-entropy, focal loss and the asymmetric loss at their defaults.
        theme: The paper.
        narrow: One panel under the other, for a telephone.
    """
    losses = distinct([*USUAL, *settings])
    labels = [describe_curve(options) for options in losses]
    styles = line_styles([look_of(options) for options in losses], theme)
    width = 4.4 if narrow else 7.8
    height = (5.6 if narrow else 3.4) + legend_height(labels, width)
    with drawing(theme, width=width, height=height) as figure:
        if narrow:
            negative, positive = figure.subplots(2, 1, height_ratios=(1.5, 1))
        else:
            negative, positive = figure.subplots(1, 2, width_ratios=(1.7, 1))
        dress(negative, theme, x_label="probability p given to a negative", y_label="loss of a negative (nats)")
        dress(positive, theme, x_label="probability p given to a positive", y_label="loss of a positive (nats)")
        for axes, loss in ((negative, negative_loss), (positive, positive_loss)):
            for number, (options, style) in enumerate(zip(losses, styles, strict=True)):
                _line(axes, loss(PROBABILITIES, shape_of(options)), style, zorder=4 - number / len(losses))
            axes.set(xlim=(0, 1), ylim=(0, _HIGHEST))
        legend_below(figure, negative.get_lines(), labels)
    return figure


def gradient_curves(settings: Sequence[LossOptions] = (), *, theme: Theme = LIGHT, narrow: bool = False) -> Figure:
    """Gradient of a negative by its logit, eq. 6, with and without focusing and shifting, and its three regimes.

    Args:
        settings: Losses to draw; the regimes are those of the first, by default of the asymmetric loss's defaults.
        theme: The paper.
        narrow: For a telephone.
    """
    losses = distinct(settings or [LossOptions()], negatives_only=True)
    main = shape_of(losses[0])
    labels, looks, shapes = _gradient_lines(losses)
    width = 4.4 if narrow else 7.8
    height = (3.7 if narrow else 4.0) + legend_height(labels, width)
    with drawing(theme, width=width, height=height) as figure:
        axes = figure.subplots()
        dress(
            axes,
            theme,
            x_label="probability p given to a negative",
            y_label="gradient of a negative\n(nats per unit of logit)",
        )
        for number, (shape, style) in enumerate(zip(shapes, line_styles(looks, theme), strict=True)):
            gradient = negative_gradient(PROBABILITIES, gamma_neg=shape.gamma_neg, margin=shape.margin)
            _line(axes, gradient, style, zorder=4 - number / len(shapes))
        axes.set(xlim=(0, 1), ylim=(0, None))
        legend_below(figure, axes.get_lines(), labels)
        _mark_regimes(axes, main, theme)
    return figure


def save_curves(out_dir: Path, settings: Sequence[LossOptions] = ()) -> tuple[Path, ...]:
    """Write both figures as PNG and SVG, light and dark.

    Args:
        out_dir: Folder to write to; made if it is not there.
        settings: Losses to draw beside the usual ones.

    Returns:
        The files: ``loss_curves.png``, ``loss_curves_dark.png``, ``loss_curves.svg``, ...
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    written = []
    for name, draw in (("loss_curves", loss_curves), ("gradient_curves", gradient_curves)):
        for form in ("png", "svg"):
            both = render_both(lambda theme, draw=draw: draw(settings, theme=theme), format=form, title=name)
            for ending, content in zip(("", "_dark"), both, strict=True):
                written.append(out_dir / f"{name}{ending}.{form}")
                write_whole(written[-1], content)
    return tuple(written)


def _gradient_lines(losses: Sequence[LossOptions]) -> tuple[list[str], list[str], list[Shape]]:
    """Labels, looks and shapes: what focusing and shifting do apart, then the losses."""
    main = shape_of(losses[0])
    focus, margin = f"{main.gamma_neg:g}", f"{main.margin:g}"
    apart = [
        ("neither: cross-entropy", "cross_entropy", Shape(0, 0, 0)),
        (f"shifting only, γ− = 0, m = {margin}", "cross_entropy", Shape(0, 0, main.margin)),
        (f"focusing only, γ− = {focus}, m = 0", "focal", Shape(0, main.gamma_neg, 0)),
    ]
    wanted = [(describe_curve(options, of="negatives"), look_of(options), shape_of(options)) for options in losses]
    drawn = {(shape.gamma_neg, shape.margin) for *_, shape in wanted}
    rows = []
    for row in apart:
        if (row[2].gamma_neg, row[2].margin) not in drawn:
            drawn.add((row[2].gamma_neg, row[2].margin))
            rows.append(row)
    labels, looks, shapes = zip(*rows, *wanted, strict=True)
    return [label + _peak_words(shape) for label, shape in zip(labels, shapes, strict=True)], list(looks), list(shapes)


def _peak_words(shape: Shape) -> str:
    peak = gradient_peak(gamma_neg=shape.gamma_neg, margin=shape.margin)
    return f" (p* = {peak:.3f})" if peak < 1 else ""


def _line(axes: Axes, values: np.ndarray, style: LineStyle, *, zorder: float) -> None:
    """Draw one line; baselines lie above, and where curves coincide the gaps in them show what is below."""
    axes.plot(
        PROBABILITIES,
        values,
        color=style.colour,
        linestyle=style.dashes,
        marker=style.marker,
        markevery=(40, 100),
        zorder=zorder,
    )


def _mark_regimes(axes: Axes, shape: Shape, theme: Theme) -> None:
    """Shade what is not counted and what is taken for mislabelled; write p* and the three names above the axes."""
    peak = gradient_peak(gamma_neg=shape.gamma_neg, margin=shape.margin)
    if shape.margin > 0:
        axes.axvspan(0, shape.margin, color=theme.shade, zorder=0)
        _name_regime(axes, "hard threshold\nnot counted", 0, shape.margin, theme)
    if peak < 1:
        height = float(negative_gradient(np.array([peak]), gamma_neg=shape.gamma_neg, margin=shape.margin)[0])
        axes.axvspan(peak, 1, color=theme.shade, zorder=0)
        axes.axvline(peak, color=theme.ink, linewidth=1, linestyle=(0, (2, 2)), zorder=2)
        axes.plot([peak], [height], color=theme.ink, marker="o", markersize=6, zorder=5)
        _above(axes, f"p* = {peak:.3f}", peak, "center" if peak < 0.88 else "right", theme.ink)
        _name_regime(axes, "mislabelled\ncounted less", peak, 1, theme)
    if shape.margin > 0 or peak < 1:
        _name_regime(axes, "soft threshold\neasy ones count little", shape.margin, peak, theme)


def _name_regime(axes: Axes, name: str, low: float, high: float, theme: Theme) -> None:
    if high - low > 0.17:
        _above(axes, name, (low + high) / 2, "center", theme.quiet, points=19)
    else:  # too narrow for its name, which therefore starts or ends at the edge
        _above(axes, name, *((0, "left") if low == 0 else (1, "right")), theme.quiet, points=19)


def _above(axes: Axes, text: str, where: float, side: str, colour: str, *, points: float = 4) -> None:
    axes.annotate(
        text,
        (where, 1),
        xycoords=axes.get_xaxis_transform(),
        xytext=(0, points),
        textcoords="offset points",
        ha=side,
        va="bottom",
        fontsize=9,
        color=colour,
    )
