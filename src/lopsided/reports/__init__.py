"""From run folders to figures and a page; needs the extra ``report``."""

from lopsided.reports import requirement as requirement  # first: it says what is missing
from lopsided.reports.examples import examples
from lopsided.reports.explorer.page import write_explorer
from lopsided.reports.figures.calibration import reliability_diagram
from lopsided.reports.figures.curves import gradient_curves, loss_curves, save_curves
from lopsided.reports.figures.negative_gradient import gradient_peak
from lopsided.reports.figures.style import DARK, LIGHT, Theme, render, render_both
from lopsided.reports.figures.training import (
    asymmetry_over_training,
    cross_entropy_over_training,
    gap_over_training,
    map_over_training,
)
from lopsided.reports.page import write_report
from lopsided.reports.runs import Run, read_runs

__all__ = [
    "DARK",
    "LIGHT",
    "Run",
    "Theme",
    "asymmetry_over_training",
    "cross_entropy_over_training",
    "examples",
    "gap_over_training",
    "gradient_curves",
    "gradient_peak",
    "loss_curves",
    "map_over_training",
    "read_runs",
    "reliability_diagram",
    "render",
    "render_both",
    "save_curves",
    "write_explorer",
    "write_report",
]
