"""Whether more than one split holds the same sample."""

import numpy as np

from lopsided.data.contents.digests import numbered
from lopsided.data.samples import Samples


def content_ids(data: Samples) -> np.ndarray:
    """Number the distinct contents of samples.

    Args:
        data: Features, or image files. A file is read only as far as it takes to tell it from the others; it is not
            read at all where no other has its size. One that is empty or cannot be read is like no other.

    Returns:
        int64, shape (samples,): two samples have the same number exactly when all their features, or all bytes of their
        files, are equal; numbered from 0 in the order of their first occurrence.

    Example:
        >>> from scipy.sparse import csr_array
        >>> from lopsided.data import Labels, Table
        >>> features = np.array([[1.0, 2.0], [0.0, 2.0], [1.0, 2.0]], dtype=np.float32)
        >>> labels = Labels(("cat",), csr_array((3, 1), dtype=bool))
        >>> content_ids(Table("pets", features, labels, np.array(["train"] * 3))).tolist()
        [0, 1, 0]
    """
    return numbered(data.content_keys())


def in_two_splits(data: Samples) -> int:
    """Number of distinct contents that occur in at least two splits; labels are not compared.

    Example:
        >>> from scipy.sparse import csr_array
        >>> from lopsided.data import Labels, Table
        >>> features = np.array([[1.0], [1.0], [2.0]], dtype=np.float32)
        >>> labels = Labels(("cat",), csr_array(np.array([[True], [False], [True]])))
        >>> in_two_splits(Table("pets", features, labels, np.array(["train", "test", "test"])))
        1
    """
    contents = content_ids(data)
    splits = np.unique(data.splits, return_inverse=True)[1]
    pairs = np.unique(np.stack([contents, splits]), axis=1)
    return int(np.count_nonzero(np.bincount(pairs[0]) > 1))
