"""What data holds, in numbers."""

import numpy as np

from lopsided.data.checks.remarks import remarks
from lopsided.data.contents.leakage import in_two_splits
from lopsided.data.samples import Samples
from lopsided.data.validation import with_validation
from lopsided.files.errors import DataError


def summarise(data: Samples) -> dict:
    """Count samples, labels and leaks.

    Args:
        data: The data.

    Returns:
        ``labels``; ``splits``: name to ``samples``, ``positives_per_sample`` (4 decimals), ``labels_without_positives``
        and ``unknown`` (elements whose truth is not known); ``in_two_splits``, see the function of that name; and
        ``notes``, see :func:`lopsided.data.checks.remarks.remarks`.

    Example:
        >>> from lopsided.data import digits
        >>> few = digits(train_samples=50, validation_samples=0, test_samples=50)
        >>> summarise(few)["splits"]["train"]["samples"]
        50
    """
    return {
        "labels": len(data.labels.names),
        "splits": {split: _summarise_split(data, split) for split in data.split_names},
        "in_two_splits": in_two_splits(data),
        "notes": list(remarks(data)),
    }


def always_true(data: Samples, split: str) -> list[str]:
    """Names of the labels that are positive wherever they are known: their average precision is 1 by itself.

    Args:
        data: The data.
        split: One of its splits.
    """
    labels = data.labels.take(data.rows(split))
    positives = labels.positives_per_label()
    found = np.flatnonzero((positives > 0) & (positives == labels.known_per_label()))
    return [labels.names[k] for k in found.tolist()]


def set_aside(data: Samples, *, share: float, seed: int) -> dict | None:
    """The part of the training samples that ``lopsided train`` moves to ``val``.

    Args:
        data: The data, as it lies on disk.
        share: Of the training samples.
        seed: Decides which.

    Returns:
        ``share``, ``of`` (the training samples that there are) and what :func:`summarise` says of a split; None where
        nothing is moved, because there is a ``val`` split, nothing to train on, or nothing but equal samples.
    """
    try:
        moved = with_validation(data, share=share, seed=seed)
    except DataError:
        return None
    if moved is data:
        return None
    return {"share": share, "of": len(data.rows("train")), **_summarise_split(moved, "val")}


def imbalance(data: Samples, split: str) -> np.ndarray:
    """Negatives per positive of each label.

    Args:
        data: The data.
        split: One of its splits.

    Returns:
        float64, shape (labels,), at least 0; infinite where a label has no positive. Unknown elements count as neither.

    Example:
        >>> from lopsided.data import digits
        >>> few = digits(train_samples=1000, validation_samples=0, test_samples=0)
        >>> round(float(np.median(imbalance(few, "train"))))
        25
    """
    labels = data.labels.take(data.rows(split))
    positives = labels.positives_per_label()
    return np.where(positives > 0, (labels.known_per_label() - positives) / np.maximum(positives, 1), np.inf)


def _summarise_split(data: Samples, split: str) -> dict:
    labels = data.labels.take(data.rows(split))
    return {
        "samples": len(labels),
        "positives_per_sample": round(labels.positives.nnz / len(labels), 4),
        "labels_without_positives": int(np.count_nonzero(labels.positives_per_label() == 0)),
        "unknown": labels.num_unknown,
    }
