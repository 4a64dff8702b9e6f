"""Open Images: millions of photographs, each with a few labels that people verified."""

from pathlib import Path
from typing import get_args

import numpy as np
from scipy.sparse import csr_array

from lopsided.data.labels import Labels
from lopsided.data.manifest import Manifest
from lopsided.data.options import Unverified
from lopsided.data.readers.open_images.files import (
    SPLITS,
    annotation_file,
    check_annotations,
    image_folders,
    image_paths,
    images_in,
    read_classes,
)
from lopsided.data.readers.open_images.verified import Verified, read_verified
from lopsided.files.errors import DataError


def read_open_images(folder: str | Path, *, unverified: Unverified = "negative") -> Manifest:
    """Read Open Images with the labels that people verified, of the trainable classes.

    The files are ``oidv6-train-annotations-human-imagelabels.csv`` and those of validation and test,
    ``oidv6-class-descriptions.csv`` and ``oidv6-classes-trainable.txt``, or those of another version, in the folder or
    in ``annotations``. Images are ``train/ID.jpg`` or ``train_0/ID.jpg`` to ``train_f/ID.jpg``, ``validation/ID.jpg``
    and ``test/ID.jpg``, in the folder or in ``images``. Only images that are there count: the archives hold 1.9 of the
    9 million.

    Args:
        folder: Holds all of these files.
        unverified: What a label that nobody verified counts as, ``negative`` or ``unknown``. Where people disagree, a
            label is positive.

    Returns:
        Those of the splits train, val and test that are there, by ID; labels in the order of the trainable classes.

    Raises:
        DataError: A file is missing or malformed, or there is no image with a label.

    Source: storage.googleapis.com/openimages/web/download_v6.html
    """
    if unverified not in get_args(Unverified):
        raise DataError(f"expected unverified to be one of {', '.join(get_args(Unverified))}, got {unverified!r}")
    folder = Path(folder)
    try:
        mids, names = read_classes(folder)
        check_annotations(folder)
        parts = {split: _read_split(folder, split, mids) for split in SPLITS}
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path=error.filename or folder) from error
    found = {split: part for split, part in parts.items() if part is not None}
    if not found:
        raise DataError(
            "expected images in train (or train_0 to train_f), validation or test, there or in images, of which "
            "the file of that split has labels, got none",
            path=folder,
        )
    counts = [len(paths) for paths, _ in found.values()]
    labels = _labels([verified for _, verified in found.values()], counts, names, unverified)
    paths = np.concatenate([paths for paths, _ in found.values()])
    return Manifest("open-images", folder, paths, labels, np.repeat(list(found), counts))


def _read_split(folder: Path, split: str, mids: tuple[str, ...]) -> tuple[np.ndarray, Verified] | None:
    """Paths and labels of the images of a split, or None where no image has a label."""
    file, folders = annotation_file(folder, split), image_folders(folder, split)
    ids, place = images_in(folders) if folders else (np.zeros(0, np.uint64), np.zeros(0, np.int64))
    if file is None or not len(ids):
        return None
    verified = read_verified(file, mids=mids, images=ids)
    labelled = np.bincount(verified.rows, minlength=len(ids)) > 0
    if not labelled.any():
        return None
    rows = (np.cumsum(labelled, dtype=np.int32) - 1)[verified.rows]
    starts = [place.relative_to(folder).as_posix() for place in folders]
    return image_paths(ids[labelled], place[labelled], starts), Verified(rows, verified.columns, verified.positive)


def _labels(parts: list[Verified], counts: list[int], names: tuple[str, ...], unverified: Unverified) -> Labels:
    starts = np.cumsum([0, *counts], dtype=np.int32)
    rows = np.concatenate([part.rows + start for part, start in zip(parts, starts, strict=False)])
    columns = np.concatenate([part.columns for part in parts])
    positive = np.concatenate([part.positive for part in parts])

    def matrix(chosen: np.ndarray) -> csr_array:
        places = (rows[chosen], columns[chosen])
        return csr_array((np.ones(len(places[0]), dtype=bool), places), shape=(starts[-1], len(names)))

    positives = matrix(positive)
    if unverified == "negative":
        return Labels(names, positives)
    return Labels(names, positives, negatives=csr_array(matrix(~positive) > positives))
