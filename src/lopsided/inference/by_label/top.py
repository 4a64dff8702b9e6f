"""The best-ranked labels of each sample, from blocks of labels that follow each other."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from lopsided.inference.by_label.blocks import Block
from lopsided.metrics.counts import Counts
from lopsided.metrics.ranked.top import TopRanked


class TopOfBlocks:
    """The ``top_k`` best-ranked known labels of each sample, such as the most probable; of equal ones the lowest.

    Args:
        samples: How many.
        top_k: Labels of each, 1 to their number.
    """

    def __init__(self, samples: int, top_k: int) -> None:
        self.top_k = top_k
        self.scores = torch.full((samples, 0), 0.0)
        self.labels = torch.zeros(samples, 0, dtype=torch.int64)
        self.hits = torch.zeros(samples, 0, dtype=torch.bool)

    def add(self, block: Block, scores: Tensor) -> None:
        """Take the next labels into account, ranked by these scores."""
        known = scores if block.mask is None else scores.masked_fill(~block.mask, -torch.inf)
        # Stable, so that of equal ones the lowest labels come first, which torch.topk does not promise.
        numbers = _highest(known, min(self.top_k, known.shape[1]))
        beside = (
            (self.scores, known.gather(1, numbers)),
            (self.labels, numbers + block.part.start),
            (self.hits, block.targets.gather(1, numbers)),
        )
        found = [torch.cat(pair, dim=1) for pair in beside]
        order = found[0].argsort(dim=1, descending=True, stable=True)[:, : self.top_k]
        self.scores, self.labels, self.hits = (part.gather(1, order) for part in found)

    def counts(self, threshold: float | Tensor, *, positives: Tensor) -> Counts:
        """What is predicted where only these labels are, by their probability, and only above the threshold.

        Args:
            threshold: A number, or one for each label.
            positives: Known ones of each label, int64, shape ``(labels,)``.
        """
        above = self.scores > torch.as_tensor(threshold).expand(len(positives))[self.labels]
        hits, predicted = (
            self.labels[chosen].bincount(minlength=len(positives)) for chosen in (above & self.hits, above)
        )
        return Counts(hits, predicted, positives)

    def ranked(self, positives: csr_array, known: NDArray[np.bool_]) -> TopRanked:
        """The labels as metrics take them, of samples whose known positives are these, and which of them are known."""
        return TopRanked(self.labels.numpy(), self.hits.numpy(), positives, known)


def _highest(values: Tensor, count: int) -> Tensor:
    """Columns of the highest values of each row, of equal ones the lowest columns."""
    smallest = values.topk(count, dim=1).values[:, -1:]
    larger, equal = values > smallest, values == smallest
    chosen = larger | (equal & (equal.cumsum(dim=1, dtype=torch.int32) <= count - larger.sum(dim=1, keepdim=True)))
    return chosen.nonzero()[:, 1].reshape(len(values), count)
