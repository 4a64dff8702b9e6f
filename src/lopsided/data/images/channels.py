"""Images whose channels lie in files of their own."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

_JOINED = re.compile(r"(.*)\{([^{},;]+(?:,[^{},;]+){2,3})(?:;([1-9]\d{0,4}))?\}([^{}]*)", re.DOTALL)


@dataclass(frozen=True)
class Channels:
    """The files of one image.

    Args:
        files: Of its red, green and blue channel, and then perhaps of a yellow one.
        white: The value that is shown as white; None for the largest that the files can hold.
    """

    files: tuple[Path, ...]
    white: int | None = None


def channels_of(path: str | Path) -> Channels | None:
    """What a path says whose name lists channels in braces; None for other paths, which name one file.

    Args:
        path: Such as ``cell_{red,green,blue}.png``; a fourth is yellow. A number behind a semicolon is the value that
            is shown as white. A file that is really called so is one file.

    Example:
        >>> [file.name for file in channels_of("a/cell_{red,green,blue}.png").files]
        ['cell_red.png', 'cell_green.png', 'cell_blue.png']
        >>> channels_of("P_{B04,B03,B02;2000}.tif").white, channels_of("photo{1}.png")
        (2000, None)
    """
    path = Path(path)
    found = _JOINED.fullmatch(path.name)
    if found is None or os.path.isfile(path):
        return None
    start, names, white, end = found.groups()
    if int(white or 1) > 65535:
        return None
    return Channels(
        tuple(path.with_name(start + name + end) for name in names.split(",")), int(white) if white else None
    )


def files_of_image(path: str | Path) -> tuple[Path, ...]:
    """The files that an image is made of: one, or one for each of its channels."""
    joined = channels_of(path)
    return (Path(path),) if joined is None else joined.files


def image_is_there(path: str | Path) -> bool:
    """Whether all files of an image exist."""
    return all(os.path.isfile(file) for file in files_of_image(path))
