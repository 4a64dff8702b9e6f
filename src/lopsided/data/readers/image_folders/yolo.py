"""Images and labels as YOLO keeps them: a text file for each image, whose lines begin with the number of a class."""

import os
import re
import sys
from pathlib import Path
from typing import get_args

from tqdm import tqdm

from lopsided.data.cell_values import parse_split
from lopsided.data.images.files import IMAGE_SUFFIXES
from lopsided.data.manifest import Manifest
from lopsided.data.options import Unannotated
from lopsided.data.readers.collector import Collector
from lopsided.data.readers.image_folders.yolo_names import names_and_places
from lopsided.data.readers.listing.folder import images_below
from lopsided.data.split_names import USUAL_SPLITS
from lopsided.files.errors import DataError, quoted
from lopsided.files.regular import read_bytes

_LARGEST = 20_000_000  # bytes of the labels of one image
_CLASS = re.compile(r"\d{1,6}(\.0+)?", re.ASCII)
_UPWARDS = re.compile(r"^(\.{0,2}/)+")


def read_yolo(folder: Path, *, unannotated: Unannotated = "keep") -> Manifest:
    """Read images with the classes of their lines, boxes, outlines or poses.

    Labels of ``images/train/a.jpg`` or ``train/images/a.jpg`` are in ``labels/train/a.txt`` or ``train/labels/a.txt``;
    without a folder ``images`` the text lies beside the image. A line holds the number of a class alone, or with a box
    or more, whose coordinates are shares of the sides, in [0, 1].

    Args:
        folder: With ``data.yaml`` (``names``, and the folders or lists of images of ``train``, ``val`` and ``test``) or
            ``classes.txt``. Without such folders, splits are those of which images lie in a folder; else all is
            ``train``.
        unannotated: Images without a file of labels: ``keep`` counts them as images without labels, as YOLO does,
            ``drop_train`` leaves them out of training, ``drop`` out of all splits.

    Returns:
        Images by split and name; labels are all classes in their order.

    Raises:
        DataError: A file is missing or malformed, a class has no name, or no image has a file of labels.

    Source: docs.ultralytics.com, "Object Detection Datasets", "Ultralytics YOLO format".
    """
    if unannotated not in get_args(Unannotated):
        raise DataError(f"expected unannotated to be one of {', '.join(get_args(Unannotated))}, got {unannotated!r}")
    try:
        names, places, source = names_and_places(folder)
        images, absent = _images(folder, places, source)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path=error.filename or folder) from error
    found, without = Collector(folder, folder), 0
    for image, split in tqdm(images, desc="labels", unit="file", disable=None, leave=False, file=sys.stderr):
        path = folder / label_path(image)
        is_there = path.is_file()
        without += not is_there
        if is_there or unannotated == "keep" or (unannotated == "drop_train" and split != "train"):
            found.add(image, _classes(path, names) if is_there else (), split=split)
    if without == len(images):
        wanted = label_path(images[0][0]) if images else "labels"
        raise DataError(f"expected files of labels such as {wanted}, got none for {len(images)} images", path=folder)
    notes = [f"the images of {split} are not there ({source.name}): {quoted(place)}" for split, place in absent.items()]
    if without:
        done = "count as images without labels" if unannotated == "keep" else "are left out"
        notes.append(f"{without} of {len(images)} images have no file of labels and {done} (--data.unannotated)")
    return found.manifest(folder.resolve().name, label_names=names, is_whole=True, notes=notes)


def label_path(image: str) -> str:
    """Where the labels of an image are.

    Example:
        >>> label_path("images/train/a.jpg"), label_path("train/images/a.jpg"), label_path("a.jpg")
        ('labels/train/a.txt', 'train/labels/a.txt', 'a.txt')
    """
    parts = image.split("/")
    places = [i for i, part in enumerate(parts[:-1]) if part == "images"]
    if places:
        parts[places[-1]] = "labels"
    return "/".join([*parts[:-1], parts[-1].rpartition(".")[0] + ".txt"])


