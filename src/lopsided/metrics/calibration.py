"""Whether probabilities are true: of all that got 0.3, are three in ten positive?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from lopsided.metrics.checks import check_no_nan, check_shapes, check_unit_interval, known_positives

_BLOCK = 2**22  # elements that are sorted into bins at a time


@dataclass(frozen=True, eq=False)
class Reliability:
    """Sums over known elements by bins of their probability; two with the same edges add up with ``+``."""

    edges: Tensor  # shape (bins + 1,), rising from 0 to 1; a bin holds what is above its lower edge up to its upper
    counts: Tensor  # int64, shape (bins,)
    probabilities: Tensor  # sum of the probabilities, float64, shape (bins,)
    positives: Tensor  # int64, shape (bins,)
    squares: Tensor  # sum of (probability - target)^2 over all bins, float64, shape ()

    def __add__(self, other: Reliability) -> Reliability:
        if not torch.equal(self.edges, other.edges):
            raise ValueError("expected two reliabilities with the same edges, got different ones")
        return Reliability(
            self.edges,
            self.counts + other.counts,
            self.probabilities + other.probabilities,
            self.positives + other.positives,
            self.squares + other.squares,
        )

    def all_ranks(self) -> Reliability:
        """Sum over all ranks of the default process group, the same on each; without a group, these sums."""
        if not (dist.is_available() and dist.is_initialized()):
            return self
        sums = [part.clone() for part in (self.counts, self.probabilities, self.positives, self.squares)]
        for part in sums:
            dist.all_reduce(part)
        return Reliability(self.edges, *sums)

    def rows(self) -> list[list[float]]:
        """Mean probability, share of positives and number of elements of each bin that holds any."""
        columns = zip(self.counts.tolist(), self.probabilities.tolist(), self.positives.tolist(), strict=True)
        return [[total / n, positives / n, n] for n, total, positives in columns if n]

    @property
    def brier(self) -> float:
        """Mean squared difference of probability and target, in [0, 1]; nan where nothing is known."""
        return float(self.squares / self.counts.sum())

    @property
    def error(self) -> float:
        """Expected calibration error: mean over elements of their bin's gap between probability and truth."""
        return float((self.probabilities - self.positives).abs().sum() / self.counts.sum())


