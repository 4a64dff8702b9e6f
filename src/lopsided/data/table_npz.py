"""Tables in NumPy's NPZ files."""

import difflib
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from lopsided.data.cells import parse_split
from lopsided.data.errors import DataError, quoted
from lopsided.data.labels import Labels
from lopsided.data.memory import check_memory
from lopsided.data.run_labels import aligned, check_known, unlabelled
from lopsided.data.table import Table, float32_features

_ARRAYS = ("features", "labels", "label_names", "split", "mask")


def read_npz(path: Path, *, label_names: Sequence[str] | None = None) -> Table:
    """Read a table from NPZ; the arrays mean what ``read_table`` says. Pickled objects are never loaded.

    Args:
        path: The file.
        label_names: Labels of a run, if it is to be applied to the table.

    Returns:
        All rows in their order; images stay uint8.

    Raises:
        DataError: The file is no such table.
    """
    arrays = _read_arrays(path)
    try:
        return _table(path.stem, arrays, label_names)
    except ValueError as error:
        raise DataError(str(error), path=path) from None


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        # Opened here, because numpy leaves a damaged file open.
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            if isinstance(archive, np.ndarray):
                raise ValueError("one array in NPY")
            with archive:
                _check_size(archive.zip, path)
                arrays = {name: archive[name] for name in archive.files}
        if strange := next((name for name, array in arrays.items() if not isinstance(array, np.ndarray)), None):
            raise ValueError(f"{quoted(strange)}, which is no array")
        return arrays
    except DataError:
        raise
    except Exception as error:  # a damaged archive may fail anywhere; an array of objects is a ValueError
        raise DataError(f"wanted arrays in NPZ, got {quoted(str(error) or type(error).__name__)}", path=path) from None


def _check_size(archive: zipfile.ZipFile, path: Path) -> None:
    """Refuse what unpacks to more than there is memory, of which a small file is enough."""
    check_memory(sum(entry.file_size for entry in archive.infolist()), what="arrays", path=path)


def _table(name: str, arrays: dict[str, np.ndarray], label_names: Sequence[str] | None) -> Table:
    for came in arrays:
        if came not in _ARRAYS:
            near = difflib.get_close_matches(came, _ARRAYS, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ValueError(f"wanted only the arrays {', '.join(_ARRAYS)}, got {quoted(came)}{hint}")
    for wanted in ("features", "labels") if label_names is None else ("features",):
        if wanted not in arrays:
            raise ValueError(f"wanted an array {wanted!r}, got {', '.join(arrays) or 'no array'}")
    features = arrays["features"]
    if features.dtype.kind not in "buif" or features.ndim < 2:
        came = f"{features.dtype} with {features.ndim} dimensions"
        raise ValueError(f"features must be numbers of shape (samples, ...), got {came}")
    is_image = features.dtype == np.uint8 and features.ndim == 4
    return Table(
        name=name,
        features=features if is_image else float32_features(features),
        labels=_labels(arrays) if label_names is None else _labels_of_run(arrays, label_names),
        splits=_splits(arrays["split"]) if "split" in arrays else np.full(len(features), "train"),
    )


def _labels(arrays: dict[str, np.ndarray]) -> Labels:
    labels, mask, names = arrays["labels"], arrays.get("mask"), arrays.get("label_names")
    if labels.ndim != 2 or labels.dtype.kind not in "buif":
        raise ValueError(f"labels must be 0 and 1, shape (samples, labels), got {labels.dtype} of shape {labels.shape}")
    if mask is None:
        mask = np.ones(labels.shape, dtype=bool)
    if mask.shape != labels.shape or mask.dtype != bool:
        raise ValueError(f"mask must be bool of the shape of labels {labels.shape}, got {mask.dtype} of {mask.shape}")
    wrong = mask & (labels != 0) & (labels != 1)
    if wrong.any():
        row, column = np.argwhere(wrong)[0].tolist()
        raise ValueError(
            f"known labels must be 0 or 1, got {labels[row, column]} in row {row}, column {column} (from 0)"
        )
    if names is None:
        names = np.array([f"label {i}" for i in range(labels.shape[1])])
    if names.dtype.kind != "U" or names.shape != labels.shape[1:]:
        raise ValueError(f"label_names must be {labels.shape[1]} texts, got {names.dtype} of shape {names.shape}")
    unknown = None if mask.all() else csr_array(~mask)
    return Labels(tuple(names.tolist()), csr_array(mask & (labels == 1)), unknown)


def _labels_of_run(arrays: dict[str, np.ndarray], label_names: Sequence[str]) -> Labels:
    if "labels" in arrays:
        return aligned(_labels(arrays), label_names)
    if "label_names" in arrays:
        check_known([str(name) for name in arrays["label_names"].ravel()], label_names)
    return unlabelled(label_names, samples=len(arrays["features"]))


def _splits(split: np.ndarray) -> np.ndarray:
    if split.dtype.kind != "U" or split.ndim != 1:
        raise ValueError(f"split must be texts, shape (samples,), got {split.dtype} of shape {split.shape}")
    names, position = np.unique(split, return_inverse=True)
    return np.array([parse_split(name) for name in names.tolist()])[position]
