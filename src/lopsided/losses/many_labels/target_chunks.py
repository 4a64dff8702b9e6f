"""Targets of a large label set, dense or sparse, given out densely for some labels at a time."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lopsided.losses.checks import check_targets


@dataclass(frozen=True)
class TargetChunks:
    """Either all targets, or the sparse ones in the order of their labels."""

    shape: torch.Size  # (samples, labels)
    whole: Tensor | None
    rows: Tensor | None = None  # sample of each stored target
    columns: Tensor | None = None  # its label, ascending
    values: Tensor | None = None  # its share y, or True

    def dense(self, part: slice) -> Tensor:
        """Targets of the labels ``part``, shape ``(samples, labels in part)``."""
        if self.whole is not None:
            return self.whole[:, part]
        assert self.rows is not None
        assert self.columns is not None
        assert self.values is not None
        ends = torch.tensor([part.start, part.stop], device=self.columns.device)
        first, last = torch.searchsorted(self.columns, ends).tolist()
        chunk = self.values.new_zeros((self.shape[0], part.stop - part.start))
        chunk[self.rows[first:last], self.columns[first:last] - part.start] = self.values[first:last]
        return chunk


def target_chunks(targets: Tensor, shape: torch.Size, *, indices: bool) -> TargetChunks:
    """Checked targets of ``shape``, dense, sparse CSR, or with ``indices`` the numbers of the positive labels."""
    if not isinstance(targets, Tensor):
        raise TypeError(f"expected targets to be a tensor, got {type(targets).__name__}")
    if indices:
        return _from_indices(targets, shape)
    if targets.layout == torch.sparse_csr:
        if targets.shape != shape:
            raise ValueError(f"expected targets to have the shape {tuple(shape)}, got {tuple(targets.shape)}")
        counts = targets.crow_indices().diff()
        rows = torch.repeat_interleave(torch.arange(shape[0], device=targets.device), counts)
        return _sorted(shape, rows, targets.col_indices().long(), targets.values())
    if targets.layout != torch.strided:
        raise TypeError(f"expected targets to be dense or sparse CSR, got {targets.layout}")
    check_targets(targets, torch.empty(shape, device="meta"))
    return TargetChunks(shape, targets)


def _from_indices(targets: Tensor, shape: torch.Size) -> TargetChunks:
    if targets.dtype not in (torch.int64, torch.int32, torch.int16):
        raise TypeError(f"expected targets to be label numbers, int64, int32 or int16, got {targets.dtype}")
    if targets.dim() != 2 or targets.shape[0] != shape[0]:
        raise ValueError(f"expected targets to have the shape ({shape[0]}, most positives), got {tuple(targets.shape)}")
    if targets.numel():
        lowest, highest = (int(bound) for bound in torch.aminmax(targets))
        if lowest < -1 or highest >= shape[1]:
            raise ValueError(
                f"expected targets to be label numbers below {shape[1]}, or -1, got values from {lowest} to {highest}"
            )
    rows, places = (targets >= 0).nonzero(as_tuple=True)
    columns = targets[rows, places].long()
    return _sorted(shape, rows, columns, torch.ones_like(columns, dtype=torch.bool))


def _sorted(shape: torch.Size, rows: Tensor, columns: Tensor, values: Tensor) -> TargetChunks:
    order = columns.argsort()
    return TargetChunks(shape, None, rows[order], columns[order], values[order])
