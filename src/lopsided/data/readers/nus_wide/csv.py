"""NUS-WIDE in the one CSV file that the authors of the asymmetric loss published."""

import re
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from lopsided.data.images.files import folder_of_images
from lopsided.data.labels import Labels
from lopsided.data.manifest import Manifest
from lopsided.data.readers.columns.file import text_table
from lopsided.data.readers.columns.labels import listing_splits, text_column
from lopsided.data.readers.listing.paths import relative_paths
from lopsided.files.csv_file import read_csv_file
from lopsided.files.errors import DataError, quoted

_COLUMNS = ("filepath", "label", "split_name")
_NAME = re.compile(r"'[^'\\]*'|\"[^\"\\]*\"")
_LIST = re.compile(rf"\s*\[\s*(?:(?:{_NAME.pattern})\s*(?:,\s*(?:{_NAME.pattern})\s*)*,?\s*)?\]\s*")


def read_nus_wide_csv(path: Path) -> Manifest:
    """Read the columns ``filepath``, ``label`` and ``split_name`` of ``nus_wid_data.csv``.

    Args:
        path: The file; paths in it start from its folder, and a label is a text such as ``['clouds', 'sky']``.

    Returns:
        All images in the splits of the file, train and val; labels are sorted by name.

    Raises:
        DataError: The file is no such table, or no image is there at all.
    """
    file = read_csv_file(path)
    content = text_table(file, [i for i, name in enumerate(file.names) if name in _COLUMNS])
    for name in _COLUMNS:
        if content.column_names.count(name) != 1:
            raise DataError(
                f"expected the columns {', '.join(_COLUMNS)}, got {quoted(', '.join(content.column_names))}", path=path
            )
    if not content.num_rows:
        raise DataError("expected rows, got none", path=path)
    path_column, label, split = (content.column_names.index(name) for name in _COLUMNS)
    try:
        paths = relative_paths(text_column(content, path_column), path.parent)
        labels = _labels(text_column(content, label).to_pylist())
        splits = listing_splits(content, split)
    except ValueError as error:
        raise DataError(str(error), path=path) from None
    folder_of_images(path.parent, paths.tolist(), folders=("",), origin="of NUS-WIDE, from the folder of the list on")
    return Manifest("nus-wide", path.parent, paths, labels, splits)


def _labels(cells: list[str]) -> Labels:
    lists: dict[str, list[str]] = {}
    for row, cell in enumerate(cells):
        if cell in lists:
            continue
        if not _LIST.fullmatch(cell):
            raise ValueError(f"expected labels such as ['clouds', 'sky'], got {quoted(cell)} in row {row} (from 0)")
        lists[cell] = [name[1:-1].strip() for name in _NAME.findall(cell)]
    names = sorted({name for found in lists.values() for name in found})
    column = {name: i for i, name in enumerate(names)}
    columns = np.array([column[name] for cell in cells for name in lists[cell]], dtype=np.int32)
    rows = np.repeat(np.arange(len(cells)), [len(lists[cell]) for cell in cells])
    positives = csr_array((np.ones(len(rows), dtype=bool), (rows, columns)), shape=(len(cells), len(names)))
    return Labels(tuple(names), positives)
