"""Paths and labels of many images, and the splits they belong to."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lopsided.data.labels import Labels
from lopsided.data.splits import check_splits, check_truth, ordered_split_names, rows_of_split
from lopsided.files.errors import DataError


@dataclass(frozen=True, eq=False)
class Manifest:
    """A data set of image files, which are opened when a batch needs them.

    Args:
        name: What to call it in reports.
        root: Folder that the paths start from.
        paths: Text of variable length (``np.dtypes.StringDType``), shape (samples,): paths of the files below
            ``root``, with ``/`` between their parts.
        labels: Labels of the same samples.
        splits: Text, shape (samples,): ``train``, ``val``, ``test`` or another name.
        truth: Complete labels, where some of ``labels`` were hidden on purpose.
        notes: What its reader left out, or read otherwise than it stands there; a line each.

    Raises:
        DataError: Lengths or types disagree, or there is no sample.

    Example:
        >>> from scipy.sparse import csr_array
        >>> labels = Labels(("cat",), csr_array(np.array([[True], [False]])))
        >>> paths = np.array(["a.jpg", "b/c.jpg"], dtype=np.dtypes.StringDType())
        >>> pets = Manifest("pets", Path("pictures"), paths, labels, np.array(["train", "test"]))
        >>> pets.split_names, pets.path(1).as_posix()
        (('train', 'test'), 'pictures/b/c.jpg')
    """

    name: str
    root: Path
    paths: np.ndarray
    labels: Labels
    splits: np.ndarray
    truth: Labels | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.paths.ndim != 1 or not isinstance(self.paths.dtype, np.dtypes.StringDType):
            raise DataError(f"expected paths to be a StringDType array of shape (samples,), got {self.paths.dtype}")
        samples = len(self.paths)
        if not samples:
            raise DataError(f"{self.name}: expected at least one image, got none")
        if len(self.labels) != samples:
            raise DataError(f"expected labels to be as many as the samples ({samples}), got {len(self.labels)}")
        check_splits(self.splits, samples=samples)
        if self.truth is not None:
            check_truth(self.truth, self.labels)

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def split_names(self) -> tuple[str, ...]:
        """Splits that hold a sample: train, val, test, then others by name."""
        return ordered_split_names(self.splits)

    def rows(self, split: str) -> np.ndarray:
        """Sample numbers of one split, from 0, ascending, int64.

        Raises:
            DataError: There is no such split.
        """
        return rows_of_split(self.splits, split, name=self.name)

    def path(self, row: int) -> Path:
        """Where the image of a sample lies."""
        return self.root / str(self.paths[row])
