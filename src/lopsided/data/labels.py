"""Labels of many samples: which are positive, and which nobody knows."""
# pyright: reportOptionalSubscript=false
# (SciPy has no type stubs, and pyright infers that the shape of a sparse array may be None.)

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from lopsided.data.errors import DataError, quoted

_RANDOM_STREAM = 101  # of a seed, apart from the streams of other draws


@dataclass(frozen=True, eq=False)
class Labels:
    """Which of the labels each sample has; everything neither positive nor unknown is negative.

    Args:
        names: One name per label, distinct, not empty.
        positives: Sparse bool, shape (samples, labels), True where the sample has the label.
        unknown: Sparse bool of the same shape, True where the truth is not known; None where all is known.

    Raises:
        DataError: Names are missing or repeated, shapes or types disagree, an element is both positive and unknown.

    Example:
        >>> labels = Labels(("cat", "dog"), csr_array(np.array([[True, False], [True, True]])))
        >>> len(labels), labels.dense([1])[0].tolist()
        (2, [[True, True]])
    """

    names: tuple[str, ...]
    positives: csr_array
    unknown: csr_array | None = None

    def __post_init__(self) -> None:
        _check_names(self.names)
        object.__setattr__(self, "positives", _checked("positives", self.positives, len(self.names)))
        if self.unknown is None:
            return
        object.__setattr__(self, "unknown", _checked("unknown", self.unknown, len(self.names)))
        if self.unknown.shape != self.positives.shape:
            raise DataError(
                f"unknown must have the shape of positives {self.positives.shape}, got {self.unknown.shape}"
            )
        both = self.positives.multiply(self.unknown).nonzero()
        if len(both[0]):
            name = quoted(self.names[both[1][0]])
            raise DataError(f"a label is positive or unknown, got both for {name} of sample {both[0][0]}")

    def __len__(self) -> int:
        return self.positives.shape[0]

    def take(self, rows: Sequence[int] | np.ndarray) -> "Labels":
        """Labels of some samples.

        Args:
            rows: Sample numbers from 0, shape (n,), in any order.

        Returns:
            Labels of n samples, in that order.
        """
        rows = np.asarray(rows, dtype=np.int64)
        return Labels(self.names, self.positives[rows], None if self.unknown is None else self.unknown[rows])

    def dense(self, rows: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Targets of a batch, and where they are known.

        Args:
            rows: Sample numbers from 0, shape (n,), in any order.

        Returns:
            Targets, bool, shape (n, labels); mask of the same shape, True where known, or None where all is known.
        """
        rows = np.asarray(rows, dtype=np.int64)
        mask = None if self.unknown is None else ~self.unknown[rows].toarray()
        return self.positives[rows].toarray(), mask


def hide_positives(labels: Labels, rows: Sequence[int] | np.ndarray, *, share: float, seed: int) -> Labels:
    """Labels in which some positives have become negatives, as if nobody had noted them.

    With one seed, a larger share hides all that a smaller one hides, and more.

    Args:
        labels: The complete labels.
        rows: Samples whose positives may be hidden, numbers from 0.
        share: Share of their positives to hide, in [0, 1].
        seed: Decides which, at least 0.

    Returns:
        Labels of the same shape and names.

    Example:
        >>> labels = Labels(("cat", "dog"), csr_array(np.ones((50, 2), dtype=bool)))
        >>> hide_positives(labels, range(50), share=0.3, seed=0).positives.sum()
        np.int64(70)
    """
    if not 0 <= share <= 1:
        raise DataError(f"the share of positives to hide must be in [0, 1], got {share}")
    entries = labels.positives.tocoo()
    eligible = np.flatnonzero(np.isin(entries.row, np.asarray(rows, dtype=np.int64)))
    order = np.random.default_rng([seed, _RANDOM_STREAM]).permutation(len(eligible))
    kept = np.ones(entries.nnz, dtype=bool)
    kept[eligible[order[: round(share * len(eligible))]]] = False
    positives = csr_array((entries.data[kept], (entries.row[kept], entries.col[kept])), shape=entries.shape)
    return Labels(labels.names, positives, labels.unknown)


def _check_names(names: tuple[str, ...]) -> None:
    if not names:
        raise DataError("wanted at least one label, got none")
    seen = set()
    for name in names:
        if not isinstance(name, str) or not name.strip():
            raise DataError(f"a label name must be a text that is not empty, got {quoted(name)}")
        if name in seen:
            raise DataError(f"label names must be distinct, got {quoted(name)} twice")
        seen.add(name)


def _checked(what: str, matrix: csr_array, num_labels: int) -> csr_array:
    if not isinstance(matrix, csr_array) or matrix.ndim != 2 or matrix.dtype != bool:
        kind = f"{type(matrix).__name__} of {getattr(matrix, 'dtype', 'no dtype')}"
        raise DataError(f"{what} must be a csr_array of bool with two dimensions, got {kind}")
    if matrix.shape[1] != num_labels:
        raise DataError(f"{what} must have one column per label name ({num_labels}), got {matrix.shape[1]}")
    # Counting the stored entries must count the True ones, each once.
    if not (matrix.has_canonical_format and matrix.data.all()):
        matrix = matrix.copy()
        matrix.sum_duplicates()
        matrix.eliminate_zeros()
    return matrix
