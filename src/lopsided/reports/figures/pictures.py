"""The figures of a page, with what to look for in each."""

from __future__ import annotations

import base64
import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from matplotlib.figure import Figure

from lopsided.asymmetry.adaptive import narrowed
from lopsided.reports import captions
from lopsided.reports.figures.calibration import calibration_of, reliability_diagram
from lopsided.reports.figures.curves import USUAL, gradient_curves, loss_curves
from lopsided.reports.figures.negative_gradient import gradient_peak
from lopsided.reports.figures.shapes import FAMILY, distinct, shape_of
from lopsided.reports.figures.style import DARK, LIGHT, Theme, render
from lopsided.reports.figures.training import (
    adaptive_only,
    asymmetry_over_training,
    cross_entropy_over_training,
    gap_over_training,
    has_steps,
    has_validation,
    map_over_training,
)
from lopsided.reports.naming import describe_curve
from lopsided.reports.runs import Run
from lopsided.reports.summary import best_run, percent, signed
from lopsided.runs.config import LossOptions
from lopsided.runs.loss.calibrators import CLOSED_FORM, without_fit
from lopsided.runs.loss.options import loss_settings

_MOST_CURVES = 4  # beside the usual ones


@dataclass(frozen=True)
class Picture:
    """One figure for light and for dark paper, as data URIs."""

    light: str
    dark: str
    width: int  # pixels
    height: int


@dataclass(frozen=True)
class PageFigure:
    """A figure with its words."""

    name: str  # an identifier within the page
    title: str
    alt: str
    caption: str
    picture: Picture
    narrow: Picture | None = None  # for a telephone, where the other would become too small


def training_figures(runs: Sequence[Run]) -> list[PageFigure]:
    """The figures about training for which the runs have data."""
    validated = [run for run in runs if has_validation(run, "val_mAP")]
    measured = [run for run in runs if has_steps(run, "cross_entropy") or has_validation(run, "val_cross_entropy")]
    gauged = [run for run in runs if has_steps(run, "gap")]
    found = []
    if validated:
        found.append(_map_figure(runs))
    if gauged:
        found.append(_gap_figure(runs))
    if adaptive_only(gauged):
        found.append(_asymmetry_figure(runs))
    if measured:
        found.append(_cross_entropy_figure(runs))
    return found


def curve_figures(runs: Sequence[Run]) -> list[PageFigure]:
    """Loss and gradient against probability, for the losses that the runs were trained with, the best run's first."""
    best = best_run(runs)
    in_order = sorted((run for run in runs if run.config.loss.name in FAMILY), key=lambda run: run is not best)
    settings = distinct([as_it_ended(run) for run in in_order if run.look not in ("cross_entropy", "focal")])
    shown, count = settings[:_MOST_CURVES], len(settings) - _MOST_CURVES
    left_out = captions.LEFT_OUT.format(count=count) if count > 0 else ""
    if len(in_order) < len(runs):
        left_out += captions.OTHER_LOSSES
    return [_loss_figure(shown, left_out), _gradient_figure(shown, left_out)]


def calibration_figures(runs: Sequence[Run]) -> list[PageFigure]:
    """How true the probabilities of the evaluated runs are; none where no evaluation says it."""
    chosen = {run.label: about for run in runs if (about := calibration_of(run))}
    if not chosen:
        return []
    errors = "; ".join(
        f"{label} {percent(about['before']['ece'])} before and {percent(about['after']['ece'])} after"
        for label, about in chosen.items()
    )
    return [
        PageFigure(
            name="reliability",
            title="Do the probabilities come true?",
            alt=f"Line chart of the share of positives by predicted probability. Calibration errors: {errors}.",
            caption=_about_probabilities([run for run in runs if run.label in chosen]),
            picture=picture_of(partial(reliability_diagram, runs)),
        )
    ]


def _about_probabilities(runs: Sequence[Run]) -> str:
    """Say how the evaluated probabilities of these runs came about."""
    ways: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        about = (run.evaluation or {})["calibration"]
        method = str(about.get("method", CLOSED_FORM))
        if method == CLOSED_FORM:
            method = without_fit(run.config.loss)  # an older evaluation calls every unfitted run by that name
        ways.setdefault((method, str(about.get("fitted_on", "validation"))), []).append(run)
    text = captions.RELIABILITY
    for (method, split), its in ways.items():
        names = "all runs" if len(its) == len(runs) > 1 else ", ".join(run.label for run in its)
        if method == CLOSED_FORM:
            has_margin = any(loss_settings(as_it_ended(run)).get("margin") for run in its)
            text += captions.CLOSED.format(runs=names) + (captions.CEILING if has_margin else "")
        elif method.startswith("sigmoid"):
            text += captions.PLAIN.format(runs=names)
        else:
            text += captions.FITTED.format(runs=names, split=split, method=method)
    return text


