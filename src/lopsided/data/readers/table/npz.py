"""Tables in NumPy's NPZ files."""

import zipfile
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from lopsided.data.cell_values import parse_split_cell
from lopsided.data.labels import Labels
from lopsided.data.readers.run_labels import unlabelled
from lopsided.data.readers.table.npz_features import FEATURE_ARRAYS, features_of_arrays, has_features
from lopsided.data.readers.table.npz_labels import LABEL_ARRAYS, has_labels, labels_of_arrays
from lopsided.data.table import Table
from lopsided.files.errors import DataError, did_you_mean, quoted
from lopsided.files.memory import check_memory

_ARRAYS = (*FEATURE_ARRAYS, "label_names", "split", "group", "weight", *LABEL_ARRAYS)


def read_npz(path: Path, *, label_names: Sequence[str] | None = None) -> Table:
    """Read a table from NPZ; the arrays mean what ``read_table`` says. Pickled objects are never loaded.

    Args:
        path: The file.
        label_names: Names of labels; if given, the file may say nothing of labels.

    Returns:
        All rows in their order; images stay uint8.

    Raises:
        DataError: The file is no such table.
    """
    arrays = read_arrays(path)
    try:
        return _table(path.stem, arrays, label_names)
    except ValueError as error:
        raise DataError(str(error), path=path) from None


def read_arrays(path: Path, *, besides: Collection[str] = ()) -> dict[str, np.ndarray]:
    """All arrays of an NPZ file, no pickled objects among them.

    Args:
        path: The file.
        besides: Names of arrays that are left out.

    Raises:
        DataError: The file is damaged, no NPZ, or unpacks to more than the memory holds.
    """
    try:
        # Opened here, because numpy leaves a damaged file open.
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            if isinstance(archive, np.ndarray):
                raise ValueError("one array in NPY")
            with archive:
                left_out = {f"{name}.npy" for name in besides}
                _check_size([entry for entry in archive.zip.infolist() if entry.filename not in left_out], path)
                arrays = {name: archive[name] for name in archive.files if name not in besides}
        if strange := next((name for name, array in arrays.items() if not isinstance(array, np.ndarray)), None):
            raise ValueError(f"{quoted(strange)}, which is no array")
        return arrays
    except DataError:
        raise
    except Exception as error:  # a damaged archive may fail anywhere; an array of objects is a ValueError
        raise DataError(
            f"expected arrays in NPZ, got {quoted(str(error) or type(error).__name__)}", path=path
        ) from None


def _check_size(entries: list[zipfile.ZipInfo], path: Path) -> None:
    """Refuse what unpacks to more than the memory holds, as even a small file can."""
    check_memory(sum(entry.file_size for entry in entries), what="arrays", path=path)


def _table(name: str, arrays: dict[str, np.ndarray], label_names: Sequence[str] | None) -> Table:
    for came in arrays:
        if came not in _ARRAYS:
            hint = did_you_mean(came, _ARRAYS)
            raise ValueError(f"expected only the arrays {', '.join(_ARRAYS)}, got {quoted(came)}{hint}")
    for wanted, there in (
        ("features", has_features(arrays)),
        ("labels", has_labels(arrays) or label_names is not None),
    ):
        if not there:
            raise ValueError(f"expected an array {wanted!r}, got {', '.join(arrays) or 'no array'}")
    features = features_of_arrays(arrays)
    samples: int = features.shape[0]  # pyright: ignore[reportOptionalSubscript]
    return Table(
        name=name,
        features=features,
        labels=_labels(arrays, label_names, samples=samples),
        splits=splits_of_array(arrays["split"]) if "split" in arrays else np.full(samples, "train"),
        stays_sparse=isinstance(features, csr_array),
        groups=_groups(arrays["group"]) if "group" in arrays else None,
        weights=arrays["weight"].astype(np.float32) if "weight" in arrays else None,
    )


def _labels(arrays: dict[str, np.ndarray], label_names: Sequence[str] | None, *, samples: int) -> Labels:
    if has_labels(arrays):
        return labels_of_arrays(arrays, samples=samples)
    assert label_names is not None  # otherwise missing labels were refused
    names = [str(name) for name in arrays["label_names"].ravel()] if "label_names" in arrays else label_names
    return unlabelled(names, samples=samples)


def splits_of_array(split: np.ndarray) -> np.ndarray:
    """The split of each sample, by its usual name."""
    if split.dtype.kind != "U" or split.ndim != 1:
        raise ValueError(f"expected split to be texts, shape (samples,), got {split.dtype} of shape {split.shape}")
    names, position = np.unique(split, return_inverse=True)
    return np.array([parse_split_cell(name) for name in names.tolist()])[position]


def _groups(group: np.ndarray) -> np.ndarray:
    if group.dtype.kind not in "Ui" or group.ndim != 1:
        raise ValueError(
            f"expected group to be texts or integers, shape (samples,), got {group.dtype} of shape {group.shape}"
        )
    if group.dtype.kind == "U" and not np.char.strip(group).astype(bool).all():
        raise ValueError("expected a group for each sample, got an empty text in group")
    return group if group.dtype.kind == "U" else group.astype(np.int64)
