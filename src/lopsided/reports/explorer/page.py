"""A page with sliders for the settings of the loss that shows what they do to loss, gradient and score, offline."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

import lopsided
from lopsided.losses import AsymmetricLoss
from lopsided.reports.figures.pictures import as_it_ended
from lopsided.reports.figures.shapes import FAMILY, Shape, shape_of
from lopsided.reports.figures.style import DARK, LIGHT
from lopsided.reports.figures.swatches import Swatch, swatches
from lopsided.reports.runs import Run
from lopsided.reports.summary import best_run
from lopsided.runs.config import LossOptions
from lopsided.runs.json_files import write_whole

PRESETS = (
    ("cross-entropy", Shape(0, 0, 0)),
    ("focal, γ = 2", Shape(2, 2, 0)),
    ("asymmetric as published", Shape(0, 4, 0.05)),
    ("asymmetric, defaults", shape_of(LossOptions())),
)
_SCRIPTS = ("formula", "labels", "drawing", "panels")  # and explorer.js, which starts them
_HIDDEN = 0.3  # share of positives, at first
_MOST_RUNS = 6  # buttons


@dataclass(frozen=True)
class Slider:
    """One number of the setting, from 0."""

    name: str
    symbol: str
    words: str
    value: float
    high: float
    step: float


@dataclass(frozen=True)
class Preset:
    """A button that sets the three numbers of the loss."""

    label: str
    setting: dict[str, float]


@dataclass(frozen=True)
class Explorer:
    """What the templates ``explorer_body.html.j2`` and ``explorer.css.j2`` need."""

    opening: dict[str, float]
    sliders: tuple[Slider, ...]
    presets: tuple[Preset, ...]
    lines: dict[str, Swatch]
    script: Markup
    script_digest: str
    own_page: bool


def write_explorer(path: Path, *, gamma_pos: float = 0.0, gamma_neg: float = 2.0, margin: float = 0.2) -> Path:
    """Write a page with sliders for the loss's setting and charts of what it does.

    Args:
        path: The file to write, or a folder that is there, for its ``explorer.html``; whole or absent.
        gamma_pos: Focusing power of positives that the page opens with, >= 0.
        gamma_neg: Focusing power of negatives, likewise.
        margin: Probability below which a negative costs nothing, in [0, 1).

    Returns:
        The file.

    Raises:
        ValueError: One of the numbers is out of its range.
    """
    AsymmetricLoss(gamma_pos=gamma_pos, gamma_neg=gamma_neg, margin=margin)
    templates = Environment(
        loader=PackageLoader("lopsided.reports", ""), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    content = templates.get_template("explorer/explorer.html.j2").render(
        title="Explorer of the asymmetric loss",
        version=lopsided.__version__,
        light=LIGHT,
        dark=DARK,
        explorer=explorer(Shape(gamma_pos, gamma_neg, margin), own_page=True),
    )
    path = path / "explorer.html" if path.is_dir() else path
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content)
    return path


def explorer_of(runs: Sequence[Run]) -> Explorer:
    """The explorer of a page about runs: a button for each of their settings, opened with the best run's."""
    best = best_run(runs)
    in_order = sorted((run for run in runs if run.config.loss.name in FAMILY), key=lambda run: run is not best)
    found = {shape_of(as_it_ended(run)): run.label for run in reversed(in_order)}  # of one setting, the first's name
    shapes = list(reversed(found))
    usual = [shape for _, shape in PRESETS]
    others = [(found[shape], shape) for shape in shapes if shape not in usual][:_MOST_RUNS]
    return explorer(shapes[0] if shapes else shape_of(LossOptions()), others=others)


def explorer(opening: Shape, *, others: Sequence[tuple[str, Shape]] = (), own_page: bool = False) -> Explorer:
    """The parts of a page that has the explorer in it.

    Args:
        opening: The setting shown first.
        others: Further settings with a button each, by what the button says.
        own_page: Whether nothing else is on the page, so that its paper can be switched.
    """
    script = "\n".join(_read(f"explorer_{name}.js") for name in _SCRIPTS) + "\n" + _read("explorer.js")
    named = list(PRESETS)
    if opening not in (shape for _, shape in [*named, *others]):
        named.append(("as opened", opening))
    shapes = [shape for _, shape in [*named, *others]]
    looks = ["cross_entropy", "focal", "asymmetric", "asymmetric"]
    return Explorer(
        opening={**dataclasses.asdict(opening), "hidden": _HIDDEN},
        sliders=_sliders(opening, shapes),
        presets=tuple(Preset(label, dataclasses.asdict(shape)) for label, shape in [*named, *others]),
        lines=dict(zip([*looks[:3], "partly-noted"], swatches(looks), strict=True)),
        script=Markup(script),
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        own_page=own_page,
    )


def _sliders(opening: Shape, shapes: Sequence[Shape]) -> tuple[Slider, ...]:
    """Sliders that reach far enough for every setting that has a button."""
    gamma = max(8, math.ceil(max(max(shape.gamma_pos, shape.gamma_neg) for shape in shapes)))
    margin = max(0.5, max(shape.margin for shape in shapes))
    return (
        Slider("gamma_pos", "γ₊", "focusing of positives", opening.gamma_pos, gamma, 0.1),
        Slider("gamma_neg", "γ₋", "focusing of negatives", opening.gamma_neg, gamma, 0.1),
        Slider("margin", "m", "margin of negatives", opening.margin, margin, 0.005),
        Slider("hidden", "s", "share of positives hidden", _HIDDEN, 0.9, 0.01),
    )


def _read(name: str) -> str:
    return files("lopsided.reports.explorer").joinpath(name).read_text(encoding="utf-8")
