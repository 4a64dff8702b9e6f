"""Labels of new data, as a trained run knows them."""
# pyright: reportOptionalSubscript=false
# (SciPy has no type stubs, and pyright infers that the shape of a sparse array may be None.)

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array

from lopsided.data.errors import DataError, quoted
from lopsided.data.labels import Labels


def check_known(came: Sequence[str], names: Sequence[str]) -> None:
    """Refuse labels that a run does not know.

    Args:
        came: Labels of the data.
        names: Labels of the run.

    Raises:
        DataError: The data has others; the message names the first and counts the rest.

    Example:
        >>> check_known(["cat", "zebra", "yak"], ["dog", "cat"])
        Traceback (most recent call last):
        lopsided.data.errors.DataError: wanted the labels of the run, got also 'zebra' (and 1 more)
    """
    known = set(names)
    others = [name for name in came if name not in known]
    if others:
        rest = f" (and {len(others) - 1} more)" if len(others) > 1 else ""
        raise DataError(f"wanted the labels of the run, got also {quoted(others[0])}{rest}")


def aligned(labels: Labels, names: Sequence[str]) -> Labels:
    """Labels with the columns of a run, in its order.

    Args:
        labels: Labels of some data, in any order; some of the run's may be absent.
        names: Labels of the run, distinct.

    Returns:
        Labels of the same samples, whose ``names`` are those of the run; what was absent is unknown everywhere.

    Raises:
        DataError: The data has a label that the run does not know.

    Example:
        >>> labels = aligned(Labels(("dog", "cat"), csr_array(np.array([[True, False]]))), ["cat", "cow", "dog"])
        >>> labels.positives.toarray().tolist(), labels.unknown.toarray().tolist()
        ([[False, False, True]], [[False, True, False]])
    """
    names = tuple(names)
    if names == labels.names:
        return labels
    check_known(labels.names, names)
    column = {name: i for i, name in enumerate(names)}
    columns = np.array([column[name] for name in labels.names], dtype=np.int32)
    shape = (len(labels), len(names))

    def moved(matrix: csr_array) -> csr_array:
        entries = matrix.tocoo()
        return csr_array((entries.data, (entries.row, columns[entries.col])), shape=shape)

    unknown = None if labels.unknown is None else moved(labels.unknown)
    absent = np.setdiff1d(np.arange(len(names), dtype=np.int32), columns)
    if len(absent):
        everywhere = _true_in(absent, shape)
        unknown = everywhere if unknown is None else unknown + everywhere
    return Labels(names, moved(labels.positives), unknown)


def unlabelled(names: Sequence[str], *, samples: int) -> Labels:
    """Labels of samples of which nothing is known.

    Args:
        names: Labels of the run, distinct.
        samples: Number of samples, at least 0.

    Returns:
        Labels whose every element is unknown, in 5 bytes each (9 from 2 ** 31 of them).

    Example:
        >>> unlabelled(["cat", "dog"], samples=2).unknown.toarray().tolist()
        [[True, True], [True, True]]
    """
    shape = (samples, len(names))
    return Labels(tuple(names), csr_array(shape, dtype=bool), _true_in(np.arange(len(names), dtype=np.int32), shape))


def _true_in(columns: np.ndarray, shape: tuple[int, int]) -> csr_array:
    """True in these columns, ascending, of every row. Built as it is stored, because it may be large."""
    count = shape[0] * len(columns)
    # SciPy stores all positions in the wider of the two types that it is given.
    ends = np.arange(shape[0] + 1, dtype=np.int32 if count <= np.iinfo(np.int32).max else np.int64) * len(columns)
    return csr_array((np.ones(count, dtype=bool), np.tile(columns, shape[0]), ends), shape=shape)
