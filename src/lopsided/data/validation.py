"""Taking a validation split from the training samples."""

import dataclasses
from typing import TypeVar

import numpy as np

from lopsided.data.contents.leakage import content_ids
from lopsided.data.samples import Samples
from lopsided.files.errors import DataError

_RANDOM_STREAM = 102  # of a seed, apart from the streams of other draws
_Data = TypeVar("_Data", bound=Samples)


def with_validation(data: _Data, *, share: float = 0.1, seed: int = 0) -> _Data:
    """Move some training samples to ``val`` where there is no such split.

    Samples with equal features, or equal files, stay together, so that nothing is validated on what was trained on.

    Args:
        data: Left as it is when it has a ``val`` split or no ``train`` split.
        share: Share of the training samples to move, in [0, 1); the nearest that whole groups allow, at least one
            sample, except that 0 moves none.
        seed: Decides which, at least 0.

    Returns:
        The same samples with other ``splits``, or ``data`` itself.

    Raises:
        DataError: All training samples are equal, so that none can be moved.
    """
    if not 0 <= share < 1:
        raise DataError(f"expected the share of samples for validation to be at least 0 and below 1, got {share}")
    if share == 0 or "val" in data.split_names or "train" not in data.split_names:
        return data
    train = data.rows("train")
    _, contents, sizes = np.unique(content_ids(data)[train], return_inverse=True, return_counts=True)
    if len(sizes) < 2:
        raise DataError(f"{data.name}: expected at least two different training samples, to validate on one, got one")
    order = np.random.default_rng([seed, _RANDOM_STREAM]).permutation(len(sizes))
    wanted = max(1, round(share * len(train)))
    order = order[sizes[order] <= wanted]  # a group larger than the whole share would swallow it
    moved = order[np.cumsum(sizes[order]) <= wanted] if len(order) else [int(np.argmin(sizes))]
    splits = data.splits.astype(np.promote_types(data.splits.dtype, "<U3"))
    splits[train[np.isin(contents, moved)]] = "val"
    return dataclasses.replace(data, splits=splits)
