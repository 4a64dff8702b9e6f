"""Features and labels of many samples, and the splits they belong to."""
# pyright: reportOptionalSubscript=false
# (SciPy has no type stubs, and pyright infers that the shape of a sparse array may be None.)

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy.sparse import csr_array

from lopsided.data.contents.digests import digests_of_features
from lopsided.data.features import check_features, sparse_tensor
from lopsided.data.labels import Labels
from lopsided.data.options import ImageOptions
from lopsided.data.samples import Inputs, Samples, tensors
from lopsided.files.errors import DataError, did_you_mean, quoted

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

_NAMED = 24  # features of a sample that are told
_KINDS = {2: "features", 4: "images"}  # by the dimensions of all samples together


@dataclass(frozen=True, eq=False)
class Table(Samples):
    """A data set that fits in memory.

    Args:
        name: What to call it in reports.
        features: Shape (samples, ...); float32, float64 where that would round too much, or uint8 for images (samples,
            channels, height, width) in 0..255; or a ``csr_array`` of float32, shape (samples, features). No nan, no
            infinity, also as float32.
        labels: Labels of the same samples.
        splits: Text, shape (samples,): ``train``, ``val``, ``test`` or another name.
        truth: Complete labels, where some of ``labels`` were hidden on purpose.
        feature_names: One per feature, or none.
        notes: What its reader left out, or read otherwise than it stands there; a line each.
        groups: Text or int64, shape (samples,): what must stay in one split, such as a patient; or none.
        columns: What the columns of its file were taken for, by their role; or none.
        stays_sparse: Whether a network gets a ``csr_array`` as it is, because its rows are too wide to write out.
        weights: float32, shape (samples,), at least 0: factor on the training loss of each sample; or none.

    Raises:
        DataError: Lengths or types disagree, or a feature is not finite.

    Example:
        >>> labels = Labels(("cat",), csr_array(np.array([[True], [False], [True]])))
        >>> table = Table("pets", np.zeros((3, 4), np.float32), labels, np.array(["train", "test", "train"]))
        >>> table.split_names, table.rows("train").tolist()
        (('train', 'test'), [0, 2])
    """

    name: str
    features: np.ndarray | csr_array
    labels: Labels
    splits: np.ndarray
    truth: Labels | None = None
    feature_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    groups: np.ndarray | None = None
    columns: Mapping[str, str] | None = None
    stays_sparse: bool = False
    weights: np.ndarray | None = None

    kind = "a table"

    def __post_init__(self) -> None:
        check_features(self.features, self.feature_names)
        if self.stays_sparse and not isinstance(self.features, csr_array):
            raise DataError(f"expected features that stay sparse to be a csr_array, got {type(self.features).__name__}")
        self.check(self.features.shape[0])

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one sample's features."""
        return tuple(self.features.shape[1:])

    def inputs(self, options: ImageOptions | None = None) -> Inputs:
        """The features, or the images that they are."""
        if self.stays_sparse:
            return Inputs("sparse", self.input_shape)  # their names, if any, are what prepared them knows
        return Inputs(_KINDS.get(self.features.ndim, "arrays"), self.input_shape, self.feature_names)

    def batch(self, rows: np.ndarray, options: ImageOptions, *, draw: tuple[int, int] | None) -> dict[str, Tensor]:
        """Some samples, whose ``inputs`` are float32 (or float64); images are in [0, 1] and never changed at random.

        Inputs that stay sparse are a tensor of the layout CSR.
        """
        targets, mask = self.labels.dense(rows)
        inputs = self.features[rows]
        if isinstance(inputs, csr_array) and self.stays_sparse:
            others = tensors(targets=targets.view(np.uint8), mask=mask, rows=rows)
            return {"inputs": sparse_tensor(inputs), **others}
        if isinstance(inputs, csr_array):
            inputs = inputs.toarray()
        elif inputs.dtype == np.uint8:
            # By numpy: so small a piece of work only waits when torch spreads it over a pool of threads.
            inputs = np.divide(inputs, np.float32(255))
        return tensors(inputs=inputs, targets=targets.view(np.uint8), mask=mask, rows=rows)

    def digests(self, rows: Sequence[int] | None = None) -> Iterable[bytes]:
        """Of the features."""
        return digests_of_features(self.features if rows is None else self.features[rows])

    def described(self) -> str:
        """The shape of the features."""
        return f"inputs {' x '.join(map(str, self.input_shape))}"

    def details(self, row: int) -> str:
        """The largest features, such as ``height 1.7, weight 64``; where all are 0 or 1, the rarest that are 1."""
        features = self.features[[row]]
        if isinstance(features, csr_array):
            features.sum_duplicates()
            columns, values = features.indices, features.data
        else:
            columns, values = np.arange(features.size), features.ravel()
        columns, values = columns[values != 0], values[values != 0]
        binary = bool((values == 1).all())
        order = np.argsort(self._times_used[columns] if binary else -np.abs(values), kind="stable")[:_NAMED]
        names = self.feature_names
        shown = []
        for i, value in zip(columns[order].tolist(), values[order].tolist(), strict=True):
            name = names[i] if names else f"feature {i}"
            shown.append(name if binary else f"{name} {value:.3g}")
        return ", ".join(shown) + (" …" if len(values) > len(order) else "")

    @cached_property
    def _times_used(self) -> np.ndarray:
        """Number of samples in which each feature is not 0."""
        features = self.features
        if isinstance(features, csr_array):
            return np.bincount(features.indices[features.data != 0], minlength=features.shape[1])
        return np.count_nonzero(features.reshape(len(self), -1), axis=0)

    def image(self, row: int, *, size: int) -> Image.Image | None:
        """The pixels, where the features are those of pictures."""
        if self.features.dtype != np.uint8 or self.features.shape[1] not in (1, 3):
            return None
        from PIL import Image

        pixels = self.features[row].transpose(1, 2, 0)
        return Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels)

    def matrix(self, rows: np.ndarray) -> np.ndarray | csr_array:
        """Features of some samples, as they are kept."""
        return self.features[rows]

    def with_features(self, names: tuple[str, ...]) -> tuple[Self, list[str]]:
        """The table with these of its named features, in this order; a table without names is left as it is."""
        came = self.feature_names
        if not names or not came or names == came:
            return self, []
        place, wanted = {name: i for i, name in enumerate(came)}, set(names)
        extra = [name for name in came if name not in wanted]
        if absent := [name for name in names if name not in place]:
            more = f" (and {len(absent) - 1} more)" if len(absent) > 1 else ""
            hint = did_you_mean(absent[0], extra, quoted) or more
            raise DataError(f"expected the data to have the features of the run, got none named {absent[0]!r}{hint}")
        features = self.features[:, [place[name] for name in names]]
        return dataclasses.replace(self, features=features, feature_names=names), extra

    def with_width(self, width: int) -> tuple[Self, int]:
        """The table with as many features as a run has, where they stay sparse; other tables are left as they are."""
        came = self.input_shape[0]
        had = self.features
        if not self.stays_sparse or not isinstance(had, csr_array) or width == came:
            return self, 0
        features = had[:, :width] if width < came else had.copy()
        features.resize((len(self), width))
        left_out = len(np.unique(had.indices[had.indices >= width]))
        names = self.feature_names[:width] if width < came else ()
        return dataclasses.replace(self, features=features, feature_names=names), left_out

    def to_write(
        self, folder: Path, *, is_taken: Callable[[str], bool]
    ) -> dict[str, list[str]] | np.ndarray | csr_array:
        """A column for each feature, where they have names that can be used; else the array, sparse if it stays so."""
        if self.stays_sparse:
            return self.features
        features = self.features.toarray() if isinstance(self.features, csr_array) else self.features
        if not self.feature_names or any(map(is_taken, self.feature_names)):
            return features
        digits = 17 if features.dtype == np.float64 else 9  # as many as it takes to read the same number
        columns = zip(self.feature_names, features.T, strict=True)
        return {name: [f"{value:.{digits}g}" for value in column.tolist()] for name, column in columns}
