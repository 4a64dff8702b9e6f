"""Eq. 7 and 8 with loops."""

import math


def gap(logits, targets, mask):
    """Mean p of positives, mean 1 - p of negatives, and their difference."""
    right = {True: [], False: []}
    for z, y, known in zip(logits, targets, mask, strict=True):
        if known:
            p = 1 / (1 + math.exp(-z))
            right[bool(y)].append(p if y else 1 - p)
    p_pos, p_neg = (sum(part) / len(part) for part in (right[True], right[False]))
    return p_pos, p_neg, p_pos - p_neg
