"""Where the files of PASCAL VOC lie on a disk."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lopsided.data.images.files import IMAGE_SUFFIXES
from lopsided.files.errors import DataError

_LISTS = Path("ImageSets", "Main")
_DEPTH = 3  # folders above VOC2007, as in VOCtest_06-Nov-2007/VOCdevkit/VOC2007
_YEAR = re.compile(r"VOC_?(\d{4})", re.IGNORECASE)
ORIGIN = "host.robots.ox.ac.uk/pascal/VOC"


@dataclass(frozen=True)
class VocFiles:
    """The files of one year, from all folders that hold a part of it.

    Args:
        name: Name of the data set.
        year: None where the folder's name does not say it.
        lists: ``train``, ``val``, ``trainval`` and ``test`` to their lists of images, where these exist.
        annotations: Name of an image to its XML file.
        images: Name of an image to its file, where that exists.
    """

    name: str
    year: int | None
    lists: dict[str, Path]
    annotations: dict[str, Path]
    images: dict[str, Path]


def find_voc(folder: Path, *, year: int | None = None) -> VocFiles:
    """Find the folders such as ``VOC2007`` in a folder or up to three levels below it.

    Args:
        folder: Folder of the data set.
        year: Year to read, where there are several.

    Returns:
        The files of that year.

    Raises:
        DataError: There is no such folder, or it is not clear which.
    """
    try:
        found: dict[int | None, list[Path]] = {}
        for part in _parts([folder.resolve()], _DEPTH):
            match = _YEAR.match(part.name)
            found.setdefault(int(match[1]) if match else None, []).append(part)
        chosen = _chosen(folder, found, year)
        parts = found[chosen]
        lists = {
            path.stem: path
            for part in reversed(parts)
            for name in ("train", "val", "trainval", "test")
            if (path := part / _LISTS / f"{name}.txt").is_file()
        }
        annotations = _by_name(parts, "Annotations", (".xml",))
        images = _by_name(parts, "JPEGImages", IMAGE_SUFFIXES)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path=error.filename) from error
    name = f"PASCAL VOC {chosen}" if chosen else parts[0].name
    return VocFiles(name, chosen, lists, annotations, images)


def _parts(folders: list[Path], depth: int) -> list[Path]:
    """Folders with lists of images, those nearer to the top first; folders below them are not searched."""
    found = [folder for folder in folders if (folder / _LISTS).is_dir()]
    if depth == 0:
        return found
    below = []
    for folder in folders:
        if folder not in found:
            with os.scandir(folder) as entries:
                below += sorted(Path(entry) for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    return [*found, *_parts(below, depth - 1)] if below else found


def _chosen(folder: Path, found: dict[int | None, list[Path]], year: int | None) -> int | None:
    if not found:
        raise DataError(
            f"expected a folder such as VOCdevkit/VOC2007 with {_LISTS.as_posix()} ({ORIGIN}), got none", path=folder
        )
    names = ", ".join(sorted({part.name for parts in found.values() for part in parts}))
    if year is not None and year not in found:
        raise DataError(f"expected a folder VOC{year} ({ORIGIN}), got {names}", path=folder)
    if year is None and len(found) > 1:
        hint = f"; choose by --data.year {min(came for came in found if came)}"
        raise DataError(f"expected one year, got {names}{hint}", path=folder)
    chosen = year if year is not None else next(iter(found))
    if chosen is None and len(found[None]) > 1:
        raise DataError(f"expected one data set, got {names}", path=folder)
    return chosen


def _by_name(parts: Iterable[Path], inner: str, suffixes: tuple[str, ...]) -> dict[str, Path]:
    """Files by their names without the suffix; the first of a name counts, ``a.jpg`` before ``a.png``."""
    files: dict[str, Path] = {}
    for part in parts:
        if (part / inner).is_dir():
            for name in sorted(os.listdir(part / inner)):
                stem, suffix = os.path.splitext(name)
                if suffix.lower() in suffixes and not name.startswith("."):
                    files.setdefault(stem, part / inner / name)
    return files
