"""The paths of the image files that a data set names, and the folder in which they lie."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lopsided.data.images.channels import image_is_there
from lopsided.files.errors import DataError, quoted

IMAGE_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm"),
)

_DRIVE = re.compile(r"[A-Za-z]:")
_SAMPLE = 64  # files to look for


def relative_path(text: str) -> str:
    r"""The path of a file below some folder, as a manifest holds it.

    Args:
        text: The path as the data set writes it; ``\`` counts as ``/``, because lists come from Windows too.

    Returns:
        Parts joined by ``/``, none of them empty, ``.`` or ``..``.

    Raises:
        DataError: The path is empty or absolute, leads out of the folder, or is a name that no file can have.

    Example:
        >>> relative_path(r".\train\a b.jpg")
        'train/a b.jpg'
        >>> relative_path("../a.jpg")
        Traceback (most recent call last):
        lopsided.files.errors.DataError: expected a path that stays in its folder, got '../a.jpg'
    """
    path = text.replace("\\", "/")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or _DRIVE.match(path) or ".." in parts:
        raise DataError(f"expected a path that stays in its folder, got {quoted(text)}")
    if not parts or "\0" in path or not is_text(path):
        raise DataError(f"expected the path of a file, got {quoted(text)}")
    return "/".join(parts)


def folder_of_images(root: Path, paths: Sequence[str], *, folders: Sequence[str], origin: str) -> str:
    """The folder that holds most of some image files, judged by a sample of them.

    Args:
        root: Folder of the data set.
        paths: Paths of all files, relative to the folder that is looked for.
        folders: Where they may be, relative to ``root``, the likeliest first; ``""`` is ``root`` itself.
        origin: Where the images come from, for the error, such as ``"2014 Train images" of cocodataset.org``.

    Returns:
        One of ``folders``.

    Raises:
        DataError: No file of the sample is in any of them.
    """
    sample = _sample(paths)
    best, most = "", 0
    for folder in folders:
        found = sum(image_is_there(root / folder / path) for path in sample)
        if found > most:
            best, most = folder, found
        if found == len(sample):
            break
    if not most:
        wanted, places = Path(folders[0], sample[0]).as_posix(), ", ".join(folder or "." for folder in folders)
        few = f"{len(sample)} looked for" if len(sample) > 1 else "it"
        raise DataError(f"expected images such as {wanted} ({origin}), got none of the {few} in {places}", path=root)
    return best


def check_each_once(paths: Sequence[str], splits: Sequence[str], *, path: Path) -> None:
    """Refuse an image that a data set names twice: with other labels, or in two splits.

    Args:
        paths: Paths of all images, relative to the folder of the data set.
        splits: The split of each.
        path: The folder, or the list of the images, for the error.

    Raises:
        DataError: An image is named twice; the message names it and its splits.

    Example:
        >>> check_each_once(["a.jpg", "b.jpg", "a.jpg"], ["train", "train", "val"], path=Path("pets"))
        Traceback (most recent call last):
        lopsided.files.errors.DataError: pets: expected each image once, got 'a.jpg' in train and in val
    """
    if len(set(paths)) == len(paths):
        return
    first: dict[str, int] = {}
    again = next(i for i, image in enumerate(paths) if first.setdefault(image, i) != i)
    before = splits[first[paths[again]]]
    places = f"twice in {before}" if before == splits[again] else f"in {before} and in {splits[again]}"
    raise DataError(f"expected each image once, got {quoted(paths[again])} {places}", path=path)


def is_text(name: str) -> bool:
    r"""Whether a name consists of whole characters: JSON can hold halves of one, which no file name can.

    >>> is_text("\U0001f408"), is_text("\ud83d")
    (True, False)
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _sample(paths: Sequence[str]) -> list[str]:
    """The first files, because people often copy only the beginning, and some from everywhere."""
    first, anywhere = range(min(_SAMPLE // 2, len(paths))), np.linspace(0, len(paths) - 1, _SAMPLE // 2).astype(int)
    return [paths[i] for i in sorted({*first, *anywhere.tolist()})]
