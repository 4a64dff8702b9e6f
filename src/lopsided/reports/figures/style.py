"""The look of every figure: one colour and one dash per loss, on light and on dark paper."""

from __future__ import annotations

import io
import itertools
import re
import textwrap
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, TypeAlias

import matplotlib.style
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from lopsided.reports.naming import TITLES

Dashes: TypeAlias = str | tuple[float, tuple[float, ...]]
Format: TypeAlias = Literal["svg", "png"]

# What tells the losses apart without colour; lengths in line widths.
_DASHES: tuple[Dashes, ...] = (
    (0, (3, 1.5)),
    (0, (5, 1.4, 1.3, 1.4)),
    "-",
    (0, (6.5, 1.4)),
    (0, (1.3, 1.3)),
    (0, (2, 1)),
    (0, (4, 1.2, 1.3, 1.2, 1.3, 1.2)),
    (0, (8, 1.5, 2, 1.5)),
    (0, (1.3, 2.8)),
    (0, (5, 1, 2, 1)),
    (0, (10, 2)),
    (0, (3, 1.2, 3, 1.2, 1.3, 1.2)),
)
LOOKS = tuple(TITLES)
_MARKERS = ("", "o", "s", "^", "D", "v", "P", "X")  # tell several runs of one loss apart
_SHADES = (0.0, 0.4, -0.4, 0.65, -0.55)  # above 0: towards the ink, below: towards the paper
_TEXT = 11.0  # points


@dataclass(frozen=True)
class Theme:
    """Colours of one paper, as ``#rrggbb``."""

    name: Literal["light", "dark"]
    paper: str
    ink: str
    quiet: str  # axes, notes
    grid: str
    shade: str  # regions behind the lines
    losses: dict[str, str]  # look -> colour


def _in_order(*colours: str) -> dict[str, str]:
    """A colour for each look; where there are more losses than colours, they come again with other dashes."""
    return dict(zip(LOOKS, itertools.cycle(colours)))


def _dashes_of(look: str) -> Dashes:
    turn, place = divmod(LOOKS.index(look), len(_DASHES))
    return _DASHES[(place + turn) % len(_DASHES)]


# Both palettes keep their colours apart under protanopia, deuteranopia and tritanopia; the tests measure it.
LIGHT = Theme(
    name="light",
    paper="#ffffff",
    ink="#1b1f24",
    quiet="#59626d",
    grid="#e4e7eb",
    shade="#e9edf2",
    losses=_in_order(
        "#838d9b",
        "#bb6a24",
        "#1480f5",
        "#0b6441",
        "#7a1a6b",
        "#a38f66",
        "#ad5cb8",
        "#4700f5",
        "#700a0a",
        "#6600ad",
        "#000066",
        "#290a29",
    ),
)
"""Colours of a light page."""

DARK = Theme(
    name="dark",
    paper="#15181c",
    ink="#e8eaed",
    quiet="#a3abb5",
    grid="#2b3138",
    shade="#252b33",
    losses=_in_order(
        "#d6dadf",
        "#f9a916",
        "#8cc2fd",
        "#1fe79b",
        "#e54fad",
        "#b8a352",
        "#ad29ad",
        "#9985ff",
        "#b8ff85",
        "#9900ff",
        "#007a52",
        "#8f5c00",
    ),
)
"""Colours of a dark page."""


@dataclass(frozen=True)
class LineStyle:
    """How one line is drawn."""

    colour: str
    dashes: Dashes
    marker: str  # "" for none


def line_styles(looks: Sequence[str], theme: Theme) -> list[LineStyle]:
    """One style per line: the loss's own, and for its second, third, ... line another shade and a marker.

    Args:
        looks: A key of ``theme.losses`` for each line.
        theme: The paper.
    """
    seen: Counter[str] = Counter()
    styles = []
    for look in looks:
        number = seen[look]
        seen[look] += 1
        shade = _SHADES[number % len(_SHADES)]
        colour = _mixed(theme.losses[look], theme.ink if shade > 0 else theme.paper, abs(shade))
        styles.append(LineStyle(colour, _dashes_of(look), _MARKERS[number % len(_MARKERS)]))
    return styles


@contextmanager
def drawing(theme: Theme, *, width: float, height: float) -> Iterator[Figure]:
    """A figure to draw on inside the block; the matplotlib settings of the session neither matter nor change.

    Args:
        theme: The paper.
        width: In inches of 96 pixels on a screen.
        height: Likewise.
    """
    with matplotlib.style.context(["default", _settings(theme)]):
        yield Figure(figsize=(width, height), layout="constrained")


