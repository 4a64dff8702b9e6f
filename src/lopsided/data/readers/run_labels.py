"""Labels of new data, as a trained run knows them."""
# pyright: reportOptionalSubscript=false
# (SciPy has no type stubs, and pyright infers that the shape of a sparse array may be None.)

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array

from lopsided.data.cell_values import one_form
from lopsided.data.labels import Labels, true_in
from lopsided.files.errors import DataError, quoted


def aligned(labels: Labels, names: Sequence[str]) -> Labels:
    """Labels with the columns of a run, in its order.

    Args:
        labels: Labels of some data, in any order; some of the run's may be absent.
        names: Labels of the run, distinct.

    Returns:
        Labels of the same samples, whose ``names`` are those of the run; what was absent is unknown everywhere, said in
        ``negatives`` where that is most of the run's labels.

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
    columns = np.array(_columns_of_run(labels.names, names), dtype=np.int32)
    absent = np.setdiff1d(np.arange(len(names), dtype=np.int32), columns)
    shape = (len(labels), len(names))

    def moved(matrix: csr_array) -> csr_array:
        entries = matrix.tocoo()
        return csr_array((entries.data, (entries.row, columns[entries.col])), shape=shape)

    positives, rows = moved(labels.positives), range(len(labels))
    unknown = None if labels.unknown is None else moved(labels.unknown)
    if labels.negatives is not None:
        return Labels(names, positives, negatives=moved(labels.negatives))
    if len(absent) > len(columns):
        neither = positives if unknown is None else positives + unknown
        return Labels(names, positives, negatives=csr_array(true_in(rows, np.sort(columns), shape=shape) > neither))
    if len(absent):
        everywhere = true_in(rows, absent, shape=shape)
        unknown = everywhere if unknown is None else unknown + everywhere
    return Labels(names, positives, unknown)


def unlabelled(names: Sequence[str], *, samples: int) -> Labels:
    """Labels of samples of which nothing is known.

    Args:
        names: Labels of the run, distinct.
        samples: Number of samples, at least 0.

    Returns:
        Labels whose every element is unknown, at the cost of none.

    Example:
        >>> unlabelled(["cat", "dog"], samples=2).dense([0, 1])[1].tolist()
        [[False, False], [False, False]]
    """
    shape = (samples, len(names))
    return Labels(tuple(names), csr_array(shape, dtype=bool), negatives=csr_array(shape, dtype=bool))


def _columns_of_run(came: Sequence[str], names: Sequence[str]) -> list[int]:
    """Number of each label of some data among those of a run; a name in another Unicode form is the same name."""
    number = {one_form(name): i for i, name in enumerate(names)} | {name: i for i, name in enumerate(names)}
    found = [number.get(name, number.get(one_form(name))) for name in came]
    others = [name for name, i in zip(came, found, strict=True) if i is None]
    if others:
        rest = f" (and {len(others) - 1} more)" if len(others) > 1 else ""
        raise DataError(f"expected the labels of the run, got also {quoted(others[0])}{rest}")
    return [i for i in found if i is not None]
