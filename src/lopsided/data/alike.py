"""Which samples are alike, once it is known which of their contents are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from lopsided.data.split_names import ordered_split_names

_FAR = np.iinfo(np.int64).max


class Alike(NamedTuple):
    """Which of some samples are alike.

    Args:
        rows: Numbers of those samples that can be compared, ascending, int64.
        contents: The number of the content of each of them, int64 from 0 without gaps, shape of ``rows``.
        one: Contents, each with all that it is like, itself among them: a pair stands there in both orders.
        other: The other content of each pair.
        apart: By how much both differ, int64, at least 0.
    """

    rows: np.ndarray
    contents: np.ndarray
    one: np.ndarray
    other: np.ndarray
    apart: np.ndarray


def alike_in_two_splits(alike: Alike, splits: np.ndarray) -> np.ndarray:
    """Samples that are like one of an earlier split: train comes before val, val before test, then others.

    Args:
        alike: What is alike.
        splits: Text, shape (samples,).

    Returns:
        int64, shape (pairs, 2): the most similar sample of an earlier split, and the sample itself; ascending in the
        second, which occurs once.
    """
    rows, contents, one, other, apart = alike
    # earlier: the first sample with each content in the splits so far; best: the nearest of these to each content.
    nobody, count = len(splits), int(contents.max(initial=-1)) + 1
    earlier = np.full(count, nobody)
    pairs: list[np.ndarray] = []
    for split in ordered_split_names(splits):
        mine = splits[rows] == split
        best = np.full(count, _FAR)
        there = earlier[other] < nobody
        np.minimum.at(best, one[there], apart[there] * nobody + earlier[other[there]])
        found = mine & (best[contents] < _FAR)
        pairs.append(np.stack([best[contents[found]] % nobody, rows[found]], axis=1))
        np.minimum.at(earlier, contents[mine], rows[mine])
    together = np.concatenate(pairs)
    return together[np.argsort(together[:, 1])]


def ids_of_alike(alike: Alike, num_samples: int) -> np.ndarray:
    """Number what is alike, directly or through others: two samples have one number where a chain connects them.

    Returns:
        int64 from 0 in the order of first occurrence, shape (samples,).
    """
    count = int(alike.contents.max(initial=-1)) + 1
    ids = count + np.arange(num_samples)
    if count:
        edges = coo_array((np.ones(len(alike.one), dtype=bool), (alike.one, alike.other)), shape=(count, count))
        ids[alike.rows] = connected_components(edges, directed=False)[1][alike.contents]
    first, ids = np.unique(ids, return_index=True, return_inverse=True)[1:]
    return np.argsort(np.argsort(first))[ids]
