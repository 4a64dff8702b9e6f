"""Data as a file that the readers of listings and tables read back."""
# pyright: reportOptionalSubscript=false
# (SciPy has no type stubs, and pyright infers that the shape of a sparse array may be None.)

import io
from collections import Counter
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from lopsided.data.labels import Labels
from lopsided.data.manifest import Manifest
from lopsided.data.readers.columns.joined import can_be_joined, check_joined
from lopsided.data.readers.columns.roles import LABEL_PREFIX, is_of_pandas
from lopsided.data.readers.table.npz_labels import arrays_of_labels
from lopsided.data.table import Table
from lopsided.files.csv_file import csv_text
from lopsided.files.errors import DataError, quoted
from lopsided.files.whole import whole

_ROLES = ("labels", "split", "unknown")  # of a CSV file's columns, which no feature can be called


def write_data(data: Table | Manifest, out: Path) -> None:
    """Write a listing of images as CSV, or a table of features as NPZ or, where they have names, CSV.

    Labels that are all known are joined by ``|`` in one column; else, and where a reader would take names for others,
    as where one holds such a bar, each has a column ``label:NAME``, empty where unknown. What is in the file is what is
    read from it.

    Args:
        data: The data.
        out: The file, whole or absent: .csv for images, in the folder of the images or one above it; .npz or .csv for
            tables.

    Raises:
        DataError: The ending is another, the data cannot be said in such a file, or the images lie elsewhere.
    """
    wanted = _ending(data)
    if out.suffix.lower() != wanted:
        raise DataError(f"expected a name that ends in {wanted}, got {quoted(out.name)}")
    if isinstance(data, Manifest):
        content = _csv(data, {"path": _paths_from(data, out.parent)})
    elif wanted == ".csv":
        features = data.features.toarray() if isinstance(data.features, csr_array) else data.features
        digits = 17 if features.dtype == np.float64 else 9  # as many as it takes to read the same number
        columns = zip(data.feature_names, features.T, strict=True)
        content = _csv(data, {name: [f"{value:.{digits}g}" for value in column.tolist()] for name, column in columns})
    else:
        content = _npz(data)
    out.parent.mkdir(parents=True, exist_ok=True)
    with whole(out) as part:
        part.write_bytes(content)


def _ending(data: Table | Manifest) -> str:
    if isinstance(data, Manifest):
        return ".csv"
    return ".csv" if data.feature_names and not any(map(_is_taken, data.feature_names)) else ".npz"


def _is_taken(name: str) -> bool:
    """Whether a reader would take a feature of that name for something else."""
    return name.lower() in _ROLES or name.lower().startswith(LABEL_PREFIX) or is_of_pandas(name) or not name.strip()


def _paths_from(manifest: Manifest, folder: Path) -> list[str]:
    """Paths from the folder of a listing on, which must be that of the images or above it."""
    root, folder = manifest.root.resolve(), folder.resolve()
    if not root.is_relative_to(folder):
        raise DataError(
            f"expected a listing in {manifest.root} or a folder above it, where its paths start, got {folder}"
        )
    start = root.relative_to(folder).as_posix()
    return [str(path) if start == "." else f"{start}/{path}" for path in manifest.paths]


def _csv(data: Table | Manifest, columns: dict[str, list[str]]) -> bytes:
    names, joined = data.labels.names, _joined(data.labels)
    rows = [[*columns, "split", *([f"{LABEL_PREFIX}{name}" for name in names] if joined is None else ["labels"])]]
    for row, cells in enumerate(zip(*columns.values(), strict=True)):
        if joined is not None:
            labels = [joined[row]]
        else:
            targets, mask = data.labels.dense([row])
            known = np.ones(len(names), dtype=bool) if mask is None else mask[0]
            labels = [str(int(is_there)) if k else "" for is_there, k in zip(targets[0], known, strict=True)]
        rows.append([*cells, str(data.splits[row]), *labels])
    return csv_text(rows).encode()


def _joined(labels: Labels) -> list[str] | None:
    """The positive labels of each sample in one text, where these are read as they were; else None.

    Names that stand in no cell would be lost: labels without a positive. So would what is not known.
    """
    if labels.num_unknown or not can_be_joined(labels.names) or not (labels.positives_per_label() > 0).all():
        return None
    positives = labels.positives
    rows = np.split(positives.indices, positives.indptr[1:-1])
    cells = ["|".join(labels.names[k] for k in sorted(columns)) for columns in rows]
    try:
        check_joined(Counter(filter(None, cells)), column="labels", separator=None)
    except ValueError:
        return None
    return cells


def _npz(table: Table) -> bytes:
    features = table.features.toarray() if isinstance(table.features, csr_array) else table.features
    arrays = {"features": features, "split": table.splits, **arrays_of_labels(table.labels)}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # pyright: ignore[reportArgumentType]
    return buffer.getvalue()
