"""Choosing, on one split, the probability above which a label is predicted on others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lopsided.metrics.checks import as_truth, check_no_nan, check_shapes, check_unit_interval, known_positives

Rule = Literal["f1", "precision", "recall"]
Scores: TypeAlias = NDArray[np.float32]

SHRINKAGE = 20.0  # positives
_MOST_CANDIDATES = 4096  # thresholds tried for all labels together
_MOST_COMMON = 256  # of these, tried for every label beside its own


@dataclass(frozen=True, eq=False)
class Thresholds:
    """Probabilities above which labels are predicted."""

    common: float  # for all labels together, in [0, 1]
    per_label: Tensor | None  # float32, shape (labels,); None where all have the common one
    num_positives: Tensor  # known positives of each label that they were chosen on, int64, shape (labels,)
    reached: bool  # whether the common one has the precision or recall that was asked for
    short: Tensor  # True where a label's own threshold has not, bool, shape (labels,); False without positives


def choose_thresholds(
    probabilities: Tensor,
    targets: Tensor,
    *,
    rule: Rule = "f1",
    at_least: float | None = None,
    per_label: bool = False,
    shrinkage: float = SHRINKAGE,
    mask: Tensor | None = None,
) -> Thresholds:
    """The threshold with the best F1, the most recall at some precision, or the most precision at some recall.

    The common threshold is chosen on all elements pooled. A label's own is chosen on its elements, with pooled ones
    added that hold ``shrinkage`` positives: a label with few positives stays near the common threshold, one with many
    gets its own, and the scale of the probabilities does not matter.

    Args:
        probabilities: In [0, 1], shape ``(samples, labels)``, floating point.
        targets: 0 or 1, bool, integer or float, shape of ``probabilities``.
        rule: ``"f1"``; ``"precision"``: the most recall with precision >= ``at_least``, 1 where no threshold has it;
            ``"recall"``: the most precision with recall >= ``at_least``, and of equal ones the most recall. ``reached``
            and ``short`` of the result say where ``at_least`` was missed.
        at_least: In (0, 1], for precision and recall.
        per_label: One for each label, beside the common one.
        shrinkage: Positives of all labels added to each label's own, >= 0.
        mask: True where the label is known, bool, broadcasts to ``probabilities``.

    Raises:
        ValueError: No positive is known at all, or the settings do not belong together.

    >>> p, y = torch.tensor([[0.9], [0.6], [0.4], [0.1]]), torch.tensor([[1], [1], [0], [0]])
    >>> choose_thresholds(p, y).common, choose_thresholds(p, y, rule="recall", at_least=0.5).common
    (0.5, 0.5)
    """
    check_rule(rule, at_least, shrinkage)
    known = check_shapes("probabilities", probabilities, targets, mask)
    positives = known_positives(targets, known)
    check_no_nan("probabilities", probabilities, known)
    check_unit_interval("probabilities", probabilities, known)
    scores = probabilities.detach().float().cpu().resolve_neg().numpy()
    is_positive = as_truth(positives)
    is_known = np.ones(scores.shape, dtype=bool) if known is None else as_truth(known)
    chooser = Chooser(scores[is_known], scores[is_positive], rule=rule, at_least=at_least, shrinkage=shrinkage)
    values, short = None, np.zeros(scores.shape[1], dtype=bool)
    if per_label:
        found, short = chooser.of_labels(scores, is_positive, is_known)
        values = torch.from_numpy(found)
    num_positives = positives.sum(dim=0).cpu()
    return Thresholds(chooser.common, values, num_positives, chooser.reached, torch.from_numpy(short))


class Chooser:
    """The common threshold, and from it those of labels, as many at a time as there are.

    Args:
        scores: Probabilities of all known elements pooled, or of a fair sample of them, float32, shape ``(n,)``.
        of_positives: Those of the positives among them.
        rule, at_least, shrinkage: As for :func:`choose_thresholds`, checked.
    """

    def __init__(
        self, scores: Scores, of_positives: Scores, *, rule: Rule, at_least: float | None, shrinkage: float
    ) -> None:
        self._everything = _Curve(scores, of_positives)
        if not self._everything.num_positives:
            raise ValueError("expected at least one known positive to choose thresholds by, got none")
        self.rule: Rule = rule
        self.at_least = at_least
        self._share = shrinkage / self._everything.num_positives
        candidates = self._everything.candidates(_MOST_CANDIDATES)
        self.common = _best(self._everything.at(candidates), candidates, rule=rule, at_least=at_least)
        self._tried = np.append(self._everything.candidates(_MOST_COMMON), np.float32(self.common))

    @property
    def reached(self) -> bool:
        """Whether the common threshold has the precision or recall that was asked for."""
        return self.reaches(self._everything.at(np.array([self.common], np.float32)))

    def reaches(self, counts: NDArray[np.float64]) -> bool:
        """Whether true positives, predicted and positives, shape (3, 1), have that precision or recall."""
        return bool(_fits(counts, rule=self.rule, at_least=self.at_least)[0])

    def of_labels(
        self, scores: Scores, is_positive: NDArray[np.bool_], is_known: NDArray[np.bool_]
    ) -> tuple[Scores, NDArray[np.bool_]]:
        """Each label's own threshold, and whether it misses what was asked for; arguments (samples, labels)."""
        values = np.full(scores.shape[1], self.common, dtype=np.float32)
        short = np.zeros(scores.shape[1], dtype=bool)
        for k in range(len(values)):
            own = _Curve(scores[is_known[:, k], k], scores[is_positive[:, k], k])
            candidates = np.unique(np.concatenate([own.candidates(_MOST_CANDIDATES), self._tried]))
            counts = own.at(candidates) + self._share * self._everything.at(candidates)
            if counts[2].any():
                values[k] = _best(counts, candidates, rule=self.rule, at_least=self.at_least)
            short[k] = own.num_positives > 0 and not self.reaches(own.at(values[k : k + 1]))
        return values, short


