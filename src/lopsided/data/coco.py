"""MS-COCO, and other data sets in its format, as images with labels."""

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import numpy as np
from scipy.sparse import csr_array

from lopsided.data.coco_file import CocoFile, read_coco_file
from lopsided.data.coco_layout import find_annotations
from lopsided.data.errors import DataError, quoted
from lopsided.data.image_files import folder_of_images
from lopsided.data.labels import Labels
from lopsided.data.manifest import Manifest
from lopsided.data.options import Unannotated
from lopsided.data.run_labels import aligned


def read_coco(
    folder: Path,
    *,
    year: int | None = None,
    unannotated: Unannotated = "drop_train",
    crowd: bool = True,
    min_area: float = 0.0,
    label_names: Sequence[str] | None = None,
) -> Manifest:
    """Read MS-COCO 2014 or 2017, or other data in that format; an image has the labels of its annotations.

    Args:
        folder: With ``instances_train2014.json``, ``instances_val2014.json`` (papers report ``val``) or one of them,
            also in ``annotations`` or ``annotations_trainval2014/annotations``; else with ``instances*.json`` there,
            named after their splits (a single one is ``train``); else with one JSON file in each of ``train``,
            ``valid`` and ``test``; else with other JSON files, named likewise. Images are in ``train2014``,
            ``images/train2014``, ``train``, ``images``, ``data``, ``folder`` itself or beside the JSON file.
        year: 2014 or 2017, where both are there.
        unannotated: Images without any annotation in the file, crowds and small ones included: ``drop_train`` leaves
            82,081 of 82,783 training images of 2014, ``drop`` also 40,137 of 40,504 for validation, ``keep`` all.
        crowd: Count annotations of groups of objects.
        min_area: Annotations below it do not count, square pixels of the original image.
        label_names: Labels of a run, if it is to be applied to the data.

    Returns:
        Labels in the order of their identifiers; a category that only groups others is left out.

    Raises:
        DataError: A file is missing, of another kind or contradicts itself, or all images are missing.
    """
    if unannotated not in get_args(Unannotated):
        raise DataError(f"unannotated must be one of {', '.join(get_args(Unannotated))}, got {unannotated!r}")
    if not 0 <= min_area < float("inf"):
        raise DataError(f"min_area must be at least 0, got {min_area}")
    name, found = find_annotations(folder, year=year)
    files, paths, splits = [], [], []
    for path, split, image_folders, origin in found:
        file = read_coco_file(path, crowd=crowd, min_area=min_area)
        below = folder_of_images(folder, file.image_paths, folders=image_folders, origin=origin)
        if unannotated == "drop" or (unannotated == "drop_train" and split == "train"):
            file = file.only_annotated()
        files.append(file)
        paths += [f"{below}/{image}" if below else image for image in file.image_paths]
        splits += [split] * len(file.image_paths)
    if not paths:
        raise DataError("wanted images with annotations, got none; with data.unannotated keep all count", path=folder)
    labels = _labels(files)
    return Manifest(
        name,
        folder,
        np.array(paths, dtype=np.dtypes.StringDType()),
        labels if label_names is None else aligned(labels, label_names),
        np.array(splits),
    )


def _labels(files: list[CocoFile]) -> Labels:
    """Labels of all images, file after file."""
    first, *others = files
    for other in others:
        _check_same_categories(first, other)
    groups = frozenset.intersection(*(file.groups for file in files))
    if len(groups) == len(first.categories):
        groups = frozenset()
    kept = [identifier not in groups for identifier in first.categories]
    column = np.cumsum(kept) - 1
    starts = np.cumsum([0, *(len(file.image_paths) for file in files)])
    rows = np.concatenate([start + file.rows for start, file in zip(starts, files, strict=False)])
    columns = column[np.concatenate([file.columns for file in files])]
    names = tuple(name for identifier, name in first.categories.items() if identifier not in groups)
    shape = (int(starts[-1]), len(names))
    try:
        return Labels(names, csr_array((np.ones(len(rows), dtype=bool), (rows, columns)), shape=shape))
    except DataError as error:
        raise DataError(str(error), path=first.path) from None


def _check_same_categories(first: CocoFile, other: CocoFile) -> None:
    for identifier in dict.fromkeys([*first.categories, *other.categories]):
        wanted, came = (file.categories.get(identifier, "none") for file in (first, other))
        if wanted != came:
            what = f"{quoted(wanted)} at {quoted(identifier)}, got {quoted(came)}"
            raise DataError(f"wanted the categories of {first.path.name}, there {what}", path=other.path)
