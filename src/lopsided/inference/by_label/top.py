"""The most probable labels of each sample, from blocks of labels that follow each other."""

from __future__ import annotations

import torch
from torch import Tensor

from lopsided.inference.by_label.blocks import Block
from lopsided.metrics.counts import Counts


class TopOfBlocks:
    """The ``top_k`` most probable known labels of each sample; of equal ones the lowest.

    Args:
        samples: How many.
        top_k: Labels of each, 1 to their number.
    """

    def __init__(self, samples: int, top_k: int) -> None:
        self.top_k = top_k
        self.probabilities = torch.full((samples, 0), 0.0)
        self.labels = torch.zeros(samples, 0, dtype=torch.int64)
        self.hits = torch.zeros(samples, 0, dtype=torch.bool)

    def add(self, block: Block, probabilities: Tensor) -> None:
        """Take the next labels into account."""
        known = probabilities if block.mask is None else probabilities.masked_fill(~block.mask, -1)
        # Stable, so that of equal ones the lowest labels come first, which torch.topk does not promise.
        numbers = _highest(known, min(self.top_k, known.shape[1]))
        beside = (
            (self.probabilities, known.gather(1, numbers)),
            (self.labels, numbers + block.part.start),
            (self.hits, block.targets.gather(1, numbers)),
        )
        found = [torch.cat(pair, dim=1) for pair in beside]
        order = found[0].argsort(dim=1, descending=True, stable=True)[:, : self.top_k]
        self.probabilities, self.labels, self.hits = (part.gather(1, order) for part in found)

    def counts(self, threshold: float | Tensor, *, positives: Tensor) -> Counts:
        """What is predicted where only these labels are, and only above the threshold; -1 is not known.

        Args:
            threshold: A number, or one for each label.
            positives: Known ones of each label, int64, shape ``(labels,)``.
        """
        above = self.probabilities > torch.as_tensor(threshold).expand(len(positives))[self.labels]
        above &= self.probabilities >= 0
        hits, predicted = (
            self.labels[chosen].bincount(minlength=len(positives)) for chosen in (above & self.hits, above)
        )
        return Counts(hits, predicted, positives)


def _highest(values: Tensor, count: int) -> Tensor:
    """Columns of the highest values of each row, of equal ones the lowest columns."""
    smallest = values.topk(count, dim=1).values[:, -1:]
    larger, equal = values > smallest, values == smallest
    chosen = larger | (equal & (equal.cumsum(dim=1, dtype=torch.int32) <= count - larger.sum(dim=1, keepdim=True)))
    return chosen.nonzero()[:, 1].reshape(len(values), count)
