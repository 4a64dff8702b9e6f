"""What every kind of data can be asked. Whoever trains, scores or reports asks the value and never which kind it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import Field, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

import numpy as np

from lopsided.data.labels import Labels
from lopsided.data.options import ImageOptions
from lopsided.data.split_names import check_splits, ordered_split_names
from lopsided.files.errors import DataError, quoted

if TYPE_CHECKING:
    from PIL import Image
    from scipy.sparse import csr_array
    from torch import Tensor


@dataclass(frozen=True)
class Inputs:
    """What a network is given of one sample.

    Args:
        kind: ``features`` (a row of numbers), ``sparse`` (such a row, of which only what is not 0 is given),
            ``images`` or ``arrays`` (numbers of another shape), by which a network is chosen.
        shape: Of one sample: ``(features,)``, or ``(channels, height, width)``; empty where the options decide it.
        names: One per feature, or none.
    """

    kind: str
    shape: tuple[int, ...]
    names: tuple[str, ...] = ()


class Samples(Protocol):
    """Many samples with their labels and splits: a frozen dataclass, of which ``dataclasses.replace`` makes others.

    A kind of data derives from it, checks itself when it is made, and says what its inputs are.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    name: str
    labels: Labels
    splits: np.ndarray
    truth: Labels | None
    notes: tuple[str, ...]
    groups: np.ndarray | None
    """Text or int64, shape (samples,): samples of one group, such as a patient, stay in one split; None without."""

    weights: np.ndarray | None
    """float32, shape (samples,), at least 0: factor on the training loss of each sample; None for 1."""

    columns: Mapping[str, str] | None
    """What the columns of a file were taken for: role to name, in words; None where there are no columns."""

    kind: ClassVar[str]
    """What an identity calls it, such as ``a table``."""
    opens_files: ClassVar[bool] = False
    """Whether a batch opens files, some of which may be unreadable; then processes beside the training help."""
    row_column: ClassVar[tuple[str, type]] = ("row", int)
    """Name and type of the column of predictions that says which sample a row is about."""

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def split_names(self) -> tuple[str, ...]:
        """Splits that hold a sample: train, val, test, then others by name."""
        return ordered_split_names(self.splits)

    def rows(self, split: str) -> np.ndarray:
        """Sample numbers of one split, from 0, ascending, int64.

        Raises:
            DataError: There is no such split.
        """
        rows = np.flatnonzero(self.splits == split)
        if not len(rows):
            raise DataError(f"{self.name}: expected a split among {', '.join(self.split_names)}, got {quoted(split)}")
        return rows

    def check(self, count: int) -> None:
        """Refuse labels, splits, groups, weights or complete labels that are not of this number of samples."""
        if len(self.labels) != count:
            raise DataError(f"expected labels to be as many as the samples ({count}), got {len(self.labels)}")
        check_splits(self.splits, samples=count)
        if (groups := self.groups) is not None and groups.shape != (count,):
            raise DataError(f"expected a group for each of the {count} samples, got an array of shape {groups.shape}")
        if (weights := self.weights) is not None:
            if weights.shape != (count,) or weights.dtype != np.float32:
                came = f"{weights.dtype} of shape {weights.shape}"
                raise DataError(f"expected a float32 weight for each of the {count} samples, got {came}")
            if not (weights >= 0).all() or not np.isfinite(weights).all():
                raise DataError(f"expected weights of at least 0, got {weights.min()} to {weights.max()}")
        if (truth := self.truth) is not None and (truth.names != self.labels.names or len(truth) != count):
            raise DataError(
                f"expected truth to have the names and samples of labels ({count} samples, {len(self.labels.names)} "
                f"labels), got {len(truth)} samples, {len(truth.names)} labels"
            )

    def inputs(self, options: ImageOptions | None = None) -> Inputs:
        """What a network is given, as the options say how images become inputs; without them, what the data says."""
        ...

    def batch(self, rows: np.ndarray, options: ImageOptions, *, draw: tuple[int, int] | None) -> dict[str, Tensor]:
        """What :class:`SplitDataset` hands out of some samples; changed at random by a seed and an epoch, if given."""
        ...

    def digests(self, rows: Sequence[int] | None = None) -> Iterable[bytes]:
        """16 bytes for each sample, or of some, which tell its inputs from those of others wherever they stand."""
        ...

    def whole_digests(self, rows: Sequence[int]) -> Iterable[bytes]:
        """The same of some samples, of every byte of them."""
        return self.digests(rows)

    def content_keys(self) -> Iterable[object]:
        """For each sample what is equal where the inputs are, wherever they come from."""
        return self.digests()

    def by_length(self, rows: Sequence[int]) -> Sequence[int]:
        """These samples in an order in which neighbours are about equally long, so that their batch needs little
        padding; as they come where inputs have no length."""
        return rows

    def sketches(self) -> np.ndarray | None:
        """Of texts, what near-copies are found by, see :mod:`lopsided.data.texts.near_copies`; None of other data."""
        return None

    def row_names(self, rows: np.ndarray) -> Sequence[str] | np.ndarray:
        """What the column ``row_column`` of predictions holds."""
        return rows

    def sample_name(self, row: int) -> str:
        """What a sample is called in lists for people."""
        return f"row {row}"

    def described(self) -> str:
        """What the inputs are, in words."""
        ...

    def lengths_described(self) -> dict[str, dict[str, int]]:
        """Of texts, quantiles of their characters and words, by the name of each; empty where inputs have no length."""
        return {}

    def details(self, row: int) -> str:
        """What a sample holds, in words, for people to judge it by where there is no picture."""
        return ""

    def marked(self, row: int) -> list[tuple[str, bool]]:
        """How a text begins, in pieces, and which of these are its rarest words; empty of other data."""
        return []

    def image(self, row: int, *, size: int) -> Image.Image | None:
        """A picture of a sample, for the side that it is needed for; None where it is none.

        Raises:
            UnreadableImage: Its file cannot be opened.
        """
        return None

    def matrix(self, rows: np.ndarray) -> Any:
        """Features of some samples, as they are kept: an array or a ``csr_array``, shape ``(samples, features)``.

        Raises:
            DataError: The inputs are no features in memory.
        """
        raise DataError(f"{self.name}: expected features, got {self.kind}")

    def with_features(self, names: tuple[str, ...]) -> tuple[Self, list[str]]:
        """The samples with these of their named features, in this order, and the names of those that are left out.

        Raises:
            DataError: One is not there.
        """
        return self, []

    def with_width(self, width: int) -> tuple[Self, int]:
        """The samples with as many features as a run has, where these are numbered and most are 0 everywhere.

        Returns:
            The samples, and the number of features that were left out because the run has never seen them.
        """
        return self, 0

    def to_write(
        self, folder: Path, *, is_taken: Callable[[str], bool]
    ) -> dict[str, list[str]] | np.ndarray | csr_array:
        """The inputs as they stand in a file in a folder: columns of CSV, or an array where only NPZ holds them.

        Args:
            folder: Of the file.
            is_taken: Whether a reader would take a column of some name for something else.
        """
        ...


def tensors(**arrays: np.ndarray | None) -> dict[str, Tensor]:
    """A batch of those arrays that are there."""
    import torch

    return {name: torch.from_numpy(array) for name, array in arrays.items() if array is not None}
