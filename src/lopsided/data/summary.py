"""What a table holds, in numbers."""

import numpy as np

from lopsided.data.leakage import in_two_splits
from lopsided.data.table import Table


def summarise(table: Table) -> dict:
    """Count samples, labels and leaks.

    Args:
        table: The data.

    Returns:
        ``labels``; ``splits``: name to ``samples``, ``positives_per_sample`` (4 decimals), ``labels_without_positives``
        and ``unknown`` (elements whose truth is not known); and ``in_two_splits``, see the function of that name.

    Example:
        >>> from lopsided.data import digits
        >>> few = digits(train_samples=50, validation_samples=0, test_samples=50)
        >>> summarise(few)["splits"]["train"]["samples"]
        50
    """
    return {
        "labels": len(table.labels.names),
        "splits": {split: _summarise_split(table, split) for split in table.split_names},
        "in_two_splits": in_two_splits(table),
    }


def imbalance(table: Table, split: str) -> np.ndarray:
    """Negatives per positive of each label.

    Args:
        table: The data.
        split: One of its splits.

    Returns:
        float64, shape (labels,), at least 0; infinite where a label has no positive. Unknown elements count as neither.

    Example:
        >>> from lopsided.data import digits
        >>> few = digits(train_samples=1000, validation_samples=0, test_samples=0)
        >>> round(float(np.median(imbalance(few, "train"))))
        25
    """
    labels = table.labels.take(table.rows(split))
    positives = labels.positives.sum(axis=0)
    known = len(labels) - (0 if labels.unknown is None else labels.unknown.sum(axis=0))
    return np.where(positives > 0, (known - positives) / np.maximum(positives, 1), np.inf)


def _summarise_split(table: Table, split: str) -> dict:
    labels = table.labels.take(table.rows(split))
    return {
        "samples": len(labels),
        "positives_per_sample": round(labels.positives.nnz / len(labels), 4),
        "labels_without_positives": int(np.count_nonzero(labels.positives.sum(axis=0) == 0)),
        "unknown": 0 if labels.unknown is None else int(labels.unknown.nnz),
    }
