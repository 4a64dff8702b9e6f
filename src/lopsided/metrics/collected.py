"""Scores kept over batches and ranks, for metrics of the whole ranking, which do not add up from sums."""

from __future__ import annotations

from typing import TypeAlias

import torch
import torch.distributed as dist
from torch import Tensor

from lopsided.metrics.checks import check_shapes, known_positives

Rows: TypeAlias = tuple[Tensor, Tensor, Tensor | None]
"""Scores, targets and mask of some samples; without a mask every label of theirs is known."""


class CollectedScores:
    """Scores, targets and masks of all batches so far, on the CPU; a sample seen twice counts twice.

    Example:
        >>> collected = CollectedScores()
        >>> collected.update(torch.tensor([[0.9], [0.8]]), torch.tensor([[1], [0]]))
        >>> collected.update(torch.tensor([[0.7]]), torch.tensor([[1]]))
        >>> scores, targets, mask = collected.tensors()
        >>> scores.shape, targets.dtype, mask
        (torch.Size([3, 1]), torch.bool, None)
    """

    def __init__(self) -> None:
        self._batches: list[Rows] = []

    def update(self, scores: Tensor, targets: Tensor, mask: Tensor | None = None) -> None:
        """Append a copy of one batch's rows.

        Args:
            scores: Logits or probabilities, shape ``(samples, labels)``, floating point; the dtype is kept.
            targets: 0 or 1, bool, integer or float, shape of ``scores``; kept as bool, False where unknown.
            mask: True where the label is known, bool, broadcasts to ``scores``.
        """
        known = check_shapes("scores", scores, targets, mask)
        positives = known_positives(targets, known)
        self._append((_own(scores.detach()), _own(positives), None if known is None else _own(known)))

    def merge(self, other: CollectedScores) -> None:
        """Append all rows of ``other``, which stays as it is."""
        for rows in list(other._batches):  # a list of its own, so that merging with itself ends
            self._append(rows)

    def tensors(self) -> Rows:
        """All rows in the order they came.

        Returns:
            Scores ``(samples, labels)``, targets as bool of that shape, and the mask of that shape, or None where
            no batch had one. Before the first update the shape is ``(0, 0)``.
        """
        if not self._batches:
            return torch.empty(0, 0, device="cpu"), torch.empty(0, 0, dtype=torch.bool, device="cpu"), None
        if len(self._batches) > 1:
            self._batches = [_joined(self._batches)]  # in their place, so that nothing is kept twice
        return self._batches[0]

    def all_ranks(self) -> CollectedScores:
        """The rows of all ranks of the default process group, in rank order, the same on each rank.

        Every rank of the group must call it, one without rows too. Without a group, the rows of this process.
        """
        if not (dist.is_available() and dist.is_initialized()):
            parts = [self._batches]
        else:
            own = [self.tensors()] if self._batches else []
            parts: list[list[Rows]] = [[] for _ in range(dist.get_world_size())]
            # As objects, because ranks may differ in rows, in dtype and in whether they have a mask.
            dist.all_gather_object(parts, own)
        collected = CollectedScores()
        for part in parts:
            for rows in part:
                collected._append(rows)
        return collected

    def _append(self, rows: Rows) -> None:
        num_labels = rows[0].shape[1]
        if self._batches and self._batches[0][0].shape[1] != num_labels:
            wanted = self._batches[0][0].shape[1]
            raise ValueError(f"expected scores to have {wanted} labels like the rows before, got {num_labels}")
        self._batches.append(rows)


def _own(values: Tensor) -> Tensor:
    """A compact copy on the CPU: the caller may write to its batch, or drop the tensor that this is a view of."""
    return values.to("cpu", copy=True, memory_format=torch.contiguous_format)


def _joined(batches: list[Rows]) -> Rows:
    scores = torch.cat([rows[0] for rows in batches])
    targets = torch.cat([rows[1] for rows in batches])
    masks = [rows[2] for rows in batches]
    if all(mask is None for mask in masks):
        return scores, targets, None
    known = [torch.ones_like(rows[1]) if rows[2] is None else rows[2] for rows in batches]
    return scores, targets, torch.cat(known)
