"""What the labels of a training split do not show, on purpose: positives noted as negatives, labels of which nothing is
known."""
# pyright: reportOptionalSubscript=false
# (SciPy has no type stubs, and pyright infers that the shape of a sparse array may be None.)

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from lopsided.data.labels import Labels, hide_positives
from lopsided.files.errors import DataError

_RANDOM_STREAM = 102  # of a seed, apart from the streams of other draws
_AT_ONCE = 1 << 22  # labels that are drawn together


class Hidden(NamedTuple):
    """How much of the labels of a training split is hidden.

    Args:
        missing: Share of the positives that are noted as negatives, in [0, 1).
        unknown: Share of all labels, positive or negative, that are known to be unknown, in [0, 1).
    """

    missing: float = 0.0
    unknown: float = 0.0

    @property
    def described(self) -> str:
        """In words.

        >>> Hidden(0.3).described, Hidden(unknown=0.5).described, Hidden().described
        ('30 % of positives hidden', '50 % of labels unknown', 'no labels hidden')
        """
        parts = [f"{100 * self.missing:g} % of positives hidden"] if self.missing else []
        parts += [f"{100 * self.unknown:g} % of labels unknown"] if self.unknown else []
        return " and ".join(parts) or "no labels hidden"

    def applied(self, labels: Labels, rows: Sequence[int] | np.ndarray, *, seed: int) -> Labels:
        """Labels of which so much of some rows is hidden: first positives, then labels of which nothing is known."""
        if self.missing:
            labels = hide_positives(labels, rows, share=self.missing, seed=seed)
        return make_unknown(labels, rows, share=self.unknown, seed=seed) if self.unknown else labels


def make_unknown(labels: Labels, rows: Sequence[int] | np.ndarray, *, share: float, seed: int) -> Labels:
    """Labels of some of which nothing is known any more, and that is said: they are masked while training.

    Each label of each row becomes unknown with the same chance, be it positive or negative, so that the share is met
    on average. With one seed, a larger share makes unknown all that a smaller one does, and more.

    Args:
        labels: The complete labels.
        rows: Samples whose labels may become unknown, numbers from 0.
        share: Chance of each of their labels, in [0, 1].
        seed: Decides which, at least 0.

    Returns:
        Labels of the same shape and names, which say what is unknown in the way that these do.

    Example:
        >>> labels = Labels(("cat", "dog"), csr_array(np.ones((1000, 2), dtype=bool)))
        >>> make_unknown(labels, range(1000), share=0.3, seed=0).num_unknown
        603
    """
    if not 0 <= share <= 1:
        raise DataError(f"expected a share of labels to make unknown in [0, 1], got {share}")
    drawn = _drawn(np.unique(np.asarray(rows, dtype=np.int64)), labels, share=share, seed=seed)
    positives = _without(labels.positives, drawn)
    if labels.negatives is not None:
        return Labels(labels.names, positives, negatives=_without(labels.negatives, drawn))
    unknown = drawn if labels.unknown is None else csr_array(drawn + labels.unknown, dtype=bool)
    return Labels(labels.names, positives, unknown)


def count_hidden(labels: Labels, truth: Labels) -> tuple[int, int]:
    """How many positives are noted as negatives, and how many labels more are unknown, than in the complete labels."""
    if labels.negatives is not None:
        positives = truth.positives.multiply(labels.negatives).nnz
    else:
        positives = truth.positives.nnz - labels.positives.nnz
        positives -= 0 if labels.unknown is None else truth.positives.multiply(labels.unknown).nnz
    return positives, labels.num_unknown - truth.num_unknown


def _drawn(rows: np.ndarray, labels: Labels, *, share: float, seed: int) -> csr_array:
    """True where a label of these rows becomes unknown."""
    random, width = np.random.default_rng([seed, _RANDOM_STREAM]), len(labels.names)
    counts, columns = np.zeros(len(labels), dtype=np.int64), []
    step = max(1, _AT_ONCE // width)
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        chosen = random.random((len(part), width), dtype=np.float32) < share
        counts[part] = chosen.sum(axis=1)
        columns.append(np.nonzero(chosen)[1].astype(np.int32))
    indices = np.concatenate(columns) if columns else np.zeros(0, dtype=np.int32)
    ends = np.concatenate([[0], counts.cumsum()])
    return csr_array((np.ones(len(indices), dtype=bool), indices, ends), shape=(len(labels), width))


def _without(matrix: csr_array, drawn: csr_array) -> csr_array:
    """The entries of the first that the second does not have."""
    left = csr_array(matrix.astype(np.int8) - matrix.multiply(drawn).astype(np.int8))
    left.eliminate_zeros()
    return csr_array(left, dtype=bool)