def _classes(path: Path, names: tuple[str, ...]) -> set[str]:
    try:
        lines = read_bytes(path, at_most=_LARGEST).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise DataError("expected numbers, got other bytes", path=path) from None
    found = set()
    for line, text in enumerate(lines, 1):
        cells = text.split()
        try:
            if cells:
                found.add(names[_class(cells, len(names))])
        except DataError as error:
            raise DataError(str(error), path=path, line=line) from None
    return found


def _class(cells: list[str], count: int) -> int:
    if not _CLASS.fullmatch(cells[0]):
        raise DataError(f"expected the number of a class first, got {quoted(cells[0])}")
    if len(cells) in (2, 3, 4):
        raise DataError(f"expected a class on each line, alone or with a box, got {quoted(' '.join(cells))}")
    for cell in cells[1:5]:
        try:
            is_share = -0.01 <= float(cell) <= 1.01
        except ValueError:
            is_share = False
        if not is_share:
            raise DataError(f"expected coordinates in [0, 1] behind the class, got {quoted(cell)}")
    number = int(float(cells[0]))
    if number >= count:
        raise DataError(f"expected a class below {count}, as there are names, got {number}")
    return number


def _images(folder: Path, places: dict[str, list[str]], source: Path) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """Images with their splits, and what of the described places is not there."""
    if not places:
        images = sorted(images_below(folder))
        return list(zip(images, _splits_of_folders(images), strict=True)), {}
    found, absent = [], {}
    for split, entries in places.items():
        for entry in entries:
            inner = _place(folder, entry, source)
            if inner is None:
                absent[split] = entry
            else:
                found += [(image, split) for image in _images_of(folder, inner)]
    if not found:
        came = quoted(", ".join(absent.values())) if absent else "empty folders"
        raise DataError(f"expected images where the file says that they are, got none: {came}", path=source)
    return found, absent


def _place(folder: Path, entry: str, source: Path) -> Path | None:
    """The folder or list that an entry means: below the data set, whatever machine the entry was written on."""
    parts = [part for part in _UPWARDS.sub("", entry.replace("\\", "/")).split("/") if part not in ("", ".", "..")]
    for start in range(len(parts)):
        place = folder.joinpath(*parts[start:])
        if os.path.isdir(place) or (place.suffix == ".txt" and os.path.isfile(place)):
            return place
    if not parts:
        raise DataError(f"expected the folder of images, got {quoted(entry)}", path=source)
    return None


def _images_of(folder: Path, place: Path) -> list[str]:
    """Images of a folder, or of a list, which names one on each line."""
    if place.is_dir():
        start = place.relative_to(folder).as_posix()
        return sorted(image if start == "." else f"{start}/{image}" for image in images_below(place))
    found = []
    for line, text in enumerate(read_bytes(place).decode("utf-8", "replace").splitlines(), 1):
        if text.strip():
            inner = _listed(folder, place, text.strip())
            if inner is None:
                raise DataError(f"expected an image below {folder}, got {quoted(text)}", path=place, line=line)
            found.append(inner)
    return list(dict.fromkeys(found))


def _listed(folder: Path, list_file: Path, text: str) -> str | None:
    parts = [part for part in text.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    for start in range(len(parts)):
        for base in (folder, list_file.parent):
            path = base.joinpath(*parts[start:])
            if os.path.isfile(path) and path.name.lower().endswith(IMAGE_SUFFIXES):
                return path.relative_to(folder).as_posix()
    return None


def _splits_of_folders(images: list[str]) -> list[str]:
    """The one folder of each image that is called like a split; all are train where one has none."""
    found = []
    for image in images:
        splits = {split for part in image.split("/")[:-1] if (split := parse_split(part)) in USUAL_SPLITS}
        found.append(splits.pop() if len(splits) == 1 else "")
    return found if all(found) else ["train"] * len(images)
