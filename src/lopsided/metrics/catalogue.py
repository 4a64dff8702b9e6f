"""What each metric is called, reads and means: ``evaluate``, its JSON, the report and sweeps follow this list."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from lopsided.metrics.at_k import propensities
from lopsided.metrics.calibration import Reliability, reliability
from lopsided.metrics.counts import Counts, count
from lopsided.metrics.intervals import interval, share_draws
from lopsided.metrics.operating_point import OperatingPoint, operating_point, operating_point_from
from lopsided.metrics.ranked.blocks import Blocks, rankings_of_blocks
from lopsided.metrics.ranked.frequencies import GROUPS, Frequencies
from lopsided.metrics.ranked.rankings import Rankings, mean_of_group, rankings
from lopsided.metrics.ranked.top import Shares, share

KS = (1, 3, 5)
"""Numbers of best-ranked labels that are looked at unless others are asked for."""

Group = Literal["usual", "labels", "samples"]
"""Which table a metric stands in: the usual ones, further rankings of samples for each label, of labels for each
sample."""


@dataclass(frozen=True)
class Metric:
    """One entry.

    Args:
        name: Its key in files and in ``evaluate --json``.
        title: Heading of its column.
        meaning: What it is, in a few words.
        reads: ``scores``: of their rankings, for which only the order of the scores matters; ``shares``: of these too,
            as what each sample reaches and could reach; ``probabilities``: of their reliability; ``decisions``: of the
            operating point at a threshold.
        value: The function, whose result is a share in [0, 1] or nan.
        higher_is_better: None where predicting next to nothing or everything wins, so that no best value is marked.
        group: The table that it stands in.
    """

    name: str
    title: str
    meaning: str
    reads: Literal["scores", "shares", "probabilities", "decisions"]
    value: Callable[[Any], Any]
    higher_is_better: bool | None = True
    group: Group = "usual"


def at_k_metrics(ks: Sequence[int]) -> list[Metric]:
    """P@k, nDCG@k and the propensity-scored P@k for each of some k.

    >>> [metric.name for metric in at_k_metrics([10])]
    ['p_at_10', 'ndcg_at_10', 'psp_at_10']
    """
    of_k = (("p", "P", _precision), ("ndcg", "nDCG", _gain), ("psp", "PSP", _scored_precision))
    meanings = {
        "p": "true ones of the {k} best-ranked",
        "ndcg": "P@{k}, higher ranks count more",
        "psp": "P@{k}, rarer labels count more",
    }
    return [
        Metric(f"{name}_at_{k}", f"{title}@{k}", meanings[name].format(k=k), "shares", _at(k, value), group="samples")
        for name, title, value in of_k
        for k in ks
    ]


def _at(k: int, value: Callable[[Rankings, int], Shares | None]) -> Callable[[Rankings], Shares | None]:
    return lambda found: value(found, k) if k <= found.top.num_ranks else None  # fewer labels than k


def _precision(found: Rankings, k: int) -> Shares:
    return found.top.precision(k)


def _gain(found: Rankings, k: int) -> Shares:
    return found.top.gain(k)


def _scored_precision(found: Rankings, k: int) -> Shares | None:
    if (training := found.training) is None or training.num_samples < 3:  # too few for propensities
        return None
    noted = propensities(
        torch.as_tensor(training.positives), num_samples=training.num_samples, a=training.a, b=training.b
    )
    return found.top.scored_precision(k, noted.numpy())


def _of_group(group: int) -> Callable[[Rankings], float]:
    return lambda found: (
        math.nan if found.training is None else mean_of_group(found.average_precision, found.training, group)
    )


def _mean_average_precision(found: Rankings) -> Tensor:
    return found.average_precision.nanmean()


def _eleven_points(found: Rankings) -> Tensor:
    return found.eleven_points.nanmean()


def _micro_average_precision(found: Rankings) -> float:
    return found.micro_average_precision


def _mean_roc_auc(found: Rankings) -> Tensor:
    return found.roc_auc.nanmean()


def _micro_roc_auc(found: Rankings) -> float:
    return found.micro_roc_auc


_FREQUENT = ("frequent labels", "labels in between", "rare labels")

CATALOGUE = {
    metric.name: metric
    for metric in (
        Metric("mAP", "mAP", "mean average precision over labels with positives", "scores", _mean_average_precision),
        Metric("mAP_11", "mAP 11", "the same by 11 points, as Pascal VOC 2007 did", "scores", _eleven_points),
        Metric("micro_AP", "micro AP", "average precision of all elements pooled", "scores", _micro_average_precision),
        Metric("auroc", "AUROC", "area under the ROC curve, mean over labels", "scores", _mean_roc_auc),
        Metric("micro_auroc", "micro AUROC", "AUROC of all elements pooled", "scores", _micro_roc_auc, group="labels"),
        *(
            Metric(f"mAP_{name}", f"mAP {name}", f"mAP of {how}", "scores", _of_group(number), group="labels")
            for number, (name, how) in enumerate(zip(GROUPS, _FREQUENT, strict=True))
        ),
        *at_k_metrics(KS),
        Metric("cf1", "CF1", "harmonic mean of CP and CR", "decisions", lambda point: point.cf1),
        Metric("mean_f1", "mean F1", "F1 of each label, then the mean", "decisions", lambda point: point.mean_f1),
        Metric("of1", "OF1", "harmonic mean of OP and OR", "decisions", lambda point: point.of1),
        Metric("cp", "CP", "precision, mean over labels", "decisions", lambda point: point.cp, None),
        Metric("cr", "CR", "recall, mean over labels", "decisions", lambda point: point.cr, None),
        Metric("op", "OP", "precision, all elements pooled", "decisions", lambda point: point.op, None),
        Metric("or", "OR", "recall, all elements pooled", "decisions", lambda point: point.or_, None),
        Metric("brier", "Brier", "squared error of the probabilities", "probabilities", lambda bins: bins.brier, False),
        Metric("ece", "ECE", "expected calibration error, 15 bins", "probabilities", lambda bins: bins.error, False),
    )
}  # fmt: skip

RANKED = tuple(metric for metric in CATALOGUE.values() if metric.higher_is_better is not None)
"""The metrics whose best value is marked."""

UNRANKED = tuple(metric for metric in CATALOGUE.values() if metric.higher_is_better is None)
"""Those that say nothing alone: precision and recall."""

DECISIONS = tuple(metric for metric in CATALOGUE.values() if metric.reads == "decisions")


def of_group(group: Group, ks: Sequence[int] = KS) -> tuple[Metric, ...]:
    """The metrics of a table, of those whose best value is marked; with P@k and its kin for these k."""
    if group == "samples":
        return tuple(at_k_metrics(ks))
    return tuple(metric for metric in RANKED if metric.group == group)


def measure(
    scores: Tensor,
    probabilities: Tensor,
    targets: Tensor,
    *,
    threshold: float | Tensor = 0.5,
    mask: Tensor | None = None,
    bins: Reliability | None = None,
    training: Frequencies | None = None,
) -> dict[str, float]:
    """Every metric of the catalogue, by its name.

    Args:
        scores: Logits, or what ranks like them, shape ``(samples, labels)``, floating point.
        probabilities: In [0, 1], shape of ``scores``.
        targets: 0 or 1, bool, integer or float, shape of ``scores``.
        threshold: In [0, 1], a number or a tensor of shape ``(labels,)``; what is above it is predicted.
        mask: True where the label is known, bool, broadcasts to ``scores``.
        bins: Reliability of the probabilities in 15 bins of equal width, if it was computed already.
        training: How frequent labels are in training; without it, the metrics that need it are nan.

    Returns: Shares in [0, 1]; nan where one is not defined.

    >>> import torch
    >>> values = measure(torch.tensor([[2.0, -1.0]]), torch.tensor([[0.9, 0.3]]), torch.tensor([[1, 0]]))
    >>> values["mAP"], values["of1"], round(values["brier"], 3)
    (1.0, 1.0, 0.05)
    """
    found = rankings(scores, targets, num_ranks=max(KS), mask=mask, training=training)
    point = operating_point(probabilities, targets, threshold=threshold, mask=mask)
    return values_of(found, point, bins or reliability(probabilities, targets, mask=mask))


def measure_blocks(
    blocks: Blocks,
    probabilities: Callable[[Tensor], Tensor] | None = None,
    *,
    threshold: float | Tensor = 0.5,
    training: Frequencies | None = None,
) -> dict[str, float]:
    """What :func:`measure` says, of scores that come in blocks and are never in memory as a whole; two passes.

    Args:
        blocks: Starts a pass over scores, targets and mask of some samples at a time, each ``(samples, labels)``.
        probabilities: What makes them of the scores of a block; the sigmoid by default.
        threshold: In [0, 1], a number or a tensor of shape ``(labels,)``; what is above it is predicted.
        training: How frequent labels are in training; without it, the metrics that need it are nan.

    Returns: The same numbers; memory grows with the positives and one block, not with samples times labels.

    >>> scores, targets = torch.tensor([[2.0, -1.0], [1.0, 3.0]]), torch.tensor([[1, 0], [0, 1]])
    >>> parts = [(scores[:1], targets[:1], None), (scores[1:], targets[1:], None)]
    >>> measure_blocks(lambda: parts) == measure_blocks(lambda: [(scores, targets, None)])
    True
    """
    counts, bins = list[Counts](), list[Reliability]()

    def add(scores: Tensor, targets: Tensor, mask: Tensor | None) -> None:
        shares = (probabilities or torch.sigmoid)(scores)
        counts[:] = [sum(counts, count(shares, targets, threshold=threshold, mask=mask))]
        bins[:] = [sum(bins, reliability(shares, targets, mask=mask))]

    found = rankings_of_blocks(blocks, num_ranks=max(KS), training=training, also=add)
    return values_of(found, operating_point_from(counts[0]), bins[0])


def values_of(found: Rankings, point: OperatingPoint, bins: Reliability, *, ks: Sequence[int] = KS) -> dict[str, float]:
    """Every metric of the catalogue, and those of further k, from what they read."""
    metrics = CATALOGUE | {metric.name: metric for metric in at_k_metrics(ks)}
    return {name: _value(metric, found, point, bins) for name, metric in metrics.items()}


def intervals(found: Rankings, *, ks: Sequence[int] = KS) -> dict[str, tuple[float, float]]:
    """Central 95 % intervals, by bootstrap over samples, of P@k and its kin, for those that are defined."""
    metrics = {metric.name: metric for metric in (*at_k_metrics(KS), *at_k_metrics(ks))}
    each = {name: shares for name, metric in metrics.items() if (shares := metric.value(found)) is not None}
    if not each or not found.top.measured.any():
        return {}
    measured = found.top.measured  # samples of which nothing is known are no part of any draw
    draws = share_draws(*(np.stack(part, axis=1)[measured] for part in zip(*each.values(), strict=True)))
    return {name: interval(of) for name, of in zip(each, draws, strict=True) if not bool(of.isnan().all())}


def decisions(point: OperatingPoint) -> dict[str, float]:
    """The metrics of decisions, by name."""
    return {metric.name: float(metric.value(point)) for metric in DECISIONS}


def undefined() -> dict[str, float]:
    """Every metric as nan, for a network that gives no numbers."""
    return dict.fromkeys(CATALOGUE, math.nan)


def _value(metric: Metric, found: Rankings, point: OperatingPoint, bins: Reliability) -> float:
    match metric.reads:
        case "scores":
            return float(metric.value(found))
        case "shares":
            shares = metric.value(found)
            return math.nan if shares is None else share(shares)
        case "probabilities":
            return float(metric.value(bins))
        case "decisions":
            return float(metric.value(point))
