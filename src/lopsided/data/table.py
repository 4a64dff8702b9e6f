"""Features and labels of many samples, and the splits they belong to."""
# pyright: reportOptionalSubscript=false
# (SciPy has no type stubs, and pyright infers that the shape of a sparse array may be None.)

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from lopsided.data.labels import Labels
from lopsided.data.splits import check_splits, check_truth, ordered_split_names, rows_of_split
from lopsided.files.errors import DataError, quoted

_COLUMNS = 16  # looked at together
_SHARE = 1e-5  # of the standard deviation, which float32 may change
_LARGEST = np.finfo(np.float32).max
_WHOLE = 2**24  # from here on float32 does not tell whole numbers apart


@dataclass(frozen=True, eq=False)
class Table:
    """A data set that fits in memory.

    Args:
        name: What to call it in reports.
        features: Shape (samples, ...); float32, float64 where that would round too much, or uint8 for images (samples,
            channels, height, width) in 0..255; or a ``csr_array`` of float32, shape (samples, features). No nan, no
            infinity, also as float32.
        labels: Labels of the same samples.
        splits: Text, shape (samples,): ``train``, ``val``, ``test`` or another name.
        truth: Complete labels, where some of ``labels`` were hidden on purpose.
        feature_names: One per feature, or none.
        notes: What its reader left out, or read otherwise than it stands there; a line each.

    Raises:
        DataError: Lengths or types disagree, or a feature is not finite.

    Example:
        >>> labels = Labels(("cat",), csr_array(np.array([[True], [False], [True]])))
        >>> table = Table("pets", np.zeros((3, 4), np.float32), labels, np.array(["train", "test", "train"]))
        >>> table.split_names, table.rows("train").tolist()
        (('train', 'test'), [0, 2])
    """

    name: str
    features: np.ndarray | csr_array
    labels: Labels
    splits: np.ndarray
    truth: Labels | None = None
    feature_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_features(self.features, self.feature_names)
        samples = self.features.shape[0]
        if len(self.labels) != samples:
            raise DataError(f"expected labels to be as many as the samples ({samples}), got {len(self.labels)}")
        check_splits(self.splits, samples=samples)
        if self.truth is not None:
            check_truth(self.truth, self.labels)

    def __len__(self) -> int:
        return self.features.shape[0]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one sample's features."""
        return tuple(self.features.shape[1:])

    @property
    def split_names(self) -> tuple[str, ...]:
        """Splits that hold a sample: train, val, test, then others by name."""
        return ordered_split_names(self.splits)

    def rows(self, split: str) -> np.ndarray:
        """Samples of one split.

        Args:
            split: One of ``split_names``.

        Returns:
            Sample numbers from 0, ascending, int64.

        Raises:
            DataError: There is no such split.
        """
        return rows_of_split(self.splits, split, name=self.name)


def float32_features(numbers: np.ndarray) -> np.ndarray:
    """Numbers as the float32 that a table holds.

    Args:
        numbers: Any bool, integer or float array.

    Returns:
        float32 of the same shape; what is too large becomes infinite, which ``Table`` refuses.
    """
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(numbers, dtype=np.float32)


def exact_features(numbers: np.ndarray) -> np.ndarray:
    """Numbers as a table holds them: float32, or float64 where that tells apart what float32 does not.

    Float32 has 24 bits: Unix times a few seconds apart become one number. What is kept as float64 is brought to one
    scale as such, before a network sees it.

    Args:
        numbers: Any bool, integer or float array, shape (samples, ...).

    Returns:
        Of the same shape; what is too large for float32 becomes infinite, which ``Table`` refuses.

    Example:
        >>> exact_features(np.array([[1732752000], [1732752007]])).dtype, exact_features(np.array([[0.1], [1.5]])).dtype
        (dtype('float64'), dtype('float32'))
    """
    single = float32_features(numbers)
    if numbers.ndim < 2 or numbers.dtype.kind == "b" or numbers.dtype == np.float32 or numbers.dtype.itemsize < 4:
        return single
    for start in range(0, numbers.shape[1], _COLUMNS):
        columns = slice(start, start + _COLUMNS)
        if _rounds_too_much(numbers[:, columns].astype(np.float64), single[:, columns]):
            return np.ascontiguousarray(numbers, dtype=np.float64)
    return single


def _rounds_too_much(numbers: np.ndarray, single: np.ndarray) -> bool:
    """Whether float32 changes a large number, or a feature by more than a little of its standard deviation."""
    if not np.isfinite(single).all():
        return False
    error = np.abs(single - numbers)
    if (error[np.abs(numbers) >= _WHOLE] > 0).any():
        return True
    varies = numbers.max(axis=0, initial=-np.inf) > numbers.min(axis=0, initial=np.inf)
    rounded = np.sqrt(np.square(error).mean(axis=0)) > _SHARE * numbers.std(axis=0)
    return bool((rounded & (varies | (len(numbers) == 1))).any())


def _check_features(features: np.ndarray | csr_array, names: tuple[str, ...]) -> None:
    if isinstance(features, csr_array):
        wanted = features.ndim == 2 and features.dtype == np.float32
    else:
        image = features.ndim == 4 and features.dtype == np.uint8
        wanted = image or (features.ndim >= 2 and features.dtype in (np.float32, np.float64))
    if not wanted:
        raise DataError(
            "expected features to be float32 or float64 (samples, ...), a csr_array of float32, or uint8 images "
            f"(samples, channels, height, width), got {features.dtype} with {features.ndim} dimensions"
        )
    shape: tuple[int, ...] = features.shape  # pyright: ignore[reportAssignmentType]
    if 0 in shape:
        raise DataError(f"expected at least one sample and one feature, got features of shape {shape}")
    if names and (features.ndim != 2 or len(names) != shape[1]):
        raise DataError(f"expected feature_names to be one per feature, got {len(names)} for features of shape {shape}")
    _check_finite(features, names)


def _check_finite(features: np.ndarray | csr_array, names: tuple[str, ...]) -> None:
    values = features.data if isinstance(features, csr_array) else features
    if values.dtype == np.uint8:
        return
    finite = np.isfinite(values) & (np.abs(values) <= _LARGEST)
    if finite.all():
        return
    first = tuple(np.argwhere(~finite)[0].tolist())
    if isinstance(features, csr_array):
        row = int(np.searchsorted(features.indptr, first[0], side="right")) - 1
        place = (row, int(features.indices[first[0]]))
    else:
        place = first
    column = quoted(names[place[1]]) if names else ", ".join(map(str, place[1:]))
    raise DataError(
        f"expected features to be finite float32 numbers, got {values[first]} in row {place[0]} (from 0), "
        f"column {column}"
    )
