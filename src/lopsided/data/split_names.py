"""The names of splits."""

import numpy as np

from lopsided.files.errors import DataError, quoted

USUAL_SPLITS = ("train", "val", "test")


def check_splits(splits: np.ndarray, *, samples: int) -> None:
    """Refuse what does not name a split for each sample.

    Args:
        splits: Text, shape (samples,).
        samples: How many there must be.

    Raises:
        DataError: Another length, another type, or an empty name.
    """
    if len(splits) != samples:
        raise DataError(f"expected splits to be as many as the samples ({samples}), got {len(splits)}")
    if splits.ndim != 1 or splits.dtype.kind != "U" or not np.all(splits != ""):
        kind = f"{splits.dtype}, shape {splits.shape}"
        raise DataError(f"expected splits to be names that are not empty, shape (samples,), got {kind}")
    letters = np.ascontiguousarray(splits).view(np.uint32)
    odd = ((letters > 0) & (letters < 32)) | ((letters >= 0xD800) & (letters <= 0xDFFF))  # halves of characters
    if odd.any():
        name = splits[int(np.argmax(odd)) // (splits.itemsize // 4)]
        raise DataError(f"expected a split to be a name without control characters, got {quoted(str(name))}")


def ordered_split_names(splits: np.ndarray) -> tuple[str, ...]:
    """Splits that hold a sample: train, val, test, then others by name.

    Example:
        >>> ordered_split_names(np.array(["extra", "test", "train"]))
        ('train', 'test', 'extra')
    """
    present = set(np.unique(splits).tolist())
    return (*(name for name in USUAL_SPLITS if name in present), *sorted(present.difference(USUAL_SPLITS)))
