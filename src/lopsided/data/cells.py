"""What a cell of a CSV or Parquet table means."""

from lopsided.data.errors import quoted

_SPLIT_WORDS = {"training": "train", "validation": "val", "valid": "val", "dev": "val", "testing": "test"}
_FLAGS = {"1": True, "1.0": True, "true": True, "0": False, "0.0": False, "false": False, "": None, "?": None}


def parse_names(cell: str | None) -> list[str]:
    """Names joined by ``|``, each once.

    Args:
        cell: Text of the cell; empty or None means no name.

    Returns:
        Names without blanks around them, in their order.

    Example:
        >>> parse_names("blue sky| sea |sea")
        ['blue sky', 'sea']
    """
    return list(dict.fromkeys(name for part in (cell or "").split("|") if (name := part.strip())))


def parse_flag(cell: str) -> bool | None:
    """Whether a label is positive.

    Args:
        cell: ``1`` or ``true``, ``0`` or ``false``; empty or ``?`` where unknown.

    Returns:
        True, False, or None where unknown.

    Raises:
        ValueError: Something else came.
    """
    try:
        return _FLAGS[cell.strip().lower()]
    except KeyError:
        raise ValueError(f"wanted 0, 1 or, where unknown, nothing, got {quoted(cell)}") from None


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
        raise ValueError("wanted the name of a split, got an empty cell")
    lower = name.lower()
    return _SPLIT_WORDS.get(lower, lower if lower in ("train", "val", "test") else name)
