"""MS-COCO, and other data sets in its format, as images with labels."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
from scipy.sparse import csr_array, vstack

from lopsided.data.images.files import check_each_once, folder_of_images
from lopsided.data.labels import Labels, true_in
from lopsided.data.manifest import Manifest
from lopsided.data.options import Unannotated
from lopsided.data.readers.coco.file import CocoFile, read_coco_file
from lopsided.data.readers.coco.layout import find_annotations
from lopsided.data.split_names import USUAL_SPLITS
from lopsided.files.errors import DataError, quoted


def read_coco(
    folder: Path,
    *,
    year: int | None = None,
    unannotated: Unannotated = "drop_train",
    crowd: bool = True,
    min_area: float = 0.0,
    label_names: Sequence[str] = (),
) -> Manifest:
    """Read MS-COCO 2014 or 2017, or other data in that format; an image has the labels of its annotations.

    Categories of several files are the same where their names are equal. An image with several identifiers is one
    sample with the annotations of all of them; an image in two files, such as train and val, is refused.

    Args:
        folder: With ``instances_train2014.json``, ``instances_val2014.json`` (papers report ``val``) or one of them,
            also in ``annotations`` or ``annotations_trainval2014/annotations``; else with ``instances*.json`` there,
            named after their splits (a single one is ``train``); else with one JSON file in each of ``train``,
            ``valid`` and ``test``; else with other JSON files, named likewise. Images are in ``train2014``,
            ``images/train2014``, ``train``, ``images``, ``data``, ``folder`` itself or beside the JSON file.
        year: 2014 or 2017, where both are there.
        unannotated: Images without any annotation, not even a crowd or a small one: ``drop_train`` leaves
            82,081 of 82,783 training images of 2014, ``drop`` also 40,137 of 40,504 for validation, ``keep`` all.
        crowd: Whether annotations of groups of objects count.
        min_area: Annotations of smaller areas do not count, square pixels of the original image.
        label_names: Names that are labels even where a file uses them only to group others.

    Returns:
        Labels in the order of their identifiers, those of the train file first, without categories that only group
        others. A label that a file does not list is unknown in its images.

    Raises:
        DataError: A file is missing, of another kind or contradicts itself, or all images are missing.
    """
    if unannotated not in get_args(Unannotated):
        raise DataError(f"expected unannotated to be one of {', '.join(get_args(Unannotated))}, got {unannotated!r}")
    if not 0 <= min_area < float("inf"):
        raise DataError(f"expected min_area to be at least 0, got {min_area}")
    name, found = find_annotations(folder, year=year)
    files, paths, splits, notes = [], [], [], []
    for path, split, image_folders, origin in found:
        file = read_coco_file(path, crowd=crowd, min_area=min_area)
        below = folder_of_images(folder, file.image_paths, folders=image_folders, origin=origin)
        if unannotated == "drop" or (unannotated == "drop_train" and split == "train"):
            whole, file = file, file.only_annotated()
            if left_out := len(whole.image_paths) - len(file.image_paths):
                notes.append(
                    f"{left_out} of {len(whole.image_paths)} {split} images have no annotation and are left out "
                    "(--data.unannotated keep: they count as images without any label)"
                )
        files.append(file)
        paths += [f"{below}/{image}" if below else image for image in file.image_paths]
        splits += [split] * len(file.image_paths)
    if not paths:
        raise DataError("expected images with annotations, got none; with data.unannotated keep all count", path=folder)
    check_each_once(paths, splits, path=folder)
    by_split = sorted(range(len(found)), key=lambda i: USUAL_SPLITS.index(found[i].split))
    labels = _labels(folder, files, by_split, label_names)
    return Manifest(
        name,
        folder,
        np.array(paths, dtype=np.dtypes.StringDType()),
        labels,
        np.array(splits),
        notes=tuple(notes),
    )


def _labels(folder: Path, files: list[CocoFile], by_split: list[int], label_names: Sequence[str]) -> Labels:
    """Labels of all images, file after file: categories, by name, are unknown where a file does not list them."""
    labels = {name for each in files for identifier, name in each.categories.items() if identifier not in each.groups}
    name_of = [_names_of_categories(file, labels.union(label_names)) for file in files]
    in_order = [name_of[i] for i in by_split]
    _check_common(folder, [files[i] for i in by_split], in_order)
    column = {name: i for i, name in enumerate(dict.fromkeys(name for each in in_order for name in each.values()))}
    starts = np.cumsum([0, *(len(file.image_paths) for file in files)])
    rows, columns, absent = [], [], []
    for file, names, start in zip(files, name_of, starts, strict=False):
        column_of = np.array([column[names[i]] if i in names else -1 for i in file.categories])
        rows.append(start + file.rows)
        columns.append(column_of[file.columns])
        shape = (len(file.image_paths), len(column))
        absent.append(true_in(range(shape[0]), np.setdiff1d(np.arange(shape[1]), column_of), shape=shape))
    places = (np.concatenate(rows), np.concatenate(columns))
    positives = csr_array((np.ones(len(places[0]), dtype=bool), places), shape=(int(starts[-1]), len(column)))
    unknown = csr_array(vstack(absent))
    try:
        return Labels(tuple(column), positives, unknown if unknown.nnz else None)
    except DataError as error:
        raise DataError(str(error), path=files[0].path) from None


def _names_of_categories(file: CocoFile, labels: set[str]) -> dict[Any, str]:
    """Names of a file's categories by identifier, without those that only group others in every file."""
    kept = {identifier: name for identifier, name in file.categories.items() if name in labels or not labels}
    used: dict[str, Any] = {}
    for identifier, name in kept.items():
        if identifier not in file.groups and used.setdefault(name, identifier) != identifier:
            raise DataError(
                f"expected label names to be distinct, got {quoted(name)} twice, as the name of the categories "
                f"{quoted(used[name])} and {quoted(identifier)}",
                path=file.path,
            )
    return kept


def _check_common(folder: Path, files: list[CocoFile], name_of: list[dict[Any, str]]) -> None:
    (first, *others), (known, *others_names) = files, [set(names.values()) for names in name_of]
    for file, names in zip(others, others_names, strict=True):
        if not known & names:
            wanted, came = (quoted(min(each, default="none")) for each in (known, names))
            raise DataError(
                f"expected categories of {first.path.relative_to(folder)}, such as {wanted}, got only others, "
                f"such as {came}",
                path=file.path,
            )