def reliability(
    probabilities: Tensor, targets: Tensor, *, edges: Tensor | None = None, mask: Tensor | None = None
) -> Reliability:
    """Sort all known elements of a batch into bins by their probability, all labels pooled.

    Args:
        probabilities: Of the positive class, in [0, 1], shape ``(samples, labels)``, floating point.
        targets: 0 or 1, bool, integer or float, shape of ``probabilities``.
        edges: Of the bins, rising from 0 to 1; by default, 15 bins of equal width.
        mask: True where the label is known, bool, broadcasts to ``probabilities``.

    Returns: Sums on the CPU; those of batches add up to those of all.

    >>> found = reliability(torch.tensor([[0.9, 0.8], [0.1, 0.3]]), torch.tensor([[1, 0], [0, 0]]))
    >>> round(found.brier, 4), round(found.error, 4)
    (0.1875, 0.325)
    """
    known = check_shapes("probabilities", probabilities, targets, mask)
    positives = known_positives(targets, known)
    check_no_nan("probabilities", probabilities, known)
    check_unit_interval("probabilities", probabilities, known)
    edges = equal_width_edges(15) if edges is None else _checked_edges(edges)
    none = torch.zeros(len(edges) - 1, dtype=torch.int64, device="cpu")
    total = Reliability(edges, none, none.double(), none, none.double().sum())
    rows = max(1, _BLOCK // max(1, probabilities.shape[1]))
    for at in range(0, len(probabilities), rows):
        part = slice(at, at + rows)
        chosen = torch.ones_like(positives[part]) if known is None else known[part]
        total += _sums(probabilities[part][chosen].double().cpu(), positives[part][chosen].cpu(), edges)
    return total


def brier_score(probabilities: Tensor, targets: Tensor, *, mask: Tensor | None = None) -> float:
    """Mean squared difference of probability and target over all known elements.

    Args:
        probabilities: Of the positive class, in [0, 1], shape ``(samples, labels)``, floating point.
        targets: 0 or 1, bool, integer or float, shape of ``probabilities``.
        mask: True where the label is known, bool, broadcasts to ``probabilities``.

    Returns: In [0, 1], lower is better; nan where nothing is known.

    >>> round(brier_score(torch.tensor([[0.9, 0.5]]), torch.tensor([[1, 0]])), 4)
    0.13
    """
    return reliability(probabilities, targets, mask=mask).brier


def expected_calibration_error(
    probabilities: Tensor,
    targets: Tensor,
    *,
    num_bins: int = 15,
    equal_mass: bool = False,
    mask: Tensor | None = None,
) -> float:
    """How far probabilities are from the shares of positives, on average over all known elements.

    Args:
        probabilities: Of the positive class, in [0, 1], shape ``(samples, labels)``, floating point.
        targets: 0 or 1, bool, integer or float, shape of ``probabilities``.
        num_bins: Number of bins, at least 1.
        equal_mass: Bins of equally many elements (adaptive) instead of equal width.
        mask: True where the label is known, bool, broadcasts to ``probabilities``.

    Returns: In [0, 1], lower is better; nan where nothing is known.

    >>> p = torch.tensor([[0.1], [0.1], [0.1], [0.1]])
    >>> round(expected_calibration_error(p, torch.tensor([[0], [1], [0], [0]])), 4)
    0.15
    """
    make = equal_mass_edges(probabilities, num_bins, mask=mask) if equal_mass else equal_width_edges(num_bins)
    return reliability(probabilities, targets, edges=make, mask=mask).error


def equal_width_edges(num_bins: int) -> Tensor:
    """Edges of bins of equal width, float64, shape ``(num_bins + 1,)``."""
    _check_num_bins(num_bins)
    return torch.linspace(0, 1, num_bins + 1, dtype=torch.float64, device="cpu")


def equal_mass_edges(probabilities: Tensor, num_bins: int, *, mask: Tensor | None = None) -> Tensor:
    """Edges of bins that hold about equally many of these probabilities; equal ones share a bin.

    Args:
        probabilities: In [0, 1], shape ``(samples, labels)``; of more than four million known ones, every n-th counts.
        num_bins: Number of bins, at least 1; there are fewer where many probabilities are equal.
        mask: True where the label is known, bool, broadcasts to ``probabilities``.

    Returns: float64, rising from 0 to 1, at most ``num_bins + 1``.
    """
    _check_num_bins(num_bins)
    values = probabilities if mask is None else probabilities[mask.expand(probabilities.shape)]
    values = values.detach().flatten()
    values = np.sort(values[:: -(-len(values) // _BLOCK) or 1].double().cpu().resolve_neg().numpy())
    numbers = np.arange(1, num_bins)
    inner = numbers / num_bins
    if len(values):  # the last value of each bin, counted in whole numbers: 7 / 15 of 30 is not 14 in floats
        last = values[np.maximum(-(-len(values) * numbers // num_bins), 1) - 1]
        inner = np.maximum(last[last < values[-1]], np.nextafter(0, 1))  # where zeros fill a bin, it is theirs alone
    return torch.from_numpy(np.unique(np.concatenate([[0.0], inner, [1.0]])))


def _check_num_bins(num_bins: int) -> None:
    if num_bins < 1:
        raise ValueError(f"expected num_bins to be at least 1, got {num_bins}")


def _checked_edges(edges: Tensor) -> Tensor:
    edges = edges.double().cpu()
    rising = edges.ndim == 1 and len(edges) > 1 and bool((edges.diff() > 0).all())
    if not (rising and edges[0] == 0 and edges[-1] == 1):
        raise ValueError(f"expected edges to rise from 0 to 1, got {edges.tolist()}")
    return edges


def _sums(values: Tensor, positives: Tensor, edges: Tensor) -> Reliability:
    bins, width = torch.bucketize(values, edges[1:-1]), len(edges) - 1
    return Reliability(
        edges,
        torch.bincount(bins, minlength=width),
        torch.bincount(bins, weights=values, minlength=width),
        torch.bincount(bins[positives], minlength=width),
        (values - positives.double()).square().sum(),
    )
