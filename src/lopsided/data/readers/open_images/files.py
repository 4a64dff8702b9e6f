"""Where the files of Open Images lie, and what its classes are called."""

import os
import re
from collections import Counter
from pathlib import Path

import numpy as np

from lopsided.files.csv_file import read_csv_rows
from lopsided.files.errors import DataError, quoted
from lopsided.files.regular import read_bytes

SPLITS = ("train", "val", "test")
_FROM = "it comes from storage.googleapis.com/openimages/web/download_v6.html"
_WORDS = {"train": ("train",), "val": ("validation", "val"), "test": ("test",)}
_IMAGE = re.compile(r"[0-9a-f]{16}\.jpg")
_CHUNK = 1_000_000  # paths that are made at the same time
_DIGITS = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)


def read_classes(folder: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Read the trainable classes.

    Args:
        folder: Holds their list, and the names of all classes.

    Returns:
        Their MIDs such as ``/m/01yrx``, in the order of the list, and their names, all distinct: where several classes
        share a name, each has its MID added in parentheses, and a class without a name is called by its MID.

    Raises:
        DataError: A file is missing or is no such list.
    """
    trainable = _wanted(_file(folder, "classes-trainable", ".txt"), "oidv6-classes-trainable.txt", folder)
    described = _wanted(_file(folder, "class-descriptions", ".csv"), "oidv6-class-descriptions.csv", folder)
    mids = tuple(dict.fromkeys(line.strip() for line in _text(trainable).splitlines() if line.strip()))
    if not mids or not all(mid.startswith("/") for mid in mids):
        wrong = next((mid for mid in mids if not mid.startswith("/")), "none")
        raise DataError(f"expected a class such as /m/01yrx on each line, got {quoted(wrong)}", path=trainable)
    names_of = _descriptions(described)
    names = [names_of.get(mid) or mid for mid in mids]
    count = Counter(names)
    pairs = zip(names, mids, strict=True)
    return mids, tuple(name if count[name] == 1 else f"{name} ({mid})" for name, mid in pairs)


def annotation_file(folder: Path, split: str) -> Path | None:
    """The file of a split's verified labels, or None where it is not there.

    Raises:
        DataError: There are files of several versions.
    """
    return _file(folder, f"(?:{'|'.join(_WORDS[split])})-annotations-human-imagelabels", ".csv")


def check_annotations(folder: Path) -> None:
    """Refuse a folder without labels of any split; the message says where they come from."""
    if not any(annotation_file(folder, split) for split in SPLITS):
        name = "oidv6-train-annotations-human-imagelabels.csv"
        raise DataError(f"expected {name}, or that of validation or test, got none: {_FROM}", path=folder)


def image_folders(folder: Path, split: str) -> list[Path]:
    """Those folders of a split's images that exist; train may lie in 16, by the first digit of the ID."""
    places = [base / word for base in (folder, folder / "images") for word in _WORDS[split]]
    if split == "train":
        bases = (folder, folder / "images", *places)
        places += [base / f"train_{digit}" for base in bases for digit in "0123456789abcdef"]
    return [place for place in places if place.is_dir()]


def images_in(folders: list[Path]) -> tuple[np.ndarray, np.ndarray]:
    """IDs of the images in at least one folder, uint64, ascending, each once, and the folder of each, int64."""
    ids = []
    for place in folders:
        with os.scandir(place) as entries:
            names = (entry.name for entry in entries)
            ids.append(np.fromiter((int(name[:16], 16) for name in names if _IMAGE.fullmatch(name)), np.uint64))
    distinct, first = np.unique(np.concatenate(ids), return_index=True)
    return distinct, np.repeat(np.arange(len(folders)), [len(each) for each in ids])[first]


def image_paths(ids: np.ndarray, place: np.ndarray, starts: list[str]) -> np.ndarray:
    """Paths of images.

    Args:
        ids: IDs as numbers, uint64, shape (images,).
        place: Number of the folder of each, shape (images,).
        starts: Path of each folder.

    Returns:
        StringDType, shape (images,).

    Example:
        >>> image_paths(np.array([254], dtype=np.uint64), np.array([0]), ["test"]).tolist()
        ['test/00000000000000fe.jpg']
    """
    before = np.array([f"{start}/" for start in starts], dtype=np.dtypes.StringDType())
    found = np.empty(len(ids), dtype=before.dtype)
    for start in range(0, len(ids), _CHUNK):
        rows = slice(start, start + _CHUNK)
        octets = ids[rows].astype(">u8").view(np.uint8).reshape(-1, 8)
        digits = _DIGITS[np.stack([octets >> 4, octets & 15], axis=2)].reshape(-1, 16)
        names = np.strings.add(digits.view("S16")[:, 0].astype(before.dtype), ".jpg")
        found[rows] = np.strings.add(before[place[rows]], names)
    return found


def _wanted(path: Path | None, name: str, folder: Path) -> Path:
    if path is None:
        raise DataError(f"expected {name} there or in annotations, got none: {_FROM}", path=folder)
    return path


def _file(folder: Path, stem: str, suffix: str) -> Path | None:
    """The file of this name, of any version; that of all classes is preferred to that of classes with boxes."""
    if not folder.is_dir():
        raise DataError("expected the folder of Open Images, got none", path=folder)
    places = [place for place in (folder, folder / "annotations") if place.is_dir()]
    for end in ("", "-boxable"):
        name = re.compile(rf"(?:oidv\d-)?{stem}{end}{re.escape(suffix)}")
        found = sorted(path for place in places for path in place.iterdir() if name.fullmatch(path.name))
        if len(found) > 1:
            raise DataError(f"expected one version, got {' and '.join(path.name for path in found)}", path=folder)
        if found:
            return found[0]
    return None


def _text(path: Path) -> str:
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError("expected text in UTF-8, got other bytes", path=path) from None


def _descriptions(path: Path) -> dict[str, str]:
    found = {}
    for line, row in read_csv_rows(path):
        if len(row) != 2 or any("\n" in cell for cell in row):
            came = f"{len(row)} cells" if len(row) != 2 else f"a quote open at {quoted(max(row, key=len))}"
            raise DataError(f"expected a class and its name, got {came}", path=path, line=line)
        if row[0].startswith("/"):  # otherwise these are column names, which some versions have
            found[row[0]] = row[1].strip()
    return found