class _Curve:
    """How many are predicted, and how many of these are positive, at any threshold."""

    def __init__(self, scores: Scores, of_positives: Scores) -> None:
        self.scores, self.of_positives = np.sort(scores), np.sort(of_positives)
        self.num_positives = len(of_positives)

    def candidates(self, most: int) -> Scores:
        """Thresholds halfway from a positive to the next lower score, ascending; of many positives, every n-th."""
        positives = np.unique(self.of_positives)
        positives = positives[:: -(-len(positives) // most) or 1]
        below = np.searchsorted(self.scores, positives) - 1
        lower = np.where(below >= 0, self.scores[below], np.float32(0))
        middle = (positives + lower) / 2
        return np.where(middle < positives, middle, lower)  # between neighbours there is no float32

    def at(self, thresholds: Scores) -> NDArray[np.float64]:
        """True positives, predicted and positives, shape (3, thresholds)."""
        found = [
            len(part) - np.searchsorted(part, thresholds, side="right") for part in (self.of_positives, self.scores)
        ]
        return np.array([*found, np.full(len(thresholds), self.num_positives)], dtype=np.float64)


def _best(counts: NDArray[np.float64], candidates: Scores, *, rule: Rule, at_least: float | None) -> float:
    """The candidate that the rule chooses; candidates are ascending."""
    true_positives, predicted, positives = counts
    if rule == "f1":
        return float(candidates[np.argmax(2 * true_positives / (predicted + positives))])
    fits = np.flatnonzero(_fits(counts, rule=rule, at_least=at_least))
    if rule == "precision":  # recall falls as the threshold rises
        return float(candidates[fits[0]]) if len(fits) else 1.0
    if not len(fits):
        return 0.0
    # Precision may fall and rise again with the threshold, so that the highest one need not have the most.
    precision = true_positives[fits] / np.maximum(predicted[fits], 1e-300)
    return float(candidates[fits[np.argmax(precision)]])


def _fits(counts: NDArray[np.float64], *, rule: Rule, at_least: float | None) -> NDArray[np.bool_]:
    """Where the precision or recall that was asked for is reached; everywhere with the rule f1."""
    true_positives, predicted, positives = counts
    if rule == "f1":
        return np.ones(len(predicted), dtype=bool)
    assert at_least is not None
    of = predicted if rule == "precision" else positives
    # Compare the quotient, which users have in mind: 7 of 100 is 0.07, but 0.07 * 100 is above 7. The weights of pooled
    # elements round a little.
    return (of > 0) & (true_positives / np.maximum(of, 1e-300) >= at_least * (1 - 1e-12))


def check_rule(rule: Rule, at_least: float | None, shrinkage: float) -> None:
    """Refuse settings of :func:`choose_thresholds` that do not belong together."""
    if rule not in get_args(Rule):
        raise ValueError(f"expected rule to be one of {', '.join(get_args(Rule))}, got {rule!r}")
    if (rule == "f1") != (at_least is None):
        raise ValueError(f"expected at_least with the rules precision and recall alone, got {at_least} with {rule}")
    if at_least is not None and not 0 < at_least <= 1:
        raise ValueError(f"expected at_least to lie in (0, 1], got {at_least}")
    if not 0 <= shrinkage < float("inf"):
        raise ValueError(f"expected shrinkage to be at least 0, got {shrinkage}")
