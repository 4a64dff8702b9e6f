"""What verbs print: lines as they are, without a meaning of their signs, and tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from lopsided.files.errors import counted as counted  # where verbs look for it


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Grid:
    """A table whose first column holds names and whose others hold numbers."""
    found = Grid(box=box.SIMPLE_HEAD)
    for number, name in enumerate(columns):
        found.add_column(name, justify="right" if number else "left")
    for row in rows:
        found.add_row(*(Text(str(cell)) for cell in row))
    return found


def say(*things: str | Text | Grid, width: int | None = None) -> None:
    """Print lines, however long, and tables of a width (by default that of the terminal)."""
    console = Console(width=width)
    for thing in things:
        console.print(thing, markup=False, soft_wrap=not isinstance(thing, Grid))


def named(labels: Sequence[str], *, most: int = 12) -> str:
    """The first labels by name and the number of the rest.

    >>> named(["cat", "dog", "yak"], most=2)
    'cat, dog and 1 more'
    """
    rest = f" and {len(labels) - most} more" if len(labels) > most else ""
    return ", ".join(labels[:most]) + rest


def percent(share: float, samples: int) -> str:
    """A share in per cent, with the digits that so many samples carry.

    >>> percent(0.98765, 15), percent(0.98765, 150), percent(0.98765, 1500)
    ('99', '98.8', '98.77')
    """
    return f"{100 * share:.{0 if samples < 100 else 1 if samples < 1000 else 2}f}"
