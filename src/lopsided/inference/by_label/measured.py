"""Every metric of a split whose scores are too many to hold: exact, in two passes over blocks of labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lopsided.inference.by_label.blocks import Block, Blocks
from lopsided.inference.by_label.top import TopOfBlocks
from lopsided.metrics import Reliability, average_precision, equal_mass_edges, reliability, roc_auc
from lopsided.metrics.average_precision import eleven_point_average_precision
from lopsided.metrics.counts import Counts, count
from lopsided.metrics.operating_point import OperatingPoint, operating_point_from
from lopsided.metrics.ranked.blocks import RankingOfPositives
from lopsided.metrics.ranked.frequencies import Frequencies
from lopsided.metrics.ranked.rankings import Rankings
from lopsided.runs.loss.calibrators import for_labels

PER_LABEL = (average_precision, eleven_point_average_precision, roc_auc)
"""What each label has its own ranking for."""

_SAMPLED = 2**22  # probabilities whose quantiles are the edges of bins of equal mass


@dataclass(eq=False)
class _First:
    """What the first pass gathers."""

    top: TopOfBlocks  # by probability
    ranked: TopOfBlocks  # by score
    values: list[list[Tensor]] = field(default_factory=lambda: [[] for _ in PER_LABEL])
    counts: list[Counts] = field(default_factory=list)
    negatives: list[Tensor] = field(default_factory=list)
    positives: list[np.ndarray] = field(default_factory=list)  # logits of all known ones
    drawn: tuple[list[Tensor], list[Tensor]] = field(default_factory=lambda: ([], []))
    wide: list[Reliability] = field(default_factory=list)  # of probabilities, and of those without any calibration
    known: Tensor | None = None  # whether anything of a sample is


@dataclass(frozen=True, eq=False)
class Measured:
    """What :func:`lopsided.inference.evaluate.described` says of scores that are held."""

    rankings: Rankings
    point: OperatingPoint  # above the threshold
    bins: Reliability  # of the probabilities
    top: Counts  # of the most probable labels
    positives: Tensor  # known ones of each label, int64
    negatives: Tensor  # likewise
    samples: int  # of which anything is known
    after: dict[str, Any]  # how true the probabilities are
    before: dict[str, Any]  # how true they are without any calibration


def measured(
    blocks: Blocks,
    calibrator: nn.Module,
    *,
    threshold: float | Tensor,
    top_k: int,
    num_ranks: int,
    training: Frequencies | None,
    before: Callable[[Tensor], Tensor] = torch.sigmoid,
) -> Measured:
    """All metrics of a split.

    Args:
        blocks: Of the split.
        calibrator: From scores to probabilities; :func:`lopsided.runs.loss.calibrators.for_labels` takes it apart.
        threshold: In [0, 1], a number or one for each label.
        top_k: How many of the most probable labels of each sample are decided on.
        num_ranks: How many of the best-ranked labels of each sample rankings look at.
        training: How frequent labels are in training, if that is known.
        before: From scores to probabilities without any calibration.
    """
    num_labels = blocks.num_labels
    above = torch.as_tensor(threshold, dtype=torch.float32).expand(num_labels)
    tops = [TopOfBlocks(len(blocks), min(most, num_labels)) for most in (top_k, num_ranks)]
    seen = _First(tops[0], tops[1])
    for block in blocks:
        _take(seen, block, _both(block, calibrator, before), above[block.part], num_labels)
    ranking = RankingOfPositives(np.concatenate(seen.positives))
    edges = [equal_mass_edges(torch.cat(some), 15) for some in seen.drawn]
    even: list[Reliability] = []
    for block in blocks:
        ranking.add(np.sort((block.logits.flatten() if block.mask is None else block.logits[block.mask]).numpy()))
        both = _both(block, calibrator, before)
        parts = [reliability(p, block.targets, edges=at, mask=block.mask) for p, at in zip(both, edges, strict=True)]
        even = parts if not even else [one + other for one, other in zip(even, parts, strict=True)]
    counts = Counts(*(torch.cat(column) for column in zip(*map(_columns, seen.counts), strict=True)))
    known = np.ones(len(blocks), bool) if seen.known is None else seen.known.numpy()
    precision, eleven_points, area = (torch.cat(values) for values in seen.values)
    micro_precision, _, micro_area = ranking.values()
    return Measured(
        Rankings(
            precision,
            eleven_points,
            area,
            micro_precision,
            micro_area,
            seen.ranked.ranked(blocks.labels.positives, known),
            training,
        ),
        operating_point_from(counts),
        seen.wide[0],
        seen.top.counts(threshold, positives=counts.positives),
        counts.positives,
        torch.cat(seen.negatives),
        int(known.sum()),
        *(_truthfulness(wide, some) for wide, some in zip(seen.wide, even, strict=True)),
    )


def _take(seen: _First, block: Block, both: tuple[Tensor, Tensor], threshold: Tensor, num_labels: int) -> None:
    (_, logits, targets, mask), (probabilities, _) = block, both
    for found, metric in zip(seen.values, PER_LABEL, strict=True):
        found.append(metric(logits, targets, mask=mask))
    seen.counts.append(count(probabilities, targets, threshold=threshold, mask=mask))
    seen.negatives.append((~targets if mask is None else ~targets & mask).sum(dim=0))
    seen.positives.append((logits[targets] if mask is None else logits[targets & mask]).numpy())
    seen.top.add(block, probabilities)
    seen.ranked.add(block, logits)
    wide = [reliability(p, targets, mask=mask) for p in both]
    seen.wide = wide if not seen.wide else [one + other for one, other in zip(seen.wide, wide, strict=True)]
    every = max(1, -(-len(logits) * num_labels // _SAMPLED))
    for drawn, p in zip(seen.drawn, both, strict=True):
        drawn.append((p.flatten() if mask is None else p[mask])[::every].clone())
    if mask is not None:
        known = mask.any(dim=1)
        seen.known = known if seen.known is None else seen.known | known


def _both(block: Block, calibrator: nn.Module, before: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    return for_labels(calibrator, block.part)(block.logits), before(block.logits)


def _columns(counts: Counts) -> tuple[Tensor, Tensor, Tensor]:
    return counts.true_positives, counts.predicted, counts.positives


def _truthfulness(wide: Reliability, even: Reliability) -> dict[str, Any]:
    return {"brier": wide.brier, "ece": wide.error, "ece_equal_mass": even.error, "bins": wide.rows()}
