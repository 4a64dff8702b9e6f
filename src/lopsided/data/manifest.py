"""Paths and labels of many images, and the splits they belong to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lopsided.data.contents.digests import digests_of_files, keys_of_files, whole_digests_of_files
from lopsided.data.images.channels import image_is_there
from lopsided.data.images.decode import check_pillow, open_image
from lopsided.data.images.pixels import pixels_of
from lopsided.data.images.transforms import mixup
from lopsided.data.labels import Labels
from lopsided.data.options import ImageOptions
from lopsided.data.samples import Inputs, Samples, tensors
from lopsided.files.errors import DataError

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

_PAIR_STREAM = 104  # of a seed, apart from the streams of other draws
_LOOKED_FOR = 100  # images, to say that none is there


@dataclass(frozen=True, eq=False)
class Manifest(Samples):
    """A data set of image files, which are opened when a batch needs them.

    Args:
        name: What to call it in reports.
        root: Folder that the paths start from.
        paths: Text of variable length (``np.dtypes.StringDType``), shape (samples,): paths of the files below
            ``root``, with ``/`` between their parts; a name such as ``cell_{red,green,blue}.png`` stands for one image
            whose channels lie in three files.
        labels: Labels of the same samples.
        splits: Text, shape (samples,): ``train``, ``val``, ``test`` or another name.
        truth: Complete labels, where some of ``labels`` were hidden on purpose.
        notes: What its reader left out, or read otherwise than it stands there; a line each.
        groups: Text or int64, shape (samples,): what must stay in one split, such as a patient; or none.
        columns: What the columns of its file were taken for, by their role; or none.
        weights: float32, shape (samples,), at least 0: factor on the training loss of each sample; or none.

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
    groups: np.ndarray | None = None
    columns: Mapping[str, str] | None = None
    weights: np.ndarray | None = None

    kind, opens_files, row_column = "images", True, ("path", str)

    def __post_init__(self) -> None:
        if self.paths.ndim != 1 or not isinstance(self.paths.dtype, np.dtypes.StringDType):
            raise DataError(f"expected paths to be a StringDType array of shape (samples,), got {self.paths.dtype}")
        if not len(self.paths):
            raise DataError(f"{self.name}: expected at least one image, got none")
        self.check(len(self.paths))

    def path(self, row: int) -> Path:
        """Where the image of a sample lies."""
        return self.root / str(self.paths[row])

    def inputs(self, options: ImageOptions | None = None) -> Inputs:
        """Images of the size that the options say; refused where Pillow is not installed to open them."""
        if options is None:
            return Inputs("images", ())
        check_pillow()
        return Inputs("images", (3, options.size, options.size))

    def batch(self, rows: np.ndarray, options: ImageOptions, *, draw: tuple[int, int] | None) -> dict[str, Tensor]:
        """Some samples, whose ``inputs`` are uint8; with ``draw`` cutout, RandAugment and mixup change them, as far as
        the options say, and mixup makes ``targets`` float32. ``unreadable`` are the numbers of samples whose image
        could not be opened, absent where there are none: it is grey, and all its labels are unknown.

        Raises:
            UnreadableImage: An image cannot be opened, and the options say to refuse that.
            DataError: One cannot be opened, and there are no images at all any more.
        """
        targets, mask = self.labels.dense(rows)
        images, unreadable = pixels_of([self.path(row) for row in rows.tolist()], rows, options, draw=draw)
        if unreadable.any():
            self._check_still_there()
            mask = np.ones(targets.shape, bool) if mask is None else mask
            targets[unreadable] = mask[unreadable] = False
        targets = targets.view(np.uint8)
        if draw is not None and options.mixup > 0 and len(rows):  # its partners depend on the batch's first sample
            random = np.random.default_rng([draw[0], _PAIR_STREAM, draw[1], rows[0]])
            images, targets, mask = mixup(images, targets, mask, alpha=options.mixup, random=random)
        absent = rows[unreadable] if unreadable.any() else None
        return tensors(inputs=images, targets=targets, mask=mask, rows=rows, unreadable=absent)

    def _check_still_there(self) -> None:
        """Refuse to go on without images: a disk was unplugged, or a folder removed."""
        rows = np.linspace(0, len(self) - 1, _LOOKED_FOR).astype(int).tolist()
        if not any(image_is_there(self.path(row)) for row in rows):
            raise DataError(
                f"expected the images of the data to be there, got none, such as {self.paths[rows[0]]}", path=self.root
            )

    def digests(self, rows: Sequence[int] | None = None) -> Iterable[bytes]:
        """Of the paths and of the contents of the files, as far as an identity reads these."""
        rows = range(len(self)) if rows is None else rows
        return digests_of_files([self.path(row) for row in rows], (str(self.paths[row]) for row in rows))

    def whole_digests(self, rows: Sequence[int]) -> Iterable[bytes]:
        """Of every byte of the files; paths count for nothing."""
        return whole_digests_of_files([self.path(row) for row in rows])

    def content_keys(self) -> Iterable[object]:
        """Of the bytes of the files, of which no more is read than it takes to tell them apart."""
        return keys_of_files([self.path(row) for row in range(len(self))])

    def row_names(self, rows: np.ndarray) -> Sequence[str]:
        """Paths below the root."""
        return [self.sample_name(row) for row in rows.tolist()]

    def sample_name(self, row: int) -> str:
        """The path below the root."""
        return str(self.paths[row])

    def described(self) -> str:
        """Where the images lie."""
        return f"images in {self.root}"

    def image(self, row: int, *, size: int) -> Image.Image:
        """What the file holds."""
        return open_image(self.path(row), size=size)

    def to_write(self, folder: Path, *, is_taken: Callable[[str], bool]) -> dict[str, list[str]]:
        """Paths from the folder on, which must be that of the images or above it."""
        root, folder = self.root.resolve(), folder.resolve()
        if not root.is_relative_to(folder):
            raise DataError(
                f"expected a listing in {self.root} or a folder above it, where its paths start, got {folder}"
            )
        start = root.relative_to(folder).as_posix()
        return {"path": [str(path) if start == "." else f"{start}/{path}" for path in self.paths]}
