"""Draws the figures of docs/concepts: curves from the losses themselves, the rest from the runs of `lopsided demo`.

    lopsided demo --out runs/demo              # about four minutes
    python tools/draw_concepts.py runs/demo    # writes docs/images/concepts

Each figure is two SVGs, ``NAME.svg`` for light pages and ``NAME_dark.svg`` for dark ones, 4.4 to 4.9 inches wide so
that a telephone shows their letters large enough to read.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

from lopsided.losses import recalibrate, recalibration_ceiling
from lopsided.reports.figures.calibration import reliability_diagram
from lopsided.reports.figures.curves import PROBABILITIES, gradient_curves, loss_curves
from lopsided.reports.figures.shapes import Shape, negative_loss
from lopsided.reports.figures.style import Theme, drawing, dress, legend_below, legend_height, line_styles, render_both
from lopsided.reports.figures.training import asymmetry_over_training, gap_over_training
from lopsided.reports.runs import read_runs

RUNS = ("cross-entropy", "focal", "asymmetric", "adaptive", "adaptive-printed-sign")  # folders of `lopsided demo`
_WIDTH = 4.4  # inches
_MARGINS = (0.0, 0.05, 0.2, 0.4)
_MEMBERS = (
    ("cross-entropy", "cross_entropy", Shape(0, 0, 0)),
    ("focal, γ = 2", "focal", Shape(2, 2, 0)),
    ("asymmetric, γ+ = 0, γ− = 2, m = 0.2", "asymmetric", Shape(0, 2, 0.2)),
    ("asymmetric, γ+ = 0, γ− = 4, m = 0.05", "asymmetric", Shape(0, 4, 0.05)),
)


def draw(demo: Path, out_dir: Path) -> tuple[Path, ...]:
    """Write every figure.

    Args:
        demo: Folder that `lopsided demo` wrote.
        out_dir: Where to write; made if it is not there.

    Returns:
        The files, a light and a dark one of each figure.
    """
    runs = read_runs([demo / name for name in RUNS])
    plain, focal, asymmetric, adaptive, printed = runs
    figures: dict[str, Callable[[Theme], Figure]] = {
        "losses": lambda theme: loss_curves(theme=theme, narrow=True),
        "margin": margins,
        "gradient": lambda theme: gradient_curves(theme=theme, narrow=True),
        "gap": lambda theme: gap_over_training([plain, focal, asymmetric, adaptive], theme=theme),
        "signs": lambda theme: asymmetry_over_training([adaptive, printed], theme=theme),
        "recalibration": recalibration,
        "reliability": lambda theme: reliability_diagram([plain, asymmetric], theme=theme),
    }
    out_dir.mkdir(parents=True, exist_ok=True)
    written = []
    for name, one in figures.items():
        for ending, content in zip(("", "_dark"), render_both(one, title=name), strict=True):
            written.append(out_dir / f"{name}{ending}.svg")
            written[-1].write_bytes(content)
    return tuple(written)


def margins(theme: Theme) -> Figure:
    """Loss of a negative for several margins, eq. 5: the curve moves to the right and leaves 0 behind it."""
    labels = [f"γ− = 2, m = {margin:g}" for margin in _MARGINS]
    with drawing(theme, width=_WIDTH, height=3.4 + legend_height(labels, _WIDTH)) as figure:
        axes = figure.subplots()
        dress(axes, theme, x_label="probability p given to a negative", y_label="loss of a negative (nats)")
        for margin, style in zip(_MARGINS, line_styles(["asymmetric"] * len(_MARGINS), theme), strict=True):
            loss = negative_loss(PROBABILITIES, Shape(0, 2, margin))
            axes.plot(PROBABILITIES, loss, color=style.colour, marker=style.marker, markevery=(40, 100))
        axes.set(xlim=(0, 1), ylim=(0, 2))
        legend_below(figure, axes.get_lines(), labels)
    return figure


def recalibration(theme: Theme) -> Figure:
    """True probability behind an output at which the loss is least, and the ceiling that a margin puts on it."""
    labels, looks = [label for label, _, _ in _MEMBERS], [look for _, look, _ in _MEMBERS]
    with drawing(theme, width=_WIDTH, height=4.2 + legend_height(labels, _WIDTH)) as figure:
        axes = figure.subplots()
        dress(axes, theme, x_label="output p = σ(z) of the network", y_label="true probability η")
        logits = torch.logit(torch.from_numpy(PROBABILITIES))
        for (_, _, shape), style in zip(_MEMBERS, line_styles(looks, theme), strict=True):
            truth = recalibrate(
                logits, gamma_pos=shape.gamma_pos, gamma_neg=shape.gamma_neg, margin=shape.margin
            ).numpy()
            look = {"linestyle": style.dashes, "marker": style.marker, "markevery": (40, 100)}
            axes.plot(PROBABILITIES, truth, color=style.colour, **look)
        ceiling = recalibration_ceiling(gamma_pos=0, gamma_neg=2, margin=0.2)
        lines = axes.get_lines()
        axes.axhline(ceiling, color=theme.ink, linewidth=1, linestyle=(0, (2, 2)), zorder=2)
        axes.text(0.03, ceiling + 0.015, f"ceiling {ceiling:.3f} of the defaults", fontsize=9, color=theme.ink)
        axes.set(xlim=(0, 1), ylim=(0, 1.005), xticks=np.linspace(0, 1, 6), yticks=np.linspace(0, 1, 6))
        axes.set_aspect("equal")
        legend_below(figure, lines, labels)
    return figure


def main() -> None:
    """Draw from the folder that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("demo", type=Path, help="folder that `lopsided demo` wrote")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "docs" / "images" / "concepts")
    given = parser.parse_args()
    for path in draw(given.demo, given.out):
        print(f"{path} {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
