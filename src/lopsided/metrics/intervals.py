"""How far F1 and shares of samples may be off because other samples could have been drawn."""
# pyright: reportAttributeAccessIssue=false
# (SciPy has no type stubs.)

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from lopsided.metrics.checks import as_truth, check_shapes, known_positives
from lopsided.metrics.counts import predicted_above

_DRAWS_AT_ONCE = 50


def f1_draws(
    probabilities: Tensor,
    targets: Tensor,
    *,
    threshold: float | Tensor = 0.5,
    mask: Tensor | None = None,
    num_draws: int = 500,
    seed: int = 0,
) -> Tensor:
    """Macro and micro F1 on draws of as many samples, with replacement (bootstrap).

    With one seed, two thresholds are measured on the same draws, so that their difference has an interval too.

    Args:
        probabilities: In [0, 1], shape ``(samples, labels)``, floating point.
        targets: 0 or 1, bool, integer or float, shape of ``probabilities``.
        threshold: In [0, 1], a number or a tensor of shape ``(labels,)``; a probability equal to it is a no.
        mask: True where the label is known, bool, broadcasts to ``probabilities``.
        num_draws: Number of draws, >= 1.
        seed: Decides which samples are drawn.

    Returns: float64, shape ``(2, num_draws)``: mean F1 over labels with a positive in the draw, and F1 of all pooled;
        nan for a draw without any positive.

    >>> p, y = torch.tensor([[0.9], [0.8], [0.2], [0.4]]), torch.tensor([[1], [1], [0], [1]])
    >>> interval(f1_draws(p, y)[0])
    (0.0, 1.0)
    """
    known = check_shapes("probabilities", probabilities, targets, mask)
    positives = known_positives(targets, known)
    predicted = predicted_above(probabilities, known, threshold)
    parts = [csr_array(as_truth(part), dtype=np.float32) for part in (predicted & positives, predicted, positives)]
    draws = [
        _f1(*(np.asarray(times @ part, dtype=float) for part in parts))
        for times in _times_drawn(len(probabilities), num_draws, seed)
    ]
    return torch.from_numpy(np.concatenate(draws, axis=1))


def share_draws(
    reached: NDArray[np.float64], could: NDArray[np.float64], *, num_draws: int = 500, seed: int = 0
) -> Tensor:
    """Shares, each a sum over samples over another one, on draws of as many samples, with replacement (bootstrap).

    With one seed, all are measured on the same draws, and on those of :func:`f1_draws`.

    Args:
        reached: Of each sample, shape ``(samples, metrics)``.
        could: What it could have reached, of that shape.
        num_draws: Number of draws, >= 1.
        seed: Decides which samples are drawn.

    Returns: float64, shape ``(metrics, num_draws)``; nan for a draw in which nothing could be reached.

    >>> interval(share_draws(np.array([[1.0], [0.0]]), np.ones((2, 1)))[0])
    (0.0, 1.0)
    """
    draws = []
    for times in _times_drawn(len(reached), num_draws, seed):
        above, below = times.astype(float) @ reached, times.astype(float) @ could
        draws.append(np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0))
    return torch.from_numpy(np.concatenate(draws).T.copy())


def _times_drawn(num_samples: int, num_draws: int, seed: int) -> Iterator[NDArray[np.float32]]:
    """How often each sample is in each of some draws, shape (draws, samples)."""
    random = np.random.default_rng(seed)
    for start in range(0, num_draws, _DRAWS_AT_ONCE):
        count = min(_DRAWS_AT_ONCE, num_draws - start)
        times = [
            np.bincount(random.integers(num_samples, size=num_samples), minlength=num_samples) for _ in range(count)
        ]
        yield np.stack(times).astype(np.float32)


def interval(draws: Tensor, *, share: float = 0.95) -> tuple[float, float]:
    """The central interval that holds this share of the draws; nan draws are left out."""
    low, high = draws.nanquantile(draws.new_tensor([(1 - share) / 2, (1 + share) / 2])).tolist()
    return low, high


def _f1(
    true_positives: NDArray[np.float64], predicted: NDArray[np.float64], positives: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Macro and micro F1 of each draw, from counts of shape (draws, labels)."""
    defined = positives > 0
    each = 2 * true_positives / np.maximum(predicted + positives, 1)
    macro = np.where(defined, each, 0).sum(axis=1) / np.maximum(defined.sum(axis=1), 1)
    micro = 2 * true_positives.sum(axis=1) / np.maximum((predicted + positives).sum(axis=1), 1)
    return np.where(defined.any(axis=1), np.stack([macro, micro]), np.nan)
