"""Which samples must stay in one split: those of one group, those that are equal, and those that are alike."""

import numpy as np

from lopsided.data.contents.leakage import content_ids
from lopsided.data.samples import Samples
from lopsided.data.splits.stratification import joined
from lopsided.files.errors import DataError


def kept_together(data: Samples, *, near: np.ndarray | None = None) -> np.ndarray:
    """Number the sets of samples that no split may part.

    Two samples are in one set if they have the same group, equal features or files, or the same number in ``near``, or
    if a chain of such pairs leads from one to the other.

    Args:
        data: Any samples.
        near: What is alike, as ``near_duplicate_ids`` or ``near_copy_ids`` numbers it, shape (samples,); None compares
            nothing more.

    Returns:
        int64 from 0 without gaps, shape (samples,).

    Example:
        >>> from scipy.sparse import csr_array
        >>> from lopsided.data import Labels, Table
        >>> features = np.array([[1.0], [1.0], [2.0], [3.0]], dtype=np.float32)
        >>> labels = Labels(("cat",), csr_array((4, 1), dtype=bool))
        >>> patients = np.array(["ann", "bob", "bob", "eve"])
        >>> kept_together(Table("visits", features, labels, np.array(["train"] * 4), groups=patients)).tolist()
        [0, 0, 0, 1]
    """
    kinds = [content_ids(data), *(ids for ids in (data.groups, near) if ids is not None)]
    return joined(*kinds)


def check_parts(items: np.ndarray, num_parts: int, *, name: str) -> None:
    """Refuse to make more parts than there are sets of samples to share out.

    Args:
        items: As :func:`kept_together` gives them.
        num_parts: How many parts are to be made.
        name: Of the data, for the error.

    Raises:
        DataError: There are fewer sets than parts.
    """
    count = int(items.max(initial=-1)) + 1
    if count < num_parts:
        raise DataError(
            f"{name}: expected at least {num_parts} groups of samples to make {num_parts} splits of, got {count} "
            f"(of {len(items)} samples; samples of one group, and equal samples, stay together)"
        )


def groups_in_two_splits(data: Samples) -> list[str]:
    """Name the groups that have samples in at least two splits, those with the most samples first.

    Example:
        >>> from scipy.sparse import csr_array
        >>> from lopsided.data import Labels, Table
        >>> labels = Labels(("cat",), csr_array((3, 1), dtype=bool))
        >>> splits, patients = np.array(["train", "test", "test"]), np.array(["ann", "ann", "bob"])
        >>> groups_in_two_splits(Table("visits", np.eye(3, dtype=np.float32), labels, splits, groups=patients))
        ['ann']
    """
    if data.groups is None:
        return []
    names, groups, sizes = np.unique(data.groups, return_inverse=True, return_counts=True)
    splits = np.unique(data.splits, return_inverse=True)[1]
    pairs = np.unique(np.stack([groups, splits]), axis=1)
    found = np.flatnonzero(np.bincount(pairs[0], minlength=len(names)) > 1)
    return [str(names[i]) for i in found[np.argsort(-sizes[found], kind="stable")]]
