"""Eq. 7 and 8: how confident a network is on positives and on negatives, and the gap between the two."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor

from lopsided.losses.checks import check_logits, check_mask, check_target_values, check_targets
from lopsided.losses.formula import Settings
from lopsided.losses.kernels import loss_and_gap
from lopsided.losses.kernels.call import Call


class Gap(NamedTuple):
    """Mean probability of the right answer, for positives and for negatives, and their difference."""

    p_pos: Tensor  # mean p over positives, in [0, 1]; nan where there were none
    p_neg: Tensor  # mean 1 - p over negatives, likewise
    gap: Tensor  # p_pos - p_neg, in [-1, 1]; below 0: negatives are learned better than positives


def gap_sums(logits: Tensor, targets: Tensor, *, mask: Tensor | None = None, per_label: bool = False) -> Tensor:
    r"""What eq. 7 needs of a batch, in a form that adds up over batches and ranks.

    Args:
        logits: Scores before the sigmoid, shape ``(..., labels)``, floating point.
        targets: Share y of the positive class in [0, 1], shape of ``logits``.
        mask: bool, True where the label is known, broadcasts to ``logits``.
        per_label: Keep the labels apart.

    Returns:
        :math:`\sum y p,\ \sum y,\ \sum (1-y)(1-p),\ \sum (1-y)` over known elements, float32 or float64, shape
        ``(4,)``, or ``(4, labels)`` with ``per_label``.

    >>> gap_sums(torch.zeros(2, 3), torch.tensor([[1, 0, 0], [0, 0, 0]]))
    tensor([0.5000, 1.0000, 2.5000, 5.0000])

    Source: Ridnik et al., ICCV 2021, eq. 7.
    """
    check_logits(logits)
    check_targets(targets, logits)
    check_mask(mask, logits)
    check_target_values(targets, logits, mask=mask)
    z = logits.detach().to(torch.promote_types(logits.dtype, torch.float32))
    y = targets.to(z.dtype)
    others = 1 - y
    if mask is not None:
        unknown = ~mask
        z, y, others = (part.masked_fill(unknown, 0) for part in (z, y, others))
    parts = (y * torch.sigmoid(z), y, others * torch.sigmoid(-z), others)
    if not per_label:
        return torch.stack([part.sum() for part in parts])
    return torch.stack([part.reshape(-1, part.shape[-1]).sum(dim=0) for part in parts])


def cross_entropy_and_gap(logits: Tensor, targets: Tensor, *, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Cross-entropy (summed over labels, mean over samples) and :func:`gap_sums`, in one pass where a kernel serves."""
    plain = Settings(gamma_pos=0.0, gamma_neg=0.0, margin=0.0)
    call = Call(logits, targets, plain, mask, reduction="batchmean", want_slope=False, want_gap=True)
    cost, sums = loss_and_gap(call)
    return cost, gap_sums(logits, targets, mask=mask) if sums is None else sums


def gap_of(sums: Tensor) -> Gap:
    """Eq. 7 and 8 from the sums of :func:`gap_sums`; nan where there were no positives or no negatives.

    >>> gap_of(torch.tensor([0.5, 1.0, 4.0, 5.0])).gap
    tensor(-0.3000)
    """
    p_pos, p_neg = sums[0] / sums[1], sums[2] / sums[3]
    return Gap(p_pos, p_neg, p_pos - p_neg)


def sum_over_ranks(sums: Tensor) -> Tensor:
    """The sum of every rank's tensor where a process group exists, else the tensor itself."""
    if dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1:
        sums = sums.clone()
        dist.all_reduce(sums)
    return sums


class ProbabilityGap:
    """Accumulates eq. 7 over batches.

    Args:
        per_label: Keep the labels apart; results then have the shape ``(labels,)``.

    >>> gauge = ProbabilityGap()
    >>> gauge.update(torch.tensor([[2.0, -2.0, -2.0]]), torch.tensor([[1, 0, 0]]))
    >>> gauge.update(torch.tensor([[0.0, -2.0, -2.0]]), torch.tensor([[1, 0, 0]]))
    >>> [round(float(part), 3) for part in gauge.compute()]
    [0.69, 0.881, -0.19]

    Source: Ridnik et al., ICCV 2021, eq. 7-8.
    """

    def __init__(self, *, per_label: bool = False) -> None:
        self.per_label = per_label
        self.sums: Tensor | None = None

    def update(self, logits: Tensor, targets: Tensor, mask: Tensor | None = None) -> None:
        """Add a batch: logits and targets of one shape ``(..., labels)``, mask True where known."""
        self._add(gap_sums(logits, targets, mask=mask, per_label=self.per_label))

    def merge(self, other: ProbabilityGap) -> None:
        """Add what another gauge has seen."""
        if other.per_label != self.per_label:
            raise ValueError(f"expected a gauge with per_label={self.per_label}, got per_label={other.per_label}")
        if other.sums is not None:
            self._add(other.sums)

    def all_ranks(self) -> ProbabilityGap:
        """A gauge of what every rank has seen; call it on all ranks, each after at least one update."""
        together = ProbabilityGap(per_label=self.per_label)
        together.sums = sum_over_ranks(self._seen())
        return together

    def compute(self) -> Gap:
        """Gap over everything seen; nan where there were no positives or no negatives."""
        return gap_of(self._seen())

    def reset(self) -> None:
        """Forget everything."""
        self.sums = None

    def _add(self, sums: Tensor) -> None:
        if sums.device.type != "mps":  # counts of many batches outgrow float32, and mps has nothing wider
            sums = sums.double()
        if self.sums is not None and self.sums.shape != sums.shape:
            raise ValueError(f"expected every batch to have {self.sums.shape[-1]} labels, got {sums.shape[-1]}")
        self.sums = sums if self.sums is None else self.sums + sums

    def _seen(self) -> Tensor:
        if self.sums is None:
            raise ValueError("expected at least one update before the gap is read, got none")
        return self.sums
