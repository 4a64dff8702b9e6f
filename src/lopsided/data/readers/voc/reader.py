"""PASCAL VOC, and other data sets laid out like it, as images with labels."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import get_args

import numpy as np
from scipy.sparse import csr_array

from lopsided.data.images.files import check_each_once
from lopsided.data.labels import Labels
from lopsided.data.manifest import Manifest
from lopsided.data.options import Difficult
from lopsided.data.readers.voc.annotation import read_objects
from lopsided.data.readers.voc.layout import ORIGIN, VocFiles, find_voc
from lopsided.data.split_names import USUAL_SPLITS
from lopsided.files.errors import DataError, quoted
from lopsided.files.regular import read_bytes

CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)


def read_voc(
    folder: Path,
    *,
    year: int | None = None,
    difficult: Difficult = "unknown",
    label_names: Sequence[str] = (),
) -> Manifest:
    """Read PASCAL VOC 2007 or 2012, or other data laid out like it; an image has the labels of its objects.

    Splits are ``train.txt``, ``val.txt`` and ``test.txt`` of ``ImageSets/Main``; where one of the first two is missing,
    it is the rest of ``trainval.txt``. An image in two splits is refused. ``test`` is left out where it has no
    ``Annotations``, as in 2012. Published results of 2007 train on ``train`` and ``val`` together; here ``val`` stays
    ``val``.

    Args:
        folder: ``VOC2007``, or a folder up to three levels above, in which parts of one year are read as one. Images
            are in ``JPEGImages``.
        year: 2007 or 2012, where the folder holds both.
        difficult: What a label counts as in an image where all objects of that name are marked as difficult:
            ``unknown`` as in the official evaluation, ``negative`` or ``positive``.
        label_names: Names that are labels even where they never occur; without effect where the 20 classes are read.

    Returns:
        Labels are the 20 classes, sorted; where the folder names no year, or other objects occur, the names found.

    Raises:
        DataError: A file is missing or malformed, or all images are missing.
    """
    if difficult not in get_args(Difficult):
        raise DataError(f"expected difficult to be one of {', '.join(get_args(Difficult))}, got {difficult!r}")
    files = find_voc(folder, year=year)
    splits = _splits(folder, files)
    samples = [name for names in splits.values() for name in names]
    split_of = [split for split, names in splits.items() for _ in names]
    check_each_once(samples, split_of, path=next(iter(files.lists.values())).parent)
    if not any(name in files.images for name in samples):
        wanted = f"JPEGImages/{samples[0]}.jpg"
        raise DataError(f"expected images such as {wanted} ({ORIGIN}), got none of {len(samples)}", path=folder)
    labels = _labels(files, samples, difficult, label_names)
    return Manifest(
        files.name,
        folder,
        np.array([_path(folder.resolve(), files, name) for name in samples], dtype=np.dtypes.StringDType()),
        labels,
        np.array(split_of),
    )


def _splits(folder: Path, files: VocFiles) -> dict[str, list[str]]:
    """Names of the images of each split, in the order of the lists."""
    lists = {name: _read_list(path) for name, path in files.lists.items()}
    both = lists.pop("trainval", [])
    neither = set(both).difference(lists["train"], lists["val"]) if {"train", "val"} <= lists.keys() else set()
    for name, other in (("train", "val"), ("val", "train")):
        if name not in lists:
            rest = set(lists.get(other, ()))
            lists[name] = [image for image in both if image not in rest]
    if "test" in lists and not _has_annotations(files, lists["test"]):
        del lists["test"]
    splits = {split: lists[split] for split in USUAL_SPLITS if lists.get(split)}
    for split, names in splits.items():
        if missing := next((name for name in names if name not in files.annotations), None):
            where = files.lists.get(split, files.lists.get("trainval"))
            raise DataError(f"expected Annotations/{missing}.xml ({ORIGIN}), got none", path=where)
    if neither:
        wrong = f"expected images of train.txt or val.txt, got {len(neither)} others, such as {quoted(min(neither))}"
        raise DataError(wrong, path=files.lists["trainval"])
    if not splits:
        came = ", ".join(path.name for path in files.lists.values()) or "none"
        raise DataError(f"expected train.txt, val.txt or test.txt of annotated images, got {came}", path=folder)
    return splits


def _read_list(path: Path) -> list[str]:
    try:
        lines = read_bytes(path).decode("utf-8-sig").splitlines()
    except DataError:
        raise
    except ValueError as error:
        raise DataError(f"expected a name per line, got {error}", path=path) from None
    return list(dict.fromkeys(name for line in lines if (name := line.strip())))


def _has_annotations(files: VocFiles, names: list[str]) -> bool:
    """Whether test images have labels: from 2008 on these were never published, though some of the objects were."""
    annotated = sum(name in files.annotations for name in names)
    published = files.year is None or files.year < 2008
    return annotated == len(names) or (annotated > 0 and published)


def _path(root: Path, files: VocFiles, name: str) -> str:
    beside = files.annotations[name].parents[1] / "JPEGImages" / f"{name}.jpg"
    return files.images.get(name, beside).relative_to(root).as_posix()


def _labels(files: VocFiles, samples: list[str], difficult: Difficult, label_names: Sequence[str]) -> Labels:
    objects = {name: read_objects(files.annotations[name]) for name in dict.fromkeys(samples)}
    found = {label for labels in objects.values() for label in labels}
    if files.year is not None and found.issubset(CLASSES):
        names = CLASSES
    else:
        names = tuple(dict.fromkeys([*label_names, *sorted(found)]))
    column = {name: i for i, name in enumerate(names)}

    def matrix(which: Iterable[bool]) -> csr_array:
        wanted = set(which)
        rows = [[column[label] for label, hard in objects[name].items() if hard in wanted] for name in samples]
        indices = np.array([i for row in rows for i in row], dtype=np.int32)
        ends = np.cumsum([0, *map(len, rows)])
        found = csr_array((np.ones(len(indices), dtype=bool), indices, ends), shape=(len(samples), len(names)))
        found.sort_indices()
        return found

    positives = matrix([False, True] if difficult == "positive" else [False])
    unknown = matrix([True]) if difficult == "unknown" else None
    return Labels(names, positives, unknown if unknown is not None and unknown.nnz else None)
