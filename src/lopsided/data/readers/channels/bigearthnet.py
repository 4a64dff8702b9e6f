"""BigEarthNet as it is published: a folder for each patch, with a file for each band of Sentinel-2."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from lopsided.data.cell_values import one_form
from lopsided.data.manifest import Manifest
from lopsided.data.readers.collector import Collector
from lopsided.files.csv_file import read_csv_rows
from lopsided.files.errors import DataError, quoted
from lopsided.files.json_file import read_json

_LABELS = "_labels_metadata.json"
_BANDS = "_{B04,B03,B02;2000}.tif"
_LISTS = {"train": "train.csv", "val": "val.csv", "test": "test.csv"}
_LARGEST = 1_000_000  # bytes of the labels of a patch, which take some hundreds


def read_bigearthnet(folder: Path, *, label_names: Sequence[str] = ()) -> Manifest:
    """Read patches of satellite images with their land cover.

    The picture of a patch is made of its bands B04 (red), B03 (green) and B02 (blue), 10 m a pixel: 0 is black, and
    reflectances from 2000 on (of 10000) are white, as in TensorFlow Datasets. The other bands are not read.

    Args:
        folder: ``BigEarthNet-v1.0`` or the folder that holds it: a folder for each patch, with
            ``PATCH_labels_metadata.json`` and ``PATCH_B02.tif`` and so on.
        label_names: Names that are labels even where they never occur.

    Returns:
        Patches by name; labels are those that occur, of the 43 of CORINE Land Cover, sorted. Splits are those of
        ``train.csv``, ``val.csv`` and ``test.csv`` in the folder, a patch on each line, as the authors publish them;
        patches of no list, such as those with snow or clouds, are left out. Without lists all is ``train``.

    Raises:
        DataError: There is no patch, a file is malformed, a list names a patch twice or one that is not there, or all
            images are missing.

    Source: Sumbul et al., BigEarthNet, IGARSS 2019.
    """
    try:
        root = folder if not (folder / "BigEarthNet-v1.0").is_dir() else folder / "BigEarthNet-v1.0"
        with os.scandir(root) as entries:
            patches = sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
        patches = [patch for patch in patches if (root / patch / f"{patch}{_LABELS}").is_file()]
        split_of = _splits(root, folder, set(patches))
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path=error.filename or folder) from error
    if not patches:
        wanted = f"PATCH/PATCH{_LABELS}"
        raise DataError(f"expected folders of patches with {wanted} (bigearth.net), got none", path=root)
    found = Collector(root, root)
    kept = [patch for patch in patches if patch in split_of] if split_of else patches
    for patch in tqdm(kept, desc="patches", unit="patch", disable=None, leave=False, file=sys.stderr):
        labels = _labels(root / patch / f"{patch}{_LABELS}")
        found.add(f"{patch}/{patch}{_BANDS}", labels, split=split_of.get(patch, "train"))
    left_out = len(patches) - len(kept)
    notes = [f"{left_out} of {len(patches)} patches are in no list and are left out"] * bool(left_out)
    return found.manifest("BigEarthNet", label_names=label_names, notes=notes)


def _labels(path: Path) -> list[str]:
    content: Any = read_json(path, at_most=_LARGEST)
    labels = content.get("labels") if isinstance(content, dict) else None
    if not isinstance(labels, list) or not all(isinstance(name, str) and one_form(name) for name in labels):
        raise DataError(f'expected an object with "labels", a list of names, got {quoted(content)}', path=path)
    return labels


def _splits(root: Path, folder: Path, patches: set[str]) -> dict[str, str]:
    """The split of each patch that a list names; empty without lists."""
    split_of: dict[str, str] = {}
    for split, name in _LISTS.items():
        path = next((place / name for place in (root, folder, folder / "splits") if (place / name).is_file()), None)
        for line, cells in read_csv_rows(path) if path is not None else ():
            patch = cells[0].strip()
            if patch not in patches:
                raise DataError(f"expected a patch that is there, got {quoted(patch)}", path=path, line=line)
            if patch in split_of:
                came = f"{quoted(patch)} in {split_of[patch]} too"
                raise DataError(f"expected each patch once, got {came}", path=path, line=line)
            split_of[patch] = split
    return split_of
