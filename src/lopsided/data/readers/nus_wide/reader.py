"""NUS-WIDE: photographs of Flickr with 81 concepts."""

from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
from scipy.sparse import csc_array, csr_array

from lopsided.data.images.files import check_each_once, folder_of_images, relative_path
from lopsided.data.labels import Labels
from lopsided.data.manifest import Manifest
from lopsided.data.options import Partition
from lopsided.data.readers.nus_wide.csv import read_nus_wide_csv
from lopsided.files.errors import DataError, quoted
from lopsided.files.regular import read_bytes

CSV = "nus_wid_data.csv"
_FROM = "it comes from lms.comp.nus.edu.sg/research/NUS-WIDE.htm"
_FOLDERS = ("", "ImageList", "ConceptsList", "Groundtruth", "TrainTestLabels", "Groundtruth/TrainTestLabels")
_IMAGES = "of NUS-WIDE, sent on request by lms.comp.nus.edu.sg"
_PARTS = {"train": "Train", "test": "Test"}


def read_nus_wide(folder: str | Path, *, partition: Partition = "official") -> Manifest:
    """Read NUS-WIDE: ``TrainImagelist.txt``, ``Concepts81.txt``, ``Labels_sky_Train.txt`` and so on, in any case.

    The lists may lie in ``ImageList``, ``ConceptsList`` and ``Groundtruth/TrainTestLabels``, the images in ``Flickr``
    or ``images``, in folders or not. Missing images, of which there are many, stay in the data. Without the lists, it
    reads ``nus_wid_data.csv``, the file of Ridnik et al. with the splits train and val; they published an mAP of 65.2
    for images of 240 pixels; with 448 it was 64.0.

    Args:
        folder: Holds the lists and the images.
        partition: ``official``: 161,789 images to train and 107,859 to test; ``annotated``: those of them that have at
            least one concept (125,449 and 83,898).

    Returns:
        From the lists, the splits train and test, and labels in the order of ``Concepts81.txt``.

    Raises:
        DataError: A file is missing, is no list or has another length than others, or no image is there at all.

    Source: Chua et al., CIVR 2009.
    """
    if partition not in get_args(Partition):
        raise DataError(f"expected partition to be one of {', '.join(get_args(Partition))}, got {partition!r}")
    folder = Path(folder)
    try:
        files = _files_in(folder)
        in_one_file = CSV in files.paths and "trainimagelist.txt" not in files.paths
        manifest = read_nus_wide_csv(files.paths[CSV]) if in_one_file else _read_lists(files)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path=error.filename or folder) from error
    if partition == "official":
        return manifest
    kept = np.flatnonzero(np.diff(manifest.labels.positives.indptr))
    return Manifest("nus-wide", manifest.root, manifest.paths[kept], manifest.labels.take(kept), manifest.splits[kept])


@dataclass(frozen=True)
class _Files:
    folder: Path
    paths: dict[str, Path]  # of all that may be lists, by their names in lower case

    def path(self, name: str) -> Path:
        if name.lower() not in self.paths:
            raise DataError(f"expected {name} (or {CSV}), got none: {_FROM}", path=self.folder)
        return self.paths[name.lower()]

    def lines(self, name: str) -> list[str]:
        """Lines that are not blank."""
        path = self.path(name)
        try:
            lines = read_bytes(path).decode("utf-8-sig").splitlines()
        except UnicodeDecodeError:
            raise DataError("expected text in UTF-8, got other bytes", path=path) from None
        if not (found := [line.strip() for line in lines if line.strip()]):
            raise DataError("expected lines of text, got none", path=path)
        return found


def _files_in(folder: Path) -> _Files:
    if not folder.is_dir():
        raise DataError("expected the folder of NUS-WIDE, got none", path=folder)
    found: dict[str, Path] = {}
    for below in _FOLDERS:
        if (place := _inside(folder, below)) is not None:
            found = {entry.name.lower(): entry for entry in place.iterdir()} | found
    return _Files(folder, found)


def _inside(folder: Path, below: str) -> Path | None:
    """A folder below another, in upper or lower case."""
    for name in below.split("/") if below else []:
        entries = [entry for entry in folder.iterdir() if entry.name.lower() == name.lower() and entry.is_dir()]
        if not entries:
            return None
        folder = entries[0]
    return folder


def _read_lists(files: _Files) -> Manifest:
    concepts = files.lines("Concepts81.txt")
    lists = {split: _image_list(files, f"{part}Imagelist.txt") for split, part in _PARTS.items()}
    columns = []
    for concept in concepts:
        parts = [_flags(files, concept, part, wanted=len(lists[split])) for split, part in _PARTS.items()]
        columns.append(np.flatnonzero(np.concatenate(parts)))
    ends = np.cumsum([0, *map(len, columns)])
    found = (np.ones(ends[-1], dtype=bool), np.concatenate(columns), ends)
    positives = csr_array(csc_array(found, shape=(sum(map(len, lists.values())), len(concepts))))
    paths = _place(files.folder, [path for each in lists.values() for path in each])
    splits = np.repeat(list(lists), [len(each) for each in lists.values()])
    check_each_once(paths.tolist(), splits.tolist(), path=files.path("TrainImagelist.txt").parent)
    return Manifest("nus-wide", files.folder, paths, Labels(tuple(concepts), positives), splits)


def _image_list(files: _Files, name: str) -> list[str]:
    """Folder and name of each image, as ``actor/0001_2124494179.jpg``."""
    parts = [line.replace("\\", "/").split("/")[-2:] for line in files.lines(name)]
    try:
        return [relative_path("/".join(part for part in each if part not in ("", ".", ".."))) for each in parts]
    except DataError as error:
        raise DataError(str(error), path=files.path(name)) from None


def _flags(files: _Files, concept: str, part: str, *, wanted: int) -> np.ndarray:
    """Whether each image of a list has a concept, bool, shape (wanted,)."""
    path = files.path(f"Labels_{concept}_{part}.txt")
    cells = read_bytes(path).splitlines()
    while cells and not cells[-1].strip():
        cells.pop()
    found = np.array([cell.strip() for cell in cells], dtype="S2")  # two bytes tell 0 and 1 from all else
    if (wrong := np.flatnonzero((found != b"0") & (found != b"1"))).size:
        came = quoted(cells[wrong[0]].decode(errors="replace"))
        raise DataError(f"expected 0 or 1 on each line, got {came}", path=path, line=int(wrong[0]) + 1)
    if len(found) != wanted:
        raise DataError(f"expected {wanted} lines, as many as {part}Imagelist.txt has, got {len(found)}", path=path)
    return found == b"1"


def _place(folder: Path, paths: list[str]) -> np.ndarray:
    """Paths relative to the folder, in whichever of the usual places the images are, in folders or not."""
    names = {entry.name.lower(): entry.name for entry in folder.iterdir() if entry.is_dir()}
    folders = [names.get("flickr", "Flickr"), names.get("images", "images"), ""]
    flat = [path.rpartition("/")[2] for path in paths]
    try:
        below = folder_of_images(folder, paths, folders=folders, origin=_IMAGES)
    except DataError as error:
        try:
            below, paths = folder_of_images(folder, flat, folders=folders, origin=_IMAGES), flat
        except DataError:
            raise error from None
    found = np.array(paths, dtype=np.dtypes.StringDType())
    return np.strings.add(f"{below}/", found) if below else found
