"""Long noisy series as lines that can be read: smoothed, and thinned to what a screen can show."""

from __future__ import annotations

import numpy as np

_BINS = 240  # of a thinned series; two points each


def smoothing_window(length: int) -> int:
    """How many values one point of a smoothed line averages: a fortieth of the series, odd, at least 1."""
    return length // 40 // 2 * 2 + 1


def smooth(values: np.ndarray, window: int) -> np.ndarray:
    """Centred moving average that skips what is not finite; shorter at both ends.

    Args:
        values: float, shape (n,).
        window: Values in an average, odd, at least 1.

    Returns:
        float64, shape (n,); nan where a window holds nothing finite.

    Example:
        >>> smooth(np.array([0.0, 3.0, np.nan, 9.0]), 3).tolist()
        [1.5, 1.5, 6.0, 9.0]
    """
    if not len(values):
        return np.zeros(0)
    finite = np.isfinite(values)
    kernel = np.ones(window)
    sums = np.convolve(np.where(finite, values, 0.0), kernel, mode="full")
    counts = np.convolve(finite.astype(float), kernel, mode="full").round()
    middle = slice(window // 2, window // 2 + len(values))
    sums, counts = sums[middle], counts[middle]
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def thin(values: np.ndarray) -> np.ndarray:
    """Positions that draw the same line with few points: the lowest and the highest value of each stretch.

    Args:
        values: float, shape (n,), not empty.

    Returns:
        Ascending positions with the first and the last among them, int64, at most 482.
    """
    if len(values) <= 2 * _BINS:
        return np.arange(len(values))
    kept = {0, len(values) - 1}
    for stretch in np.array_split(np.arange(len(values)), _BINS):
        finite = stretch[np.isfinite(values[stretch])]
        if len(finite):
            kept |= {int(finite[values[finite].argmin()]), int(finite[values[finite].argmax()])}
        else:
            kept.add(int(stretch[0]))  # a gap stays a gap
    return np.array(sorted(kept))
