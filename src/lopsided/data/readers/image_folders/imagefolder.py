"""Folders as Hugging Face lays them out: images, and a file of metadata for each split."""
# pyright: reportOptionalSubscript=false
# (SciPy has no type stubs, and pyright infers that the shape of a sparse array may be None.)

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array, vstack

from lopsided.data.cell_values import parse_split
from lopsided.data.images.files import check_each_once
from lopsided.data.labels import Labels
from lopsided.data.manifest import Manifest
from lopsided.data.readers.listing.reader import read_listing
from lopsided.data.readers.run_labels import aligned
from lopsided.data.split_names import USUAL_SPLITS
from lopsided.files.errors import DataError

_NAMES = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
_DEPTH = 2  # folders above a file of metadata, as in data/train


def read_imagefolder(
    folder: Path,
    *,
    label_names: Sequence[str] | None = None,
    separator: str | None = None,
    no_label: str | None = None,
    blank: str | None = None,
    uncertain: str | None = None,
    input_column: str | None = None,
    labels_column: str | None = None,
    label_columns: str | None = None,
    split_column: str | None = None,
    group_column: str | None = None,
    ignored_columns: str | None = None,
) -> Manifest:
    """Read images whose labels stand in ``metadata.csv``, ``metadata.jsonl`` or ``metadata.parquet``.

    Each such file is a listing, as ``read_listing`` reads it: its column ``file_name`` starts from its own folder, and
    ``labels`` or ``tags`` holds lists of names, or names that a separator joins.

    Args:
        folder: With one file in it, or one in each of ``train``, ``validation`` and ``test``, there or in ``data``.
        label_names: Names that are labels even where they never occur.
        separator, no_label, blank, uncertain, input_column, labels_column, label_columns, split_column, group_column,
            ignored_columns: Of each file, as of ``read_listing``.

    Returns:
        Images file after file. The folder of a file, or the outermost folder of all paths of the one file, is the split
        where it is called like one; otherwise a column ``split`` says it. A label that only another file names is
        negative where ``labels`` lists names, and unknown where labels have a column each or a file has no labels.

    Raises:
        DataError: There is no such file or several in a folder, one is malformed, or an image is there twice.

    Source: huggingface.co/docs/datasets/image_dataset, "ImageFolder".
    """
    try:
        files = _files(folder, _DEPTH)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path=error.filename or folder) from error
    if not files:
        raise DataError(
            f"expected {', '.join(_NAMES)} in it or in train, validation and test, got none; did you mean "
            f"listing:{folder} (a folder for each label)?",
            path=folder,
        )
    read = partial(
        read_listing,
        separator=separator,
        no_label=no_label,
        blank=blank,
        uncertain=uncertain,
        input_column=input_column,
        labels_column=labels_column,
        label_columns=label_columns,
        split_column=split_column,
        group_column=group_column,
        ignored_columns=ignored_columns,
    )
    names = _names(files, read, label_names)
    parts = [read(file, label_names=names) for file in files]
    starts = [file.parent.relative_to(folder).as_posix() for file in files]
    paths = [
        str(path) if at == "." else f"{at}/{path}"
        for at, part in zip(starts, parts, strict=True)
        for path in part.paths
    ]
    splits = [split for at, part in zip(starts, parts, strict=True) for split in _splits(at, part)]
    check_each_once(paths, splits, path=folder)
    return Manifest(
        folder.resolve().name,
        folder,
        np.array(paths, dtype=np.dtypes.StringDType()),
        parts[0].labels if len(parts) == 1 else _stacked([aligned(part.labels, names) for part in parts]),
        np.array(splits),
        notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
        groups=_groups(parts),
        columns=parts[0].columns,
    )


def _names(files: list[Path], read: Callable[..., Manifest], label_names: Sequence[str] | None) -> list[str]:
    """Names of the labels in all files; some of these may say nothing of labels, as those of a test split."""
    found, errors = set(label_names or ()), []
    for file in files:
        try:
            found.update(read(file, label_names=label_names).labels.names)
        except DataError as error:  # the same file is read again with the names that others have
            errors.append(error)
    if len(errors) == len(files):
        raise errors[0]
    return sorted(found)


def _files(folder: Path, depth: int) -> list[Path]:
    """Files of metadata in a folder, or, where it has none, in those below it."""
    there = [folder / name for name in _NAMES if (folder / name).is_file()]
    if len(there) > 1:
        came = " and ".join(path.name for path in there)
        raise DataError(f"expected one file of metadata, got {came}", path=folder)
    if there or depth == 0:
        return there
    with os.scandir(folder) as entries:
        inner = sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    return [file for name in inner for file in _files(folder / name, depth - 1)]


def _splits(start: str, part: Manifest) -> list[str]:
    """The splits of a file's images: by its folder, by the outermost folders of its paths, or as its column says."""
    said = part.splits.tolist()
    if set(said) != {"train"}:
        return said
    if (split := parse_split(start.rpartition("/")[2])) in USUAL_SPLITS:
        return [split] * len(said)
    outer = [path.partition("/")[0] if "/" in path else "" for path in map(str, part.paths)]
    splits = {name: parse_split(name) for name in set(outer) if name.strip()}
    usual = "" not in outer and set(splits.values()) <= set(USUAL_SPLITS)
    return [splits[name] for name in outer] if usual else said


def _stacked(parts: list[Labels]) -> Labels:
    """Labels of several files under each other; all have the same names."""
    positives = csr_array(vstack([part.positives for part in parts]), dtype=bool)
    if not any(part.num_unknown for part in parts):
        return Labels(parts[0].names, positives)
    unknown = csr_array(vstack([_unknown(part) for part in parts]), dtype=bool)
    return Labels(parts[0].names, positives, unknown)


def _unknown(labels: Labels) -> csr_array:
    mask = labels.dense(range(len(labels)))[1]
    return csr_array(labels.positives.shape, dtype=bool) if mask is None else csr_array(~mask)


def _groups(parts: list[Manifest]) -> np.ndarray | None:
    groups = [part.groups for part in parts]
    if any(each is None for each in groups):
        return None
    return np.array([str(group) for each in groups if each is not None for group in each])