def data_uri(content: bytes, kind: str) -> str:
    """A file as an address that holds the file itself."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _map_figure(runs: Sequence[Run]) -> PageFigure:
    return PageFigure(
        name="map",
        title="Validation mAP",
        alt=f"Line chart of validation mAP by training step. Last values: {_ends(runs, 'val_mAP', percent)}.",
        caption=captions.MAP,
        picture=picture_of(partial(map_over_training, runs)),
    )


def _gap_figure(runs: Sequence[Run]) -> PageFigure:
    return PageFigure(
        name="gap",
        title="Gap between positives and negatives",
        alt=f"Line chart of the gap by training step. Last values: {_ends(runs, 'gap', signed)}.",
        caption=captions.GAP + (captions.GAP_TARGET if adaptive_only(runs) else ""),
        picture=picture_of(partial(gap_over_training, runs)),
    )


def _asymmetry_figure(runs: Sequence[Run]) -> PageFigure:
    chosen = adaptive_only(runs)
    ends = f"γ− {_ends(chosen, 'gamma_neg', '{:.1f}'.format)}; gap {_ends(chosen, 'gap', signed)}"
    printed = [run for run in chosen if run.look == "adaptive_printed"]
    runaway = f"γ− was: {_ends(printed, 'gamma_neg', '{:.1f}'.format)}; the gap: {_ends(printed, 'gap', signed)}"
    return PageFigure(
        name="asymmetry",
        title="Adaptive asymmetry",
        alt=f"Two line charts by training step, the focusing power above and the gap below. Last values: {ends}.",
        caption=captions.ASYMMETRY + (captions.ASYMMETRY_PRINTED.format(ends=runaway) if printed else ""),
        picture=picture_of(partial(asymmetry_over_training, runs)),
    )


def _cross_entropy_figure(runs: Sequence[Run]) -> PageFigure:
    column = "val_cross_entropy" if any(has_validation(run, "val_cross_entropy") for run in runs) else "cross_entropy"
    ends = _ends(runs, column, "{:.1f}".format)
    return PageFigure(
        name="cross-entropy",
        title="Plain cross-entropy",
        alt=f"Line chart of plain cross-entropy by training step. Last values in nats: {ends}.",
        caption=captions.CROSS_ENTROPY
        + (captions.CROSS_ENTROPY_OF_OTHERS if any(run.look != "cross_entropy" for run in runs) else ""),
        picture=picture_of(partial(cross_entropy_over_training, runs)),
    )


def _loss_figure(settings: Sequence[LossOptions], left_out: str) -> PageFigure:
    names = "; ".join(describe_curve(options) for options in distinct([*USUAL, *settings]))
    return PageFigure(
        name="loss-curves",
        title="What each loss costs",
        alt=f"Two line charts, the loss of a negative and of a positive against its probability: {names}.",
        caption=captions.LOSS_CURVES + left_out,
        picture=picture_of(partial(loss_curves, settings)),
        narrow=picture_of(partial(loss_curves, settings, narrow=True)),
    )


def _gradient_figure(settings: Sequence[LossOptions], left_out: str) -> PageFigure:
    main = (list(settings) or [LossOptions()])[0]
    shape, words = shape_of(main), describe_curve(main, of="negatives")
    peak = gradient_peak(gamma_neg=shape.gamma_neg, margin=shape.margin)
    return PageFigure(
        name="gradient-curves",
        title="How hard each loss pulls a negative",
        alt="Line chart of the gradient of a negative against its probability, with and without focusing and shifting. "
        f"For {words} it is zero below {shape.margin:g} and largest at {peak:.3f}.",
        caption=captions.GRADIENT_CURVES.format(loss=words) + left_out,
        picture=picture_of(partial(gradient_curves, settings)),
        narrow=picture_of(partial(gradient_curves, settings, narrow=True)),
    )


def picture_of(draw: Callable[..., Figure]) -> Picture:
    """What ``draw`` makes on light and on dark paper, for a page."""

    def rendered(theme: Theme) -> tuple[str, tuple[float, float]]:
        figure = draw(theme=theme)
        return data_uri(render(figure), "image/svg+xml"), tuple(figure.get_size_inches())

    (light, (width, height)), (dark, _) = rendered(LIGHT), rendered(DARK)
    return Picture(light, dark, round(96 * width), round(96 * height))


def as_it_ended(run: Run) -> LossOptions:
    """The loss, with the gamma_neg that an adaptive one reached, and the margin that it has there."""
    reached = run.last("gamma_neg")
    if run.config.loss.name != "adaptive" or not math.isfinite(reached):
        return run.config.loss
    settings = loss_settings(run.config.loss)
    margin = narrowed(settings["margin"], gamma_neg=torch.tensor(reached), full_margin_at=settings["full_margin_at"])
    return dataclasses.replace(run.config.loss, gamma_neg=round(reached, 1), margin=round(float(margin), 3))


def _ends(runs: Sequence[Run], column: str, words: Callable[[float], str]) -> str:
    ends = [(run.label, run.last(column)) for run in runs]
    return ", ".join(f"{label} {words(end) if math.isfinite(end) else 'none'}" for label, end in ends)
