"""Quotes in text files of cells: where a stray one would swallow the rows below it."""

import csv
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from lopsided.files.errors import DataError, quoted

_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*")
# What all cells of a column may have in common, so that a cell without it belongs to running text and to no row.
_TRAITS: tuple[Callable[[str], bool], ...] = (
    lambda cell: cell != "",
    lambda cell: not cell.startswith(" "),
    lambda cell: " " not in cell.strip(),
    lambda cell: "." in cell,
    lambda cell: "/" in cell,
    lambda cell: _NUMBER.fullmatch(cell) is not None,
)


Traits: TypeAlias = tuple[tuple[bool, ...], ...]
"""Of each column, which of some traits all its cells have."""


def check_breaks(
    cells: list[str], lines: list[str], separator: str, traits_of: Callable[[int], Traits], *, path: Path, line: int
) -> None:
    """Refuse a row that goes on over several lines of which two would be rows by themselves.

    Two stray quotes, each in a row of its own, are well formed together, and all rows between them are one cell. Lines
    of running text differ from rows: in how many cells they would have, or in what such cells have in common.

    Args:
        lines: The same row as it stands in the file.
        traits_of: Gives the traits of the columns of rows that have so many cells; asked only in doubt.
        line: Number of the row's first line, from 1.

    Raises:
        DataError: Two lines would be rows; the message names the line of the quote.
    """
    width = len(cells)
    parts = [part.rstrip("\n").split(separator) for part in lines]
    alike = [len(part) == width for part in parts]
    if width < 2 or sum(alike) < 2:
        return
    traits = traits_of(width)
    for k in range(len(parts) - 1):
        if not (alike[k] and _fits(parts[k], traits)):
            continue
        after = next((m for m in range(k + 1, len(parts)) if alike[m] and _fits(parts[m], traits)), None)
        if after is not None:
            raise DataError(
                f"expected quotes around text, got a quote around what looks like rows, such as line {line + after}, "
                f'{quoted(lines[after].rstrip())} (a quote within a cell is written "")',
                path=path,
                line=line + k,
            )


def check_names(cells: list[str], separator: str, *, path: Path, line: int) -> None:
    """Refuse column names that hold the cells of rows below them, because a quote is open among the names.

    A name may have several lines, and separators in them; rows that were swallowed bring all their separators.

    Raises:
        DataError: A name holds cells; the message counts the line of the quote from ``line``, that of the first name.
    """
    several = [cell for cell in cells if separator in cell]
    breaks, within = (sum(cell.count(sign) for cell in several) for sign in ("\n", separator))
    if not breaks or within < breaks * max(1, len(cells) - 1):
        return
    k = next(k for k, cell in enumerate(cells) if "\n" in cell and separator in cell)
    raise DataError(
        "expected quotes around the name of a column, got a quote around what looks like rows: "
        f'{quoted(cells[k])} (a quote within a cell is written "")',
        path=path,
        line=line + sum(cell.count("\n") for cell in cells[:k]),
    )


def opening_quote(text: str, separator: str) -> tuple[int, str] | None:
    """Where the last quote opens in the text of a row that cannot be read to its end: the number of the line within
    the text, from 0, and the start of the cell; None where no cell is quoted.

    >>> opening_quote('a,"b\\nc"\\nd,"e\\nf', ",")
    (2, '"e')
    """
    cell = re.compile(rf' *"(?:[^"]|"")*(?:"|$)|[^{re.escape(separator)}\n]*')
    place, found = 0, None
    while place < len(text):
        match = cell.match(text, place)
        assert match is not None  # an empty cell matches everywhere
        if match.group().lstrip(" ").startswith('"'):
            found = text.index('"', place)
        place = match.end()
        if place < len(text) and text[place] not in (separator, "\n"):
            break  # behind the quote that closes
        place += 1
    return None if found is None else (text.count("\n", 0, found), text[found:].split("\n", 1)[0])


def _fits(cells: list[str], traits: Traits) -> bool:
    """Whether a row could look so; a cell with the quote itself, of which only a part may be there, says nothing."""
    return all(
        '"' in cell or trait(cell)
        for cell, common in zip(cells, traits, strict=True)
        for trait, is_common in zip(_TRAITS, common, strict=True)
        if is_common
    )


def traits_of_columns(content: bytes, separator: str, width: int) -> Traits:
    """Which traits all cells of one line have in each column of the rows of ``width`` cells; none without a cell."""
    common, seen = [[True] * len(_TRAITS) for _ in range(width)], [False] * width
    for cells in _rows(content, separator):
        if len(cells) != width:
            continue
        for column, cell in enumerate(cells):
            if "\n" in cell:
                continue
            seen[column] = True
            for k, trait in enumerate(_TRAITS):
                common[column][k] = common[column][k] and trait(cell)
    return tuple(
        tuple(traits) if any_cell else (False,) * len(_TRAITS) for traits, any_cell in zip(common, seen, strict=True)
    )


def _rows(content: bytes, separator: str) -> Iterator[list[str]]:
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", errors="replace", newline="\n")
    reader = csv.reader(text, delimiter=separator)
    next(reader, None)  # the column names
    try:
        yield from reader
    except csv.Error:  # a cell too large; the caller reads the same and names it
        return
