"""What an evaluation says beside its metrics of how labels are ranked: intervals, frequencies in training, each label.

``intervals`` holds the 95 % interval (500 draws of as many samples) of P@k and its kin, by the name of the metric.
``frequency`` says which labels are head, medium and tail, and what propensities are made of; ``missing`` in it says why
there is nothing of these. ``per_label`` holds a list with a value for each label: its name, its known positives among
the samples that were measured and in training, its group, average precision and area under the ROC curve; null where
one is not known or not defined.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from lopsided.metrics.catalogue import KS, intervals
from lopsided.metrics.ranked.frequencies import GROUPS, A, B, Frequencies
from lopsided.metrics.ranked.rankings import Rankings

MISSING = "how frequent labels are in training"


@dataclass(frozen=True)
class Asked:
    """What is asked of rankings.

    Args:
        ks: Numbers of best-ranked labels for P@k and its kin, at least 1.
        a: Of the propensities, positive.
        b: Likewise.

    Raises:
        ValueError: One of them is out of its range.
    """

    ks: tuple[int, ...] = KS
    a: float = A
    b: float = B

    def __post_init__(self) -> None:
        if not self.ks or min(self.ks) < 1 or len(set(self.ks)) < len(self.ks):
            raise ValueError(f"expected distinct numbers of best-ranked labels from 1, got {list(self.ks)}")
        if not (0 < self.a < np.inf and 0 < self.b < np.inf):
            raise ValueError(f"expected a and b of the propensities to be positive, got {self.a:g} and {self.b:g}")

    @property
    def num_ranks(self) -> int:
        """Labels of each sample to look at."""
        return max(*KS, *self.ks)

    def check(self, num_labels: int) -> None:
        """Refuse a k that was asked for and is more than the labels."""
        if self.ks != KS and max(self.ks) > num_labels:
            raise ValueError(f"expected k to lie in 1 to {num_labels}, the number of labels, got {max(self.ks)}")

    def told(self, training: Frequencies | None) -> Frequencies | None:
        """Frequencies with the propensities that are asked for."""
        return None if training is None else dataclasses.replace(training, a=self.a, b=self.b)


def about_rankings(found: Rankings, labels: tuple[str, ...], asked: Asked) -> dict[str, Any]:
    """``at_k``, ``intervals``, ``frequency`` and ``per_label`` of an evaluation."""
    return {
        "at_k": list(asked.ks),
        "intervals": {name: list(ends) for name, ends in intervals(found, ks=asked.ks).items()},
        "frequency": _frequency(found.training),
        "per_label": _per_label(found, labels),
    }


def _frequency(training: Frequencies | None) -> dict[str, Any]:
    if training is None:
        return {"missing": MISSING}
    members = np.bincount(training.groups(), minlength=len(GROUPS)).tolist()
    ends = (*training.least(), 0)
    groups = {name: {"labels": n, "at_least": end} for name, n, end in zip(GROUPS, members, ends, strict=True)}
    return {"samples": training.num_samples, "groups": groups, "a": training.a, "b": training.b}


def _per_label(found: Rankings, labels: tuple[str, ...]) -> dict[str, list[Any]]:
    training, positives = found.training, found.top.positives
    unknown = [None] * len(labels)
    return {
        "label": list(labels),
        "positives": np.bincount(positives.indices, minlength=len(labels)).tolist(),
        "training_positives": unknown if training is None else training.positives.tolist(),
        "group": unknown if training is None else [GROUPS[group] for group in training.groups()],
        "average_precision": _or_none(found.average_precision.tolist()),
        "auroc": _or_none(found.roc_auc.tolist()),
    }


def _or_none(values: list[float]) -> list[float | None]:
    return [None if value != value else value for value in values]
