"""JSON files, read strictly: what parsers take in silence, and what breaks them, becomes one error."""

import json
from pathlib import Path
from typing import Any

from lopsided.files.errors import DataError, quoted
from lopsided.files.regular import read_bytes


def read_json(path: Path, *, at_most: int | None = None) -> Any:
    """The content of a JSON file.

    Args:
        path: The file, in UTF-8 with or without a byte order mark.
        at_most: Bytes that it may have.

    Raises:
        DataError: It cannot be read, is no JSON (the message names the line), holds ``NaN``, names a member twice in
            one object, or has lists in lists without end.
    """
    content = read_bytes(path, at_most=at_most)
    try:
        return json.loads(content.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_no_number)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError("expected text in UTF-8, got other bytes", path=path, line=line) from None
    except json.JSONDecodeError as error:
        came = f"{error.msg[:1].lower()}{error.msg[1:]}"
        raise DataError(f"expected JSON, got {came}; is the file complete?", path=path, line=error.lineno) from None
    except RecursionError:
        raise DataError("expected JSON, got lists in lists without end", path=path) from None
    except DataError as error:
        raise DataError(str(error), path=path) from None
    except ValueError as error:  # a number of thousands of digits
        raise DataError(f"expected JSON, got {error!s:.100}", path=path) from None


def _once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) < len(members):
        seen: set[str] = set()
        name = next(name for name, _ in members if name in seen or seen.add(name))
        raise DataError(f"expected each member once, got {quoted(name)} twice in one object")
    return found


def _no_number(word: str) -> Any:
    raise DataError(f"expected numbers that JSON has, got {word}")
