"""Each run's line in small, for its name in a table: the same colour, dashes and marker as in the figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lopsided.reports.figures.style import DARK, LIGHT, LineStyle, line_styles

# matplotlib's markers as SVG paths around (18, 5)
_MARKERS = {
    "": "",
    "o": "M14.5 5a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0z",
    "s": "M15 2h6v6h-6z",
    "^": "M18 1l4 8h-8z",
    "D": "M18 .8l4.2 4.2l-4.2 4.2l-4.2-4.2z",
    "v": "M18 9l4-8h-8z",
    "P": "M16.5 1h3v2.5h2.5v3h-2.5v2.5h-3v-2.5h-2.5v-3h2.5z",
    "X": "M14.5 2.5l1.5-1.5l2 2l2-2l1.5 1.5l-2 2.5l2 2.5l-1.5 1.5l-2-2l-2 2l-1.5-1.5l2-2.5z",
}


@dataclass(frozen=True)
class Swatch:
    """A line as SVG wants it."""

    light: str
    dark: str
    dashes: str
    marker: str  # a path; "" for none


def swatches(looks: Sequence[str]) -> list[Swatch]:
    """One swatch per line.

    Args:
        looks: Key of each line's colour and dashes, in the order of the figures.
    """
    pairs = zip(line_styles(looks, LIGHT), line_styles(looks, DARK), strict=True)
    return [Swatch(light.colour, dark.colour, _dash_array(light), _MARKERS[light.marker]) for light, dark in pairs]


def _dash_array(style: LineStyle) -> str:
    return "none" if isinstance(style.dashes, str) else " ".join(f"{2.5 * length:g}" for length in style.dashes[1])
