"""Cells that hold several names, and how to notice that something else than expected joins these."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from lopsided.data.cell_values import is_missing
from lopsided.files.errors import quoted

_SHOWN = {",": "commas", ";": "semicolons", "\t": "tabs", "/": "slashes", " ": "spaces"}
_SIGNS = {":": "colons", "+": "plus signs", "&": "ampersands", "-": "hyphens", "_": "underscores", ".": "points"} | {
    "#": "number signs",
    "\\": "backslashes",
}
_LIST = re.compile(r"\s*(\[.*\]|\(.*\)|\{.*\})\s*", re.DOTALL)
_ENOUGH_BARS = 0.1  # share of the cells; from there on, names may contain any other separator


def can_be_joined(names: Iterable[str]) -> bool:
    """Whether a reader gets names back as they were, after they are joined by bars.

    Example:
        >>> can_be_joined(["blue sky", "sea"]), can_be_joined([":|"]), can_be_joined(["NA"])
        (True, False, False)
    """
    return not any("|" in name or name != name.strip() or is_missing(name) for name in names)


def check_joined(cells: Mapping[str, int], *, column: str, separator: str | None) -> None:
    """Refuse cells whose names seem to be joined by something else.

    So it seems where most cells contain another separator and none contains a bar, or where the parts between such
    separators are names in other cells. Names such as ``traffic light``, which contain one, stay whole where bars join
    cells; otherwise the user says what joins them. Signs that are common in names, such as hyphens, join names only
    where their parts are whole cells, or where few parts make many cells.

    Args:
        cells: Texts of the cells that are not empty, with how often each occurs.
        column: Name of the column.
        separator: What joins the names, as the user says; None where nobody said.

    Raises:
        ValueError: Something else seems to; the message shows a cell and names the option.

    Example:
        >>> check_joined({"sea, sun": 1, "sun": 2, "sea": 1}, column="labels", separator=None)
        Traceback (most recent call last):
        ValueError: expected names joined by '|' in column 'labels', got 'sea, sun', joined by commas: say ...
    """
    if separator == "|" or not cells:
        return
    num_cells = sum(cells.values())
    lists = {cell: count for cell, count in cells.items() if _LIST.fullmatch(cell)}
    if 2 * sum(lists.values()) > num_cells:
        raise ValueError(
            f"expected names joined by {separator or '|'!r} in column {quoted(column)}, got "
            f"{quoted(_longest(lists))}, a list written as text: write sea|sun, or lists in JSON lines or Parquet (or, "
            "if these are names, say --data.separator '|')"
        )
    if separator is not None or sum(count for cell, count in cells.items() if "|" in cell) >= _ENOUGH_BARS * num_cells:
        return
    for other, shown in (_SIGNS | _SHOWN).items():
        with_it = {cell: count for cell, count in cells.items() if other in cell.strip()}
        is_sign = _made_of_whole_cells(with_it, cells, other) or _few_make_many(with_it, other)
        if is_sign or (other in _SHOWN and (_most(with_it, cells) or _made_of_others(with_it, cells, other))):
            raise ValueError(
                f"expected names joined by '|' in column {quoted(column)}, got {quoted(_longest(with_it))}, joined by "
                f"{shown}: say --data.separator {other!r} (or, if these are names, --data.separator '|')"
            )


def _most(with_it: Mapping[str, int], cells: Mapping[str, int]) -> bool:
    return 2 * sum(with_it.values()) > sum(cells.values()) and not any("|" in cell for cell in cells)


def _made_of_others(with_it: Mapping[str, int], cells: Mapping[str, int], separator: str) -> bool:
    """Whether more than half of the cells with a separator consist of names that other cells hold too."""
    parts = {cell: {part.strip() for part in cell.split(separator) if part.strip()} for cell in cells}
    holders = Counter(part for found in parts.values() for part in found)
    made = sum(all(holders[part] > 1 for part in parts[cell]) and len(parts[cell]) > 1 for cell in with_it)
    return 2 * made > len(with_it)


def _made_of_whole_cells(with_it: Mapping[str, int], cells: Mapping[str, int], separator: str) -> bool:
    """Whether more than half of the cells with a separator consist of texts that are cells by themselves."""
    whole = {cell.strip() for cell in cells}
    made = sum({part.strip() for part in cell.split(separator)} <= whole for cell in with_it)
    return 2 * made > len(with_it)


def _few_make_many(with_it: Mapping[str, int], separator: str) -> bool:
    """Whether cells with a separator are at least twice as many as their parts, and vary in the number of these.

    Names made by a pattern, such as ``north-east``, all have equally many parts; names below others add their own.
    """
    cells = [[part.strip() for part in cell.split(separator)] for cell in with_it]
    parts = {part for cell in cells for part in cell}
    return 2 * len(parts) <= len(cells) and len({len(cell) for cell in cells}) > 2


def _longest(cells: Mapping[str, int]) -> str:
    """The longest cell that a message can show whole, otherwise the shortest cell."""
    short = [cell for cell in cells if len(cell) <= 38]
    return max(short, key=len) if short else min(cells, key=len)
