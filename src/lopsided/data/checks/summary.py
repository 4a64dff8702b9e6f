"""What data holds, in numbers."""

import numpy as np

from lopsided.data.checks.remarks import remarks
from lopsided.data.contents.leakage import in_two_splits
from lopsided.data.samples import Samples
from lopsided.data.splits.together import groups_in_two_splits
from lopsided.data.splits.validation import with_validation
from lopsided.files.errors import DataError


def summarise(data: Samples) -> dict:
    """Count samples, labels and leaks.

    Returns:
        ``labels``; ``splits``: name to ``samples``, ``positives_per_sample`` (4 decimals), ``labels_without_positives``
        and ``unknown`` (elements whose truth is not known); ``in_two_splits``, see the function of that name;
        ``groups`` and ``groups_in_two_splits``, their numbers, where samples have groups; ``weights``, their
        ``smallest``, ``mean`` and ``largest``, where samples have weights; and ``notes``, see
        :func:`lopsided.data.checks.remarks.remarks`.

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
        **_about_groups(data),
        **_about_weights(data),
        "notes": list(remarks(data)),
    }


def always_true(data: Samples, split: str) -> list[str]:
    """Names of the labels that are positive wherever they are known: their average precision is always 1."""
    labels = data.labels.take(data.rows(split))
    positives = labels.positives_per_label()
    found = np.flatnonzero((positives > 0) & (positives == labels.known_per_label()))
    return [labels.names[k] for k in found.tolist()]


def set_aside(data: Samples, *, share: float, seed: int) -> dict | None:
    """The part of the training samples that ``lopsided train`` moves to ``val``.

    Args:
        data: The data, as it lies on disk.
        share: Share of the training samples to move.
        seed: Decides which samples are moved.

    Returns:
        ``share``, ``of`` (the number of training samples) and what :func:`summarise` says of a split; None where none
        is moved, because there is already a ``val`` split, no training sample, or all samples are equal.
    """
    try:
        moved = with_validation(data, share=share, seed=seed)
    except DataError:
        return None
    if moved is data:
        return None
    return {"share": share, "of": len(data.rows("train")), **_summarise_split(moved, "val")}


def imbalance(data: Samples, split: str) -> np.ndarray:
    """Negatives per positive of each label in a split.

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


def _about_groups(data: Samples) -> dict:
    if data.groups is None:
        return {}
    return {"groups": len(np.unique(data.groups)), "groups_in_two_splits": len(groups_in_two_splits(data))}


def _about_weights(data: Samples) -> dict:
    if (weights := data.weights) is None:
        return {}
    smallest, mean, largest = weights.min(), weights.mean(dtype=float), weights.max()
    return {"weights": {"smallest": float(smallest), "mean": float(mean), "largest": float(largest)}}


def _summarise_split(data: Samples, split: str) -> dict:
    labels = data.labels.take(data.rows(split))
    return {
        "samples": len(labels),
        "positives_per_sample": round(labels.positives.nnz / len(labels), 4),
        "labels_without_positives": int(np.count_nonzero(labels.positives_per_label() == 0)),
        "unknown": labels.num_unknown,
    }
