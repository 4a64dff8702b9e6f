"""What a cell of a CSV or Parquet table means."""

import math
import re
import unicodedata

from lopsided.files.errors import quoted

_SPLIT_WORDS = {"training": "train", "validation": "val", "valid": "val", "dev": "val", "testing": "test"}

MISSING = ("nan", "none", "null", "na", "n/a", "<na>", "nat", "#n/a")
"""Words that programs write where there is nothing, in lower case."""

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.ASCII | re.IGNORECASE)


def is_missing(cell: str) -> bool:
    """Whether a cell holds one of the words that programs write where there is nothing, such as ``NaN`` or ``None``.

    Example:
        >>> [cell for cell in ("nan", "NULL", " <NA> ", "nano", "") if is_missing(cell)]
        ['nan', 'NULL', ' <NA> ']
    """
    return cell.strip().lower() in MISSING


def one_form(name: str) -> str:
    """A name without blanks around it, in the Unicode form NFC: what looks alike because it is the same is one name.

    Example:
        >>> one_form(" cafe\\u0301 ") == "caf\\u00e9"
        True
    """
    return unicodedata.normalize("NFC", name.strip())


def parse_names(cell: str | None, *, separator: str = "|") -> list[str]:
    """Names joined by a separator, each once.

    Args:
        cell: Text of the cell; empty or None means no name.
        separator: What joins them.

    Returns:
        Names without blanks around them, in their order.

    Example:
        >>> parse_names("blue sky| sea |sea")
        ['blue sky', 'sea']
    """
    return list(dict.fromkeys(name for part in (cell or "").split(separator) if (name := one_form(part))))


def parse_number(cell: str) -> float:
    """A number as text.

    Args:
        cell: Digits, with a point before decimals.

    Raises:
        ValueError: Something else came; the message says what to write.
    """
    text = cell.strip()
    if _NUMBER.fullmatch(text):
        return float(text)
    if not text:
        came = "an empty cell"
    elif _NUMBER.fullmatch(text.replace(",", ".", 1)):
        came = f"{quoted(cell)} (write decimals with a point)"
    else:
        came = quoted(cell) + (", a word for a missing value" if is_missing(cell) else "")
    raise ValueError(came)


def parse_weight(cell: str) -> float:
    """A factor on a loss: a number of at least 0.

    Args:
        cell: What :func:`parse_number` takes.

    Raises:
        ValueError: Something else came, or a number that float32 cannot hold.

    Example:
        >>> parse_weight("2.5")
        2.5
    """
    wanted = "expected a weight, a number of at least 0"
    try:
        weight = parse_number(cell)
    except ValueError as error:
        raise ValueError(f"{wanted}, got {error}") from None
    if not 0 <= weight < 2.0**127:
        raise ValueError(f"{wanted}, got {quoted(cell)}")
    return weight


def parse_flag(cell: str) -> bool | None:
    """Whether a label is positive.

    Args:
        cell: ``true``, or a number equal to 1; ``false``, or one equal to 0; where unknown, nothing, ``?`` or a word
            for a missing value.

    Returns:
        True, False, or None where unknown.

    Raises:
        ValueError: Something else came.

    Example:
        >>> [parse_flag(cell) for cell in ("1.00", "False", "?")]
        [True, False, None]
    """
    text = cell.strip().lower()
    if text in ("true", "false"):
        return text == "true"
    if text in ("", "?") or text in MISSING:
        return None
    number = float(text) if _NUMBER.fullmatch(text) else math.nan
    if number not in (0, 1):
        raise ValueError(f"expected 0, 1 or, where unknown, nothing, got {quoted(cell)}")
    return number == 1


def parse_split(cell: str | None) -> str:
    """Name of a split.

    Args:
        cell: ``train``, ``val`` or ``validation`` or ``valid`` or ``dev``, ``test``, or another name.

    Returns:
        ``train``, ``val``, ``test``, or the other name as it is.

    Raises:
        ValueError: The cell is empty.
    """
    name = (cell or "").strip()
    if not name:
        raise ValueError("expected the name of a split, got an empty cell")
    lower = name.lower()
    return _SPLIT_WORDS.get(lower, lower if lower in ("train", "val", "test") else name)


def parse_split_cell(cell: str) -> str:
    """Name of a split in a cell, where a word for a missing value is none.

    Args:
        cell: What :func:`parse_split` takes.

    Raises:
        ValueError: The cell is empty, or holds such a word.
    """
    if is_missing(cell):
        raise ValueError(f"expected the name of a split, got {quoted(cell)}, a word for a missing value")
    return parse_split(cell)


def check_policy(value: str | None, *, option: str, states: tuple[str, ...]) -> None:
    """Refuse a text that is no policy, whatever labels there are."""
    for part in (value or "").split(",") if value is not None else ():
        state = part.rpartition("=")[2].strip()
        if state not in states:
            raise ValueError(
                f"expected data.{option} to be {', '.join(states[:-1])} or {states[-1]}, or such as "
                f"{states[0]},NAME={states[-1]}, got {value!r}"
            )