def dress(axes: Axes, theme: Theme, *, x_label: str = "", y_label: str) -> None:
    """Give axes their labels and quiet lines; set on the axes, so that it holds when they are drawn later."""
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.grid(True, color=theme.grid, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(which="both", colors=theme.quiet, labelsize=_TEXT - 1, length=3)
    axes.spines[["top", "right"]].set_visible(False)


def legend_below(figure: Figure, handles: Sequence[Artist], labels: Sequence[str]) -> None:
    """A legend under the axes, where it covers no data; its texts are shown as they are, ``$`` too."""
    columns, texts = _legend(labels, figure.get_figwidth())
    legend = figure.legend(handles, texts, loc="outside lower left", ncols=columns)
    for text in legend.get_texts():
        text.set_parse_math(False)


def legend_height(labels: Sequence[str], width: float) -> float:
    """Inches that :func:`legend_below` will take in a figure ``width`` inches wide."""
    columns, texts = _legend(labels, width)
    rows = -(-len(texts) // columns)
    return sum(0.06 + 0.16 * max(text.count("\n") + 1 for text in texts[row::rows]) for row in range(rows))


def render(figure: Figure, *, format: Format = "svg", title: str = "") -> bytes:
    """The figure as a file; the same bytes each time.

    Args:
        figure: What to render.
        format: ``svg`` (text as outlines, so that it looks the same everywhere) or ``png`` (two pixels per pixel).
        title: Name of the picture inside an SVG.
    """
    buffer = io.BytesIO()
    metadata = {"Title": title, "Date": None, "Creator": None} if format == "svg" else {"Software": None}
    settings = {"svg.fonttype": "path", "svg.hashsalt": "lopsided"}
    with matplotlib.style.context(["default", settings]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # a box stands for the letter
        figure.savefig(buffer, format=format, dpi=192, metadata=metadata)
    return buffer.getvalue() if format == "png" else _shortened(buffer.getvalue())


def render_both(draw: Callable[[Theme], Figure], *, format: Format = "svg", title: str = "") -> tuple[bytes, bytes]:
    """What ``draw`` makes on light and on dark paper, as two files."""
    return (
        render(draw(LIGHT), format=format, title=title),
        render(draw(DARK), format=format, title=title),
    )


def _shortened(svg: bytes) -> bytes:
    """Paths to a hundredth of a point, which no screen shows: half the size."""
    return re.sub(rb' d="[^"]*"', lambda path: re.sub(rb"(\.\d\d)\d+", rb"\1", path[0]), svg)


def _legend(labels: Sequence[str], width: float) -> tuple[int, list[str]]:
    """Columns that fit into ``width`` inches, and the labels in lines that do."""
    handle = 0.8  # inches, with the spaces around it
    texts = [_inches(label) for label in labels]
    columns = max(1, min(len(labels), int(width / (handle + max(texts, default=0.0)))))
    room = width / columns - handle
    lines = [
        textwrap.fill(label, max(8, int(len(label) * room / inches))) if inches > room else label
        for label, inches in zip(labels, texts, strict=True)
    ]
    return columns, lines


def _inches(label: str) -> float:
    font = FontProperties(family="DejaVu Sans", size=_TEXT - 0.5)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        return text_to_path.get_text_width_height_descent(label, font, ismath=False)[0] / 72


def _mixed(colour: str, other: str, share: float) -> str:
    (r, g, b), (to_r, to_g, to_b) = to_rgb(colour), to_rgb(other)
    return to_hex((r + share * (to_r - r), g + share * (to_g - g), b + share * (to_b - b)))


def _settings(theme: Theme) -> dict[str, object]:
    return {
        "figure.facecolor": theme.paper,
        "axes.facecolor": theme.paper,
        "text.color": theme.ink,
        "axes.labelcolor": theme.ink,
        "axes.edgecolor": theme.quiet,
        "axes.linewidth": 0.8,
        "font.size": _TEXT,
        "axes.labelsize": _TEXT,
        "legend.fontsize": _TEXT - 0.5,
        "legend.frameon": False,
        "legend.handlelength": 3.2,
        "lines.linewidth": 2.0,
        "lines.markersize": 4.5,
        "lines.dash_capstyle": "butt",
        "lines.solid_capstyle": "round",
        "lines.scale_dashes": True,
    }
