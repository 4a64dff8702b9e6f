"""Image files with their labels: a listing in a file, or a folder per label."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np

from lopsided.data.images.files import IMAGE_SUFFIXES, folder_of_images
from lopsided.data.manifest import Manifest
from lopsided.data.readers.columns.file import line_of_row, read_columns
from lopsided.data.readers.columns.hugging_face import holds_images, stored_images
from lopsided.data.readers.columns.labels import (
    groups_of_columns,
    labels_of_columns,
    listing_splits,
    text_column,
    weights_of_columns,
)
from lopsided.data.readers.columns.meaning import Meaning
from lopsided.data.readers.columns.roles import Roles, Said, listing_roles
from lopsided.data.readers.listing.folder import read_label_folders
from lopsided.data.readers.listing.paths import relative_paths
from lopsided.files.errors import DataError, RowError, quoted


def read_listing(
    file: str | Path,
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
    weight_column: str | None = None,
    ignored_columns: str | None = None,
    image_folder: str | None = None,
    suffix: str | None = None,
) -> Manifest:
    """Read the paths of images and their labels.

    Columns are recognised by names that people use, such as ``path``, ``filename`` or ``image_id``, ``labels``,
    ``tags`` or ``Finding Labels``, ``split`` or ``fold``, ``patient``; optional ``unknown`` has names of labels. Labels
    are names joined by ``|``, lists, lists written as text, or 0/1 columns ``label:NAME``, empty or ``?`` where
    unknown. Other columns do not matter. In a folder, each folder is a label, which all images below it have and no
    others; these folders may also lie in folders train, val and test. Parquet may hold the images themselves, and class
    numbers with their names, as Hugging Face's data sets are stored; such images are written to a folder of the cache.

    Args:
        file: CSV, TSV, Parquet or JSON (``.jsonl``, ``.ndjson``, ``.json``), or a folder.
        label_names: Names of labels; the file may say nothing of them, or never name some in ``labels``.
        separator, no_label, blank, uncertain: How cells of labels are read, see
            :class:`lopsided.data.readers.columns.meaning.Meaning`.
        input_column, labels_column, label_columns, split_column, group_column, weight_column, ignored_columns: Which
            columns these are, see :class:`lopsided.data.readers.columns.roles.Said`.
        image_folder: Where paths start, from the folder of the file on; by default that folder itself.
        suffix: What follows each path that does not end in it, such as ``.jpg``.

    Returns:
        All images in their order; those of a folder are sorted. Some of the files may be missing.

    Raises:
        DataError: The file is missing or no listing, a path occurs twice or leaves the folder, the run does not know
            a label, or no image is there at all.
    """
    file = Path(file)
    said = Said(input_column, labels_column, label_columns, split_column, group_column, ignored_columns, weight_column)
    meaning = Meaning(separator, no_label, blank, uncertain)
    try:
        if file.is_dir():
            given = vars(said) | vars(meaning) | {"image_folder": image_folder, "suffix": suffix}
            for name, value in given.items():
                if value is not None and label_names is None:  # options of a run may be meant for other files
                    raise DataError(f"expected no data.{name} with a folder, got {value!r}", path=file)
            return read_label_folders(file, label_names=label_names)
        if not file.is_file():
            raise DataError("expected a listing or a folder of images, got nothing of that name", path=file)
        root = file.parent if image_folder is None else file.parent / Path(image_folder).expanduser()
        if not root.is_dir():
            raise DataError(f"expected data.image_folder to be a folder, got none: {quoted(image_folder)}", path=root)
        return _read_file(file, root, said, meaning, suffix or "", label_names)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path=file) from error


def _read_file(
    file: Path, root: Path, said: Said, meaning: Meaning, suffix: str, label_names: Sequence[str] | None
) -> Manifest:
    def roles_of(names: Sequence[str]) -> Roles:
        return listing_roles(names, said, needs_labels=label_names is None)

    content, roles = read_columns(file, roles_of, separator=meaning.separator)
    assert roles.input is not None
    try:
        if not content.num_rows:
            raise ValueError("expected rows, got none")
        if holds_images(content.column(roles.input)):
            if suffix or root != file.parent:
                raise ValueError("expected no data.suffix and no data.image_folder where the file holds the images")
            root, paths = stored_images(content.column(roles.input), file)
        else:
            paths = relative_paths(text_column(content, roles.input), root)
        if suffix:
            ends = np.strings.endswith(np.strings.lower(paths), suffix.lower())
            paths = np.where(ends, paths, np.strings.add(paths, suffix)).astype(paths.dtype)
        labels, notes = labels_of_columns(content, roles, label_names=label_names, meaning=meaning)
        splits = listing_splits(content, roles.split, folds=roles.folds)
        groups, weights = groups_of_columns(content, roles.group), weights_of_columns(content, roles.weight)
    except RowError as error:
        line = line_of_row(file, error.row)
        raise DataError(str(error) if line is None else error.message, path=file, line=line) from None
    except ValueError as error:
        raise DataError(str(error), path=file) from None
    # An array of texts serves as a sequence; a list of them would be large.
    origin = "from the folder of the listing on, or from that of --data.image_folder"
    if not any(str(path).lower().endswith(IMAGE_SUFFIXES) for path in paths[:64]):
        origin += "; names without an ending want --data.suffix .jpg"
    folder_of_images(root, cast(Sequence[str], paths), folders=("",), origin=origin)
    return Manifest(
        file.stem,
        root,
        paths,
        labels,
        splits,
        notes=notes,
        groups=groups,
        weights=weights,
        columns=roles.named(content.column_names) | meaning.described(),
    )
