"""Labels of many samples: which are positive, and which nobody knows."""
# pyright: reportOptionalSubscript=false
# (SciPy has no type stubs, and pyright infers that the shape of a sparse array may be None.)

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from lopsided.files.errors import DataError, quoted

_RANDOM_STREAM = 101  # of a seed, apart from the streams of other draws
# What a terminal obeys, a line ends with, or no file can hold: control characters and halves of a character.
NO_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True, eq=False)
class Labels:
    """Which of the labels each sample has, and of which nobody knows.

    What is unknown is said in one of two ways: ``unknown`` where it is little, ``negatives`` where it is nearly
    everything, because only a few labels of each sample were looked at. Without either, all is known.

    Args:
        names: One name per label, distinct, not empty.
        positives: Sparse bool, shape (samples, labels), True where the sample has the label.
        unknown: Sparse bool of the same shape, True where the truth is not known; all else that is not positive is
            negative.
        negatives: Sparse bool of the same shape, True where the sample is known not to have the label; all else that
            is not positive is unknown.

    Raises:
        DataError: Names are missing or repeated, shapes or types disagree, both ways are given, or an element is
            positive beside unknown or negative.

    Example:
        >>> labels = Labels(("cat", "dog"), csr_array(np.array([[True, False], [True, True]])))
        >>> len(labels), labels.dense([1])[0].tolist()
        (2, [[True, True]])
    """

    names: tuple[str, ...]
    positives: csr_array
    unknown: csr_array | None = None
    negatives: csr_array | None = None

    def __post_init__(self) -> None:
        _check_names(self.names)
        object.__setattr__(self, "positives", _checked("positives", self.positives, len(self.names)))
        if self.unknown is not None and self.negatives is not None:
            raise DataError("expected labels with unknown or with negatives, got both")
        for what in ("unknown", "negatives"):
            if (matrix := getattr(self, what)) is not None:
                object.__setattr__(self, what, self._checked_beside_positives(what, matrix))

    def __len__(self) -> int:
        return self.positives.shape[0]

    @property
    def num_unknown(self) -> int:
        """Number of elements whose truth is not known."""
        if self.negatives is not None:
            return len(self) * len(self.names) - self.positives.nnz - self.negatives.nnz
        return 0 if self.unknown is None else self.unknown.nnz

    def positives_per_label(self) -> np.ndarray:
        """Number of samples that have each label, int64, shape (labels,)."""
        return self._per_label(self.positives)

    def known_per_label(self) -> np.ndarray:
        """Number of samples of which each label is known, int64, shape (labels,)."""
        if self.negatives is not None:
            return self._per_label(self.positives) + self._per_label(self.negatives)
        if self.unknown is not None:
            return len(self) - self._per_label(self.unknown)
        return np.full(len(self.names), len(self), dtype=np.int64)

    def log_odds(self) -> np.ndarray:
        """Log odds of each label's share of the samples of which it is known, float64, shape (labels,). Half a sample
        more on each side keeps them finite.

        Example:
            >>> Labels(("cat",), csr_array(np.array([[True], [False], [False], [False]]))).log_odds().round(2).tolist()
            [-0.85]
        """
        positives = self.positives_per_label()
        return np.log((positives + 0.5) / (self.known_per_label() - positives + 0.5))

    def take(self, rows: Sequence[int] | np.ndarray) -> "Labels":
        """Labels of some samples.

        Args:
            rows: Sample numbers from 0, shape (n,), in any order.

        Returns:
            Labels of n samples, in that order.
        """
        rows = np.asarray(rows, dtype=np.int64)
        return self._each(lambda matrix: matrix[rows])

    def dense(self, rows: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Targets of a batch, and where they are known.

        Args:
            rows: Sample numbers from 0, shape (n,), in any order.

        Returns:
            Targets, bool, shape (n, labels); mask of the same shape, True where known, or None where all is known.
        """
        rows = np.asarray(rows, dtype=np.int64)
        targets = _dense(self.positives, rows)
        if self.negatives is not None:
            return targets, targets | _dense(self.negatives, rows)
        return targets, None if self.unknown is None else ~_dense(self.unknown, rows)

    def sparse(self, rows: Sequence[int] | np.ndarray) -> tuple[csr_array, np.ndarray | None]:
        """What :meth:`dense` gives, with the targets as a sparse matrix of bool; the mask is dense."""
        rows = np.asarray(rows, dtype=np.int64)
        if self.unknown is not None:
            return self.positives[rows], ~_dense(self.unknown, rows)
        if self.negatives is not None:
            return self.positives[rows], _dense(self.positives, rows) | _dense(self.negatives, rows)
        return self.positives[rows], None

    def without(self, rows: Sequence[int] | np.ndarray) -> "Labels":
        """Labels of the same samples, of some of which nothing is known any more.

        Args:
            rows: Numbers of these, from 0, shape (n,).

        Returns:
            Labels of the same way as these; with ``unknown`` each of the n samples takes 9 bytes per label at most.

        Example:
            >>> labels = Labels(("cat",), csr_array(np.array([[True], [True]]))).without([1])
            >>> labels.dense([0, 1])[1].tolist()
            [[True], [False]]
        """
        if not len(rows):
            return self
        chosen = np.zeros(len(self), dtype=bool)
        chosen[np.asarray(rows, dtype=np.int64)] = True
        emptied = self._each(lambda matrix: csr_array(matrix.multiply(~chosen[:, None]), dtype=bool))
        if self.negatives is not None:
            return emptied
        unknown = true_in(np.flatnonzero(chosen), range(len(self.names)), shape=(len(self), len(self.names)))
        if emptied.unknown is not None:
            unknown = csr_array(unknown + emptied.unknown, dtype=bool)
        return Labels(self.names, emptied.positives, unknown)

    def _checked_beside_positives(self, what: str, matrix: csr_array) -> csr_array:
        matrix = _checked(what, matrix, len(self.names))
        if matrix.shape != self.positives.shape:
            raise DataError(
                f"expected {what} to have the shape of positives {self.positives.shape}, got {matrix.shape}"
            )
        both = self.positives.multiply(matrix).nonzero()
        if len(both[0]):
            name, other = quoted(self.names[both[1][0]]), "negative" if what == "negatives" else what
            raise DataError(f"expected a label to be positive or {other}, got both for {name} of sample {both[0][0]}")
        return matrix

    def _each(self, change: Callable[[csr_array], csr_array]) -> "Labels":
        unknown, negatives = (None if m is None else change(m) for m in (self.unknown, self.negatives))
        return Labels(self.names, change(self.positives), unknown, negatives)

    def _per_label(self, matrix: csr_array) -> np.ndarray:
        return np.bincount(matrix.indices, minlength=len(self.names)).astype(np.int64, copy=False)


def true_in(
    rows: Sequence[int] | np.ndarray, columns: Sequence[int] | np.ndarray, *, shape: tuple[int, int]
) -> csr_array:
    """True in all of these columns of each of these rows; built as it is stored, because it may be large.

    Args:
        rows: Numbers from 0, ascending, shape (n,).
        columns: Numbers from 0, ascending, shape (m,).
        shape: Of the whole.

    Returns:
        Sparse bool with n times m entries of 5 bytes each (9 from 2 ** 31 of them).

    Example:
        >>> true_in([1], [0, 2], shape=(2, 3)).toarray().astype(int).tolist()
        [[0, 0, 0], [1, 0, 1]]
    """
    count = len(rows) * len(columns)
    # SciPy stores all positions in the wider of the two types that it is given.
    kind = np.int32 if count <= np.iinfo(np.int32).max else np.int64
    lengths = np.zeros(shape[0] + 1, dtype=kind)
    lengths[np.asarray(rows, dtype=np.int64) + 1] = len(columns)
    indices = np.tile(np.asarray(columns, dtype=np.int32), len(rows))
    return csr_array((np.ones(count, dtype=bool), indices, np.cumsum(lengths, dtype=kind)), shape=shape)


def hide_positives(labels: Labels, rows: Sequence[int] | np.ndarray, *, share: float, seed: int) -> Labels:
    """Labels in which some positives have become negatives, as if nobody had noted them.

    They count as known in either way of saying what is unknown: a missing label is one that the data calls negative.
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
        raise DataError(f"expected a share of positives to hide in [0, 1], got {share}")
    entries = labels.positives.tocoo()
    eligible = np.flatnonzero(np.isin(entries.row, np.asarray(rows, dtype=np.int64)))
    order = np.random.default_rng([seed, _RANDOM_STREAM]).permutation(len(eligible))
    kept = np.ones(entries.nnz, dtype=bool)
    kept[eligible[order[: round(share * len(eligible))]]] = False

    def those(chosen: np.ndarray) -> csr_array:
        return csr_array((entries.data[chosen], (entries.row[chosen], entries.col[chosen])), shape=entries.shape)

    negatives = None if labels.negatives is None else csr_array(labels.negatives + those(~kept), dtype=bool)
    return Labels(labels.names, those(kept), labels.unknown, negatives)


def _check_names(names: tuple[str, ...]) -> None:
    if not names:
        raise DataError("expected at least one label, got none")
    seen = set()
    for name in names:
        if not isinstance(name, str) or not name.strip():
            raise DataError(f"expected a label name to be a text that is not empty, got {quoted(name)}")
        if NO_TEXT.search(name):
            raise DataError(
                f"expected a label name to be one line of text without control characters, got {quoted(name)}"
            )
        if name in seen:
            raise DataError(f"expected label names to be distinct, got {quoted(name)} twice")
        seen.add(name)


def _dense(matrix: csr_array, rows: np.ndarray) -> np.ndarray:
    """Some rows of a checked matrix; SciPy takes several times as long to make a sparse matrix of them first."""
    dense = np.zeros((len(rows), matrix.shape[1]), dtype=bool)
    starts = matrix.indptr[rows]
    counts = matrix.indptr[rows + 1] - starts
    ends = np.cumsum(counts)
    stored = np.arange(counts.sum()) + np.repeat(starts - (ends - counts), counts)
    # The place of each True in memory: that of its row, and its column.
    dense.reshape(-1)[np.repeat(np.arange(len(rows)) * matrix.shape[1], counts) + matrix.indices[stored]] = True
    return dense


def _checked(what: str, matrix: csr_array, num_labels: int) -> csr_array:
    if not isinstance(matrix, csr_array) or matrix.ndim != 2 or matrix.dtype != bool:
        kind = f"{type(matrix).__name__} of {getattr(matrix, 'dtype', 'no dtype')}"
        raise DataError(f"expected {what} to be a csr_array of bool with two dimensions, got {kind}")
    if matrix.shape[1] != num_labels:
        raise DataError(f"expected {what} to have one column per label name ({num_labels}), got {matrix.shape[1]}")
    # Counting the stored entries must count the True ones, each once.
    if not (matrix.has_canonical_format and matrix.data.all()):
        matrix = matrix.copy()
        matrix.sum_duplicates()
        matrix.eliminate_zeros()
    return matrix
