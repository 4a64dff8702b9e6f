"""Testing on one fold of many and training on the others."""

import dataclasses
import re
from typing import TypeVar

import numpy as np

from lopsided.data.samples import Samples
from lopsided.files.errors import DataError, quoted

_FOLD = re.compile(r"(?:fold)?(\d+)")
_Data = TypeVar("_Data", bound=Samples)


def fold_of(split: str) -> int | None:
    """The number of a fold by the name of its split, ``fold3`` or ``3``; None for another name.

    Example:
        >>> fold_of("fold3"), fold_of("3"), fold_of("train")
        (3, 3, None)
    """
    match = _FOLD.fullmatch(split)
    return int(match[1]) if match else None


def with_fold(data: _Data, fold: int) -> _Data:
    """Make one fold the ``test`` split, and all others ``train``.

    Args:
        data: Its splits are ``fold0``, ``fold1`` and so on, as ``lopsided split --folds`` writes them, or ``0``, ``1``.
        fold: The number of the fold to test on.

    Returns:
        The same samples with other ``splits``.

    Raises:
        DataError: A split is no fold, there is no fold of this number, or no other fold to train on.

    Example:
        >>> from scipy.sparse import csr_array
        >>> from lopsided.data import Labels, Table
        >>> labels = Labels(("cat",), csr_array((3, 1), dtype=bool))
        >>> pets = Table("pets", np.zeros((3, 1), np.float32), labels, np.array(["fold0", "fold1", "fold2"]))
        >>> with_fold(pets, 1).splits.tolist()
        ['train', 'test', 'train']
    """
    numbers = {name: fold_of(name) for name in data.split_names}
    if strange := next((name for name, number in numbers.items() if number is None), None):
        raise DataError(
            f"expected data.fold with splits fold0, fold1, … alone, as lopsided split --folds 5 writes them, got a "
            f"split {quoted(strange)} in {data.name}"
        )
    if len(set(numbers.values())) < len(numbers):
        raise DataError(
            f"{data.name}: expected a name for each fold, got {' and '.join(numbers)}, two names of one fold"
        )
    if fold not in numbers.values() or len(numbers) < 2:
        raise DataError(
            f"expected data.fold to be one of at least two folds of {data.name}, got {fold} of {', '.join(numbers)}"
        )
    is_tested = np.isin(data.splits, [name for name, number in numbers.items() if number == fold])
    return dataclasses.replace(data, splits=np.where(is_tested, "test", "train"))
