"""Texts of tags beside images, and what joins the tags in them."""

from collections.abc import Mapping
from pathlib import Path

from lopsided.data.cell_values import parse_names
from lopsided.files.errors import DataError, quoted
from lopsided.files.regular import read_bytes

_LARGEST = 1_000_000  # bytes of the tags of one image
_OTHERS = {";": "semicolons", "|": "bars", "\t": "tabs", " ": "spaces"}
_LINES = r"--data.separator '\n' (a tag on each line)"


def read_tag_text(path: Path) -> str:
    """The text of a file.

    Raises:
        DataError: It cannot be read, is no UTF-8, or is too large for tags.
    """
    try:
        text = read_bytes(path, at_most=_LARGEST).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError("expected tags in UTF-8, got other bytes", path=path) from None
    if "\0" in text:
        raise DataError("expected tags in UTF-8, got a NUL byte", path=path)
    return text.strip()


def separator_of(texts: Mapping[Path, str]) -> str:
    r"""What joins the tags of texts: commas, where no text has several lines, or else the ends of lines.

    Raises:
        DataError: Some texts have commas and some several lines, or most have another sign that may join tags.

    Example:
        >>> separator_of({Path("a.txt"): "sea, sky", Path("b.txt"): "sea"})
        ','
    """
    commas = [path for path, text in texts.items() if "," in text]
    lines = [path for path, text in texts.items() if len(text.splitlines()) > 1]
    if commas and lines:
        raise DataError(
            f"expected tags joined by commas, or a tag on each line, got commas here and several lines in "
            f"{lines[0].name}: say --data.separator ',' or {_LINES}",
            path=commas[0],
        )
    single = {path: text for path, text in texts.items() if text and "," not in text and len(text.splitlines()) == 1}
    for sign, shown in _OTHERS.items():
        with_it = [path for path, text in single.items() if sign in text]
        if 2 * len(with_it) > sum(map(bool, texts.values())):
            raise DataError(
                f"expected tags joined by commas, or a tag on each line, got {quoted(single[with_it[0]])}, perhaps "
                f"joined by {shown}: say --data.separator {sign!r} or, if that is one tag, {_LINES}",
                path=with_it[0],
            )
    return "," if commas else "\n"


def tags_in_text(text: str, separator: str) -> list[str]:
    """Tags in a text; the ends of lines always separate them.

    Example:
        >>> tags_in_text("sea, sky,\\nsun", ",")
        ['sea', 'sky', 'sun']
    """
    return [tag for line in text.splitlines() for tag in parse_names(line, separator=separator)]
