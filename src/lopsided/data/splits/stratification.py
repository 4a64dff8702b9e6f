"""Which part of a data set each sample goes to, so that every part has its share of every label."""
# pyright: reportOptionalSubscript=false
# (SciPy has no type stubs, and pyright infers that the shape of a sparse array may be None.)

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from lopsided.data.labels import Labels
from lopsided.files.errors import DataError

_RANDOM_STREAM = 117  # of a seed, apart from the streams of other draws
_WORST = 10  # labels named of each part


def joined(*ids: np.ndarray) -> np.ndarray:
    """Number what must stay together: samples that share an id of any kind, directly or through others.

    Args:
        ids: Of each kind, as groups and contents, what each sample has; shape (samples,).

    Returns:
        int64 from 0, shape (samples,).

    Example:
        >>> joined(np.array([1, 1, 2, 3]), np.array(["a", "b", "b", "c"])).tolist()
        [0, 0, 0, 1]
    """
    samples, nodes, edges = len(ids[0]), len(ids[0]), []
    for kind in ids:
        numbers = np.unique(kind, return_inverse=True)[1]
        edges.append(nodes + numbers)
        nodes += int(numbers.max(initial=-1)) + 1
    ends = np.concatenate(edges)
    starts = np.tile(np.arange(samples), len(ids))
    graph = coo_array((np.ones(len(ends), dtype=bool), (starts, ends)), shape=(nodes, nodes))
    return np.unique(connected_components(graph, directed=False)[1][:samples], return_inverse=True)[1]


def stratify(positives: csr_array, shares: Sequence[float], *, items: np.ndarray, seed: int = 0) -> np.ndarray:
    """Share samples out by iterative stratification, whole items at a time.

    The label with the fewest positives left comes first; each of its items goes to the part that lacks most of this
    label, then to the one that lacks most samples, then to one at random. Items without positives fill what is left.
    Unlike in the paper, an item may be many samples, counted as such, and the items with most of the label come first.
    Only positives count: what is unknown says nothing. O(labels² + positives · parts), and no dense matrix but one
    of labels by parts.

    Args:
        positives: bool, shape (samples, labels).
        shares: Of each part, above 0; they sum to 1.
        items: Which samples stay together, int64 from 0 without gaps, as ``joined`` gives; shape (samples,).
        seed: Decides the order of equals, at least 0.

    Returns:
        The part of each sample, int64 from 0, shape (samples,).

    Source: Sechidis, Tsoumakas and Vlahavas, "On the stratification of multi-label data", 2011, algorithm 1.
    """
    wanted = np.asarray(shares, dtype=np.float64)
    if len(wanted) < 2 or not (wanted > 0).all() or abs(wanted.sum() - 1) > 1e-6:
        raise DataError(f"expected at least two shares above 0 that sum to 1, got {list(shares)}")
    sizes = np.bincount(items)
    if len(sizes) < len(wanted):
        raise DataError(f"expected at least {len(wanted)} samples that may be parted, got {len(sizes)}")
    samples = np.arange(len(items))
    member = csr_array((np.ones(len(items), np.int64), (items, samples)), shape=(len(sizes), len(items)))
    counts = csr_array(member @ positives.astype(np.int64))
    by_label = counts.tocsc()
    random = np.random.default_rng([seed, _RANDOM_STREAM])
    order = random.permutation(len(sizes))
    left = np.asarray(counts.sum(axis=0)).ravel()
    lacks, room = np.outer(left, wanted), wanted * len(items)
    parts = np.full(len(sizes), -1)

    def give(item: int, lack: np.ndarray) -> None:
        best = np.flatnonzero(lack == lack.max())
        if len(best) > 1:
            best = best[room[best] == room[best].max()]
        part = best[0] if len(best) == 1 else random.choice(best)
        cells = slice(counts.indptr[item], counts.indptr[item + 1])
        labels, numbers = counts.indices[cells], counts.data[cells]
        lacks[labels, part] -= numbers
        left[labels] -= numbers
        room[part] -= sizes[item]
        parts[item] = part

    while left.any():
        label = int(np.argmin(np.where(left > 0, left, np.iinfo(left.dtype).max)))
        cells = slice(by_label.indptr[label], by_label.indptr[label + 1])
        rows, numbers = by_label.indices[cells], by_label.data[cells]
        is_open = parts[rows] < 0
        rows, numbers = rows[is_open], numbers[is_open]
        for item in rows[np.lexsort((order[rows], np.negative(numbers)))].tolist():
            give(item, lacks[label])
    rest = np.flatnonzero(parts < 0)
    for item in rest[np.lexsort((order[rest], -sizes[rest]))].tolist():
        give(item, room)
    return parts[items]


def reached(labels: Labels, parts: np.ndarray, shares: Mapping[str, float]) -> dict[str, Any]:
    """How near each part comes to its share of the samples and of each label's positives.

    Args:
        labels: Of the samples; labels without a positive don't count.
        parts: As :func:`stratify` gives them, shape (samples,).
        shares: Of each part, by its name.

    Returns:
        ``splits``: of each part its samples, its share of them, the mean over labels of how far its share of a label's
        positives is from the share wanted, the shares of the labels that are farthest, the farthest first, and
        ``deviation_of_labels``: by how much each label's share is above the share wanted.
        ``too_rare_for_every_split``: labels with fewer positives than there are parts, and how many they have.
    """
    total = labels.positives_per_label()
    there = np.flatnonzero(total)
    splits = {}
    for part, (name, share) in enumerate(shares.items()):
        rows = np.flatnonzero(parts == part)
        got = np.asarray(labels.positives[rows].sum(axis=0)).ravel()[there] / total[there]
        off = np.abs(got - share)
        worst = np.argsort(-off, kind="stable")[:_WORST]
        splits[name] = {
            "samples": len(rows),
            "share": len(rows) / len(parts),
            "mean_deviation": float(off.mean()) if len(off) else 0.0,
            "worst_labels": {labels.names[there[k]]: float(got[k]) for k in worst},
            "deviation_of_labels": {labels.names[k]: float(off) for k, off in zip(there, got - share, strict=True)},
        }
    rare = there[total[there] < len(shares)]
    return {
        "splits": splits,
        "too_rare_for_every_split": {labels.names[label]: int(total[label]) for label in rare},
    }
