"""Image files with their labels: a listing in a file, or a folder per label."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from lopsided.data.images.files import folder_of_images
from lopsided.data.manifest import Manifest
from lopsided.data.readers.columns.file import line_of_row, read_columns
from lopsided.data.readers.columns.labels import labels_of_columns, listing_roles, listing_splits, text_column
from lopsided.data.readers.listing.folder import read_label_folders
from lopsided.data.readers.listing.paths import relative_paths
from lopsided.files.errors import DataError, RowError


def read_listing(
    file: str | Path, *, label_names: Sequence[str] | None = None, separator: str | None = None
) -> Manifest:
    """Read the paths of images and their labels.

    Columns are ``path`` (or ``image``, ``filename``, ``file_name``, ``filepath``), relative to the folder of the file;
    ``labels`` (or ``tags``), names joined by ``|`` or a list, or 0/1 columns ``label:NAME``, empty or ``?`` where
    unknown; optional ``split`` (train, val, test; without it all is train) and ``unknown`` (names of labels). Others
    do not matter. In a folder, each folder is a label, which all images below it have and no others; these folders may
    also lie in folders train, val and test.

    Args:
        file: CSV, TSV, Parquet or JSON lines (``.jsonl``, ``.ndjson``, ``.json``), or a folder.
        label_names: Names of labels; the file may say nothing of them, or never name some in ``labels``.
        separator: What joins the names in a cell of ``labels`` and ``unknown``; None for a bar, in which case cells
            that something else seems to join are refused.

    Returns:
        All images in their order; those of a folder are sorted. Some of the files may be missing.

    Raises:
        DataError: The file is missing or no listing, a path occurs twice or leaves the folder, the run does not know
            a label, or no image is there at all.
    """
    file = Path(file)
    try:
        if file.is_dir():
            if separator is not None and label_names is None:  # the separator of a run may be meant for other files
                raise DataError(f"expected no data.separator with a folder, got {separator!r}", path=file)
            return read_label_folders(file, label_names=label_names)
        if not file.is_file():
            raise DataError("expected a listing or a folder of images, got nothing of that name", path=file)
        return _read_file(file, label_names, separator)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path=file) from error


def _read_file(file: Path, label_names: Sequence[str] | None, separator: str | None) -> Manifest:
    content = read_columns(file, separator=separator)
    try:
        path, roles = listing_roles(content.column_names, needs_labels=label_names is None)
        if not content.num_rows:
            raise ValueError("expected rows, got none")
        paths = relative_paths(text_column(content, path), file.parent)
        labels, notes = labels_of_columns(content, roles, label_names=label_names, separator=separator)
        splits = listing_splits(content, roles.split)
    except RowError as error:
        line = line_of_row(file, error.row)
        raise DataError(str(error) if line is None else error.message, path=file, line=line) from None
    except ValueError as error:
        raise DataError(str(error), path=file) from None
    # An array of texts serves as a sequence; a list of them would be large.
    folder_of_images(file.parent, cast(Sequence[str], paths), folders=("",), origin="from the folder of the listing on")
    return Manifest(file.stem, file.parent, paths, labels, splits, notes=notes)
