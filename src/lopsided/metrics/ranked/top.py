"""The best-ranked labels of each sample, from which P@k, nDCG@k and the propensity-scored P@k are read."""

# pyright: reportAttributeAccessIssue=false
# (SciPy has no type stubs.)

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack
from torch import Tensor

from lopsided.metrics.checks import as_truth, check_no_nan, check_shapes, known_positives
from lopsided.metrics.counts import largest

Shares = tuple[NDArray[np.float64], NDArray[np.float64]]
"""For each sample what is reached and what could be, whose sums over samples make a metric: one over the other."""

_AT_ONCE = 1 << 24  # elements


@dataclass(frozen=True, eq=False)
class TopRanked:
    """The best-ranked known labels of samples; two with the same number of ranks add up with ``+``.

    Args:
        labels: Number of each, int64, shape ``(samples, ranks)``, best first; -1 where fewer labels are known.
        hits: Whether it is true, bool, of that shape.
        positives: All known positives, sparse bool, shape ``(samples, labels)``.
        measured: Whether anything of a sample is known, bool, shape ``(samples,)``.
    """

    labels: NDArray[np.int64]
    hits: NDArray[np.bool_]
    positives: csr_array
    measured: NDArray[np.bool_]

    @property
    def num_ranks(self) -> int:
        """How many labels of each sample are kept."""
        return self.labels.shape[1]

    def __add__(self, other: TopRanked) -> TopRanked:
        return joined([self, other])

    def precision(self, k: int) -> Shares:
        """What :func:`lopsided.metrics.precision_at_k` adds up."""
        return self.hits[:, :k].sum(axis=1) / k, self.measured.astype(float)

    def gain(self, k: int) -> Shares:
        """What :func:`lopsided.metrics.ndcg_at_k` adds up."""
        discount = 1 / np.log2(np.arange(2, k + 2))
        count = np.diff(self.positives.indptr)
        best = np.concatenate([[np.inf], discount.cumsum()])[np.minimum(count, k)]
        return self.hits[:, :k] @ discount / best, (count > 0).astype(float)

    def scored_precision(self, k: int, propensity: NDArray[np.float64]) -> Shares:
        """What :func:`lopsided.metrics.propensity_scored_precision_at_k` adds up."""
        worth = 1 / propensity
        won = np.where(self.hits[:, :k], worth[self.labels[:, :k]], 0).sum(axis=1)
        rows = np.repeat(np.arange(len(self.hits)), np.diff(self.positives.indptr))
        each = worth[self.positives.indices]
        order = np.lexsort((-each, rows))
        place = np.arange(len(rows)) - self.positives.indptr[rows]  # from 0 within each sample
        best = np.where(place < k, each[order], 0)
        return won, np.bincount(rows, best, minlength=len(self.hits)).astype(float)


def top_ranked(scores: Tensor, targets: Tensor, *, num_ranks: int, mask: Tensor | None = None) -> TopRanked:
    """The best-ranked known labels of each sample; of equal scores the lowest labels come first.

    Args:
        scores: Logits or probabilities, only their order matters, shape ``(samples, labels)``, floating point.
        targets: 0 or 1, bool, integer or float, shape of ``scores``.
        num_ranks: How many to keep, 1 to ``labels``.
        mask: True where the label is known, bool, broadcasts to ``scores``; unknown labels are not ranked.
    """
    known = check_shapes("scores", scores, targets, mask)
    if not 1 <= num_ranks <= scores.shape[1]:
        raise ValueError(f"expected k to lie in 1 to {scores.shape[1]}, the number of labels, got {num_ranks}")
    positives = known_positives(targets, known)
    check_no_nan("scores", scores, known)
    rows = max(1, _AT_ONCE // scores.shape[1])
    parts = zip(
        scores.detach().split(rows),
        positives.split(rows),
        [None] * max(1, -(-len(scores) // rows)) if known is None else known.split(rows),
        strict=True,
    )
    return joined([_of_rows(*part, num_ranks) for part in parts])


def joined(parts: Sequence[TopRanked]) -> TopRanked:
    """All samples of some, in their order.

    Raises:
        ValueError: They keep different numbers of labels of each sample.
    """
    if len(ranks := {part.num_ranks for part in parts}) != 1:
        raise ValueError(f"expected as many best-ranked labels of each sample, got {sorted(ranks)}")
    return TopRanked(
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.hits for part in parts]),
        csr_array(vstack([part.positives for part in parts], format="csr", dtype=bool)),
        np.concatenate([part.measured for part in parts]),
    )


def share(found: Shares) -> float:
    """The metric that shares make; nan where nothing could be reached."""
    reached, could = (float(part.sum()) for part in found)
    return reached / could if could > 0 else float("nan")


def _of_rows(scores: Tensor, positives: Tensor, known: Tensor | None, num_ranks: int) -> TopRanked:
    scores, positives = scores.cpu(), positives.cpu()
    known = None if known is None else known.cpu()
    chosen = largest(scores, known, num_ranks)
    rows, labels = chosen.nonzero(as_tuple=True)
    per_row = chosen.sum(dim=1)
    place = torch.arange(len(rows), device="cpu") - (per_row.cumsum(0) - per_row)[rows]  # from 0 within each row
    shape, kind = (len(scores), num_ranks), torch.promote_types(scores.dtype, torch.float32)
    best = torch.full(shape, -torch.inf, dtype=kind, device="cpu")
    found = torch.full(shape, -1, dtype=torch.int64, device="cpu")
    best[rows, place], found[rows, place] = scores[rows, labels].to(kind), labels
    # The places that stay empty are the last ones already: stable, and -inf comes after all that is known.
    found = found.gather(1, best.argsort(dim=1, descending=True, stable=True))
    hits = positives.gather(1, found.clamp(min=0)) & (found >= 0)
    measured = torch.ones(len(scores), dtype=torch.bool, device="cpu") if known is None else known.any(dim=1)
    return TopRanked(found.numpy(), as_truth(hits), csr_array(as_truth(positives)), as_truth(measured))
