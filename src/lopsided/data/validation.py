"""Taking a validation split from the training samples."""

import dataclasses

import numpy as np

from lopsided.data.errors import DataError
from lopsided.data.leakage import content_ids
from lopsided.data.table import Table

_RANDOM_STREAM = 102  # of a seed, apart from the streams of other draws


def with_validation(table: Table, *, share: float = 0.1, seed: int = 0) -> Table:
    """Move some training samples to ``val`` where a table has no such split.

    Samples with equal features stay together, so that nothing is validated on what was trained on.

    Args:
        table: Left as it is when it has a ``val`` split or no ``train`` split.
        share: Share of the training samples to move, in [0, 1); the nearest that whole groups allow, at least one
            sample, except that 0 moves none.
        seed: Decides which, at least 0.

    Returns:
        A table with other ``splits``, or ``table`` itself.

    Raises:
        DataError: All training samples are equal, so that none can be moved.
    """
    if not 0 <= share < 1:
        raise DataError(f"the share of samples for validation must be at least 0 and below 1, got {share}")
    if share == 0 or "val" in table.split_names or "train" not in table.split_names:
        return table
    train = table.rows("train")
    _, contents, sizes = np.unique(content_ids(table.features)[train], return_inverse=True, return_counts=True)
    if len(sizes) < 2:
        raise DataError(f"{table.name}: wanted at least two different training samples, to validate on one, got one")
    order = np.random.default_rng([seed, _RANDOM_STREAM]).permutation(len(sizes))
    wanted = max(1, round(share * len(train)))
    order = order[sizes[order] <= wanted]  # a group larger than the whole share would swallow it
    moved = order[np.cumsum(sizes[order]) <= wanted] if len(order) else [int(np.argmin(sizes))]
    splits = table.splits.astype(np.promote_types(table.splits.dtype, "<U3"))
    splits[train[np.isin(contents, moved)]] = "val"
    return dataclasses.replace(table, splits=splits)
