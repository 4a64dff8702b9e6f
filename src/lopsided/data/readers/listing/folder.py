"""Images in folders that are named after their labels."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from lopsided.data.cell_values import one_form, parse_split
from lopsided.data.images.files import IMAGE_SUFFIXES
from lopsided.data.labels import Labels
from lopsided.data.manifest import Manifest
from lopsided.data.readers.run_labels import unlabelled
from lopsided.data.split_names import USUAL_SPLITS
from lopsided.files.errors import DataError, quoted


def read_label_folders(folder: Path, *, label_names: Sequence[str] | None = None) -> Manifest:
    """Read images that have the name of their folder as their label; ``read_listing`` says how.

    Args:
        folder: Holds a folder per label, or one per split with a folder per label in each.
        label_names: Names of labels; if given, an image may lie outside of their folders.

    Returns:
        All images, sorted by path; each file is one sample.

    Raises:
        DataError: There is no image, or, without ``label_names``, an image lies outside of a label's folder.
    """
    paths = sorted(images_below(folder))
    if not paths:
        raise DataError(
            f"expected images ({', '.join(IMAGE_SUFFIXES)}) in folders called by their label, got none", path=folder
        )
    parts = [path.split("/") for path in paths]
    splits = np.full(len(paths), "train")
    if all(len(names) > 1 and parse_split(names[0]) in USUAL_SPLITS for names in parts):
        splits = np.array([parse_split(names[0]) for names in parts])
        parts = [names[1:] for names in parts]
    # Some systems write the names of folders in another Unicode form than people type.
    found = [one_form(names[0]) if len(names) > 1 else None for names in parts]
    if label_names is None and None in found:
        came = quoted(paths[found.index(None)])
        raise DataError(f"expected each image in a folder called by its label, got {came} outside of one", path=folder)
    try:
        texts = np.array(paths, dtype=np.dtypes.StringDType())
    except UnicodeEncodeError as error:
        raise DataError(f"expected names of files in UTF-8, got {quoted(error.object)}", path=folder) from None
    return Manifest(folder.resolve().name, folder, texts, _labels(found, label_names), splits)


def _labels(found: list[str | None], label_names: Sequence[str] | None) -> Labels:
    """Labels of images, given the name of the folder of each, None where it is in none."""
    names = sorted({name for name in found if name is not None})
    if not names:
        return unlabelled(label_names or (), samples=len(found))
    column = {name: i for i, name in enumerate(names)}
    rows = [row for row, name in enumerate(found) if name is not None]
    columns = [column[name] for name in found if name is not None]
    positives = csr_array((np.ones(len(rows), dtype=bool), (rows, columns)), shape=(len(found), len(names)))
    return Labels(tuple(names), positives).without([row for row, name in enumerate(found) if name is None])


def images_below(folder: Path) -> Iterator[str]:
    """Paths of images below a folder; hidden ones are left out, and no folder is entered within itself."""
    pending: list[tuple[str, frozenset]] = [("", frozenset())]
    while pending:
        below, above = pending.pop()
        place = folder / below
        try:
            about = place.stat()
            this = (about.st_dev, about.st_ino)
            if this in above:
                continue
            with os.scandir(place) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir():
                        pending.append((f"{below}{entry.name}/", above | {this}))
                    elif entry.name.lower().endswith(IMAGE_SUFFIXES):
                        yield below + entry.name
        except OSError as error:
            raise DataError(f"cannot be read: {error.strerror}", path=place) from error
