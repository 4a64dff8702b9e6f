"""Taking validation and test splits from the training samples."""

import dataclasses
from typing import TypeVar

import numpy as np

from lopsided.data.contents.leakage import content_ids
from lopsided.data.samples import Samples
from lopsided.data.splits.stratification import stratify
from lopsided.data.splits.together import check_parts, kept_together
from lopsided.files.errors import DataError

_RANDOM_STREAM = 102  # of a seed, apart from the streams of other draws
_Data = TypeVar("_Data", bound=Samples)


def with_validation(data: _Data, *, share: float = 0.1, seed: int = 0) -> _Data:
    """Move some training samples to ``val`` where there is no such split.

    Samples with equal features, or equal files, stay together, so that nothing is validated on what was trained on.
    Where samples have groups, these stay together too, and the split is stratified over labels as ``lopsided split``
    does it; without groups samples are drawn at random.

    Args:
        data: Left as it is when it has a ``val`` split or no ``train`` split.
        share: Share of the training samples to move, in [0, 1); the nearest that whole groups allow, at least one
            sample, except that 0 moves none.
        seed: Decides which, at least 0.

    Returns:
        The same samples with other ``splits``, or ``data`` itself.

    Raises:
        DataError: All training samples are equal or of one group, so that none can be moved.
    """
    if not 0 <= share < 1:
        raise DataError(f"expected the share of samples for validation to be at least 0 and below 1, got {share}")
    if share == 0 or "val" in data.split_names or "train" not in data.split_names:
        return data
    train = data.rows("train")
    if data.groups is not None:
        return _moved(data, train[_stratified(data, train, share=share, seed=seed)], "val")
    _, contents, sizes = np.unique(content_ids(data)[train], return_inverse=True, return_counts=True)
    if len(sizes) < 2:
        raise DataError(f"{data.name}: expected at least two different training samples, to validate on one, got one")
    order = np.random.default_rng([seed, _RANDOM_STREAM]).permutation(len(sizes))
    wanted = max(1, round(share * len(train)))
    order = order[sizes[order] <= wanted]  # a group larger than the whole share would swallow it
    moved = order[np.cumsum(sizes[order]) <= wanted] if len(order) else [int(np.argmin(sizes))]
    return _moved(data, train[np.isin(contents, moved)], "val")


def with_test(data: _Data, *, share: float, seed: int = 0) -> _Data:
    """Move some training samples to ``test``, stratified over labels; groups and equal samples stay together.

    Args:
        data: Left as it is when ``share`` is 0.
        share: Share of the training samples to move, in [0, 1); the nearest that whole groups allow, at least one
            sample, except that 0 moves none.
        seed: Decides which, at least 0.

    Returns:
        The same samples with other ``splits``, or ``data`` itself.

    Raises:
        DataError: There is a ``test`` split already, or no ``train`` split, or nothing to part.
    """
    if not 0 <= share < 1:
        raise DataError(f"expected the share of samples for testing to be at least 0 and below 1, got {share}")
    if share == 0:
        return data
    if "test" in data.split_names or "train" not in data.split_names:
        raise DataError(
            f"expected data.test_share with a train split and without a test split, got the splits "
            f"{', '.join(data.split_names)} of {data.name}"
        )
    train = data.rows("train")
    return _moved(data, train[_stratified(data, train, share=share, seed=seed)], "test")


def _stratified(data: Samples, train: np.ndarray, *, share: float, seed: int) -> np.ndarray:
    """Which of the training samples to move, bool: as the share says, or the smallest set if the share is below it."""
    items = np.unique(kept_together(data)[train], return_inverse=True)[1]
    check_parts(items, 2, name=data.name)
    is_moved = stratify(data.labels.positives[train], (1 - share, share), items=items, seed=seed) == 1
    if not is_moved.any():
        return items == np.argmin(np.bincount(items))
    if is_moved.all():
        return items != np.argmin(np.bincount(items))
    return is_moved


def _moved(data: _Data, rows: np.ndarray, split: str) -> _Data:
    splits = data.splits.astype(np.promote_types(data.splits.dtype, f"<U{len(split)}"))
    splits[rows] = split
    return dataclasses.replace(data, splits=splits)
