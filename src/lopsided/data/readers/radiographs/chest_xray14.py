"""ChestX-ray14 of the NIH, as it is published."""

import os
from collections.abc import Sequence
from pathlib import Path

from lopsided.data.manifest import Manifest
from lopsided.data.readers.collector import Collector
from lopsided.files.csv_columns import cells_of, open_columns
from lopsided.files.errors import DataError, quoted
from lopsided.files.regular import read_bytes

_ORIGIN = "nihcc.app.box.com/v/ChestXray-NIHCC"
_COLUMNS = ("Image Index", "Finding Labels", "Patient ID")
_LISTS = {"train": "train_val_list.txt", "test": "test_list.txt"}
_NONE = "No Finding"


def read_chest_xray14(folder: Path, *, label_names: Sequence[str] = ()) -> Manifest:
    """Read ChestX-ray14: findings of radiographs, in the published splits, with patients as groups.

    Args:
        folder: With ``Data_Entry_2017.csv`` or ``Data_Entry_2017_v2020.csv``; ``train_val_list.txt`` and
            ``test_list.txt``, or neither; and the images in ``images``, or in ``images_001`` to ``images_012``, there
            or in a folder ``images`` in each.
        label_names: Names that are labels even where they never occur.

    Returns:
        Images in the order of the table; labels are the findings that occur, sorted. ``No Finding`` is an image
        without labels. Without the lists all is ``train``; with them, images of neither are left out.

    Raises:
        DataError: A file is missing or malformed, an image or a list contradicts another, or all images are missing.

    Source: Wang et al., ChestX-ray8, CVPR 2017, and the README of the data set.
    """
    try:
        table = _table(folder)
        split_of, where = _splits(folder), _folders_of_images(folder)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path=error.filename or folder) from error
    found, left_out, seen = Collector(folder, table), 0, set()
    for line, (image, findings, patient) in cells_of(open_columns(table, _COLUMNS, origin=_ORIGIN), _COLUMNS):
        try:
            labels = _findings(findings)
            if not image or not patient:
                raise DataError(f"expected an {_COLUMNS[0]} and a {_COLUMNS[2]}, got an empty cell")
            if image in seen:
                raise DataError(f"expected each image once, got {quoted(image)} again")
            seen.add(image)
            if split_of and image not in split_of:
                left_out += 1
                continue
            place, split = where.get(image, "images"), split_of.get(image, "train")
            found.add(f"{place}/{image}", labels, split=split, group=patient)
        except DataError as error:
            raise DataError(str(error), path=table, line=line) from None
    _check_lists(folder, split_of, seen, table)
    return found.manifest("ChestX-ray14", label_names=label_names, notes=_notes(split_of, left_out))


def _table(folder: Path) -> Path:
    names = sorted(name for name in os.listdir(folder) if name.startswith("Data_Entry_2017") and name.endswith(".csv"))
    if len(names) != 1:
        came = " and ".join(names) or "none"
        raise DataError(f"expected one file Data_Entry_2017*.csv ({_ORIGIN}), got {came}", path=folder)
    return folder / names[0]


def _findings(cell: str) -> list[str]:
    parts = [part.strip() for part in cell.split("|")]
    if not all(parts):
        raise DataError(f"expected findings joined by '|', or {_NONE}, got {quoted(cell)}")
    if _NONE not in parts:
        return parts
    if len(parts) > 1:
        raise DataError(f"expected {_NONE} alone, got {quoted(cell)}")
    return []


def _splits(folder: Path) -> dict[str, str]:
    """The split of each image in the lists; empty where neither is there."""
    there = [name for name in _LISTS.values() if (folder / name).is_file()]
    if len(there) == 1:
        missing = next(name for name in _LISTS.values() if name not in there)
        raise DataError(f"expected {missing} beside {there[0]} ({_ORIGIN}), got none", path=folder)
    split_of: dict[str, str] = {}
    for split, name in _LISTS.items() if there else ():
        for number, image in _lines(folder / name):
            if split_of.setdefault(image, split) != split:
                came = f"{quoted(image)} in {_LISTS[split_of[image]]} too"
                raise DataError(f"expected each image in one list, got {came}", path=folder / name, line=number)
    return split_of


def _lines(path: Path) -> list[tuple[int, str]]:
    try:
        lines = read_bytes(path).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise DataError("expected the name of an image on each line, got other bytes", path=path) from None
    return [(number, text.strip()) for number, text in enumerate(lines, 1) if text.strip()]


def _folders_of_images(folder: Path) -> dict[str, str]:
    """The folder of each image that is there; the archives unpack to ``images``, or lie in a folder each."""
    with os.scandir(folder) as entries:
        outer = sorted(entry.name for entry in entries if entry.name.startswith("images") and entry.is_dir())
    places = [place for name in outer for place in (name, f"{name}/images") if (folder / place).is_dir()]
    return {image: place for place in reversed(places) for image in os.listdir(folder / place)}


def _check_lists(folder: Path, split_of: dict[str, str], seen: set[str], table: Path) -> None:
    for name in _LISTS.values() if split_of else ():
        for number, image in _lines(folder / name):
            if image not in seen:
                raise DataError(
                    f"expected images of {table.name}, got {quoted(image)}", path=folder / name, line=number
                )


def _notes(split_of: dict[str, str], left_out: int) -> list[str]:
    if not split_of:
        return [f"{' and '.join(_LISTS.values())} are not there: all images are train"]
    return [f"{left_out} images are in neither list and are left out"] * bool(left_out)
