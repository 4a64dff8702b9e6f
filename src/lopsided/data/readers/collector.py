"""Images that a reader finds one by one, and the manifest that they make."""

import os
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from lopsided.data.cell_values import one_form
from lopsided.data.images.channels import files_of_image
from lopsided.data.images.files import relative_path
from lopsided.data.labels import Labels
from lopsided.data.manifest import Manifest
from lopsided.files.errors import DataError, quoted

_LONGEST = 160  # letters of a path in a message


class Collector:
    """Gathers images with their labels.

    Args:
        root: Folder that the paths of all images start from.
        path: The file that lists them, or the folder, for errors.
    """

    def __init__(self, root: Path, path: Path) -> None:
        self.root, self.path = root, path
        self._rows: dict[str, int] = {}
        self._splits: list[str] = []
        self._groups: list[str] = []
        self._columns: dict[str, int] = {}
        self._numbered: dict[str, int] = {}  # names as they came
        self._positives = (array("q"), array("q"))
        self._unknown = (array("q"), array("q"))

    def __len__(self) -> int:
        return len(self._rows)

    def add(
        self,
        image: str,
        labels: Iterable[str],
        *,
        unknown: Iterable[str] = (),
        split: str = "train",
        group: str = "",
    ) -> None:
        """Add an image.

        Args:
            image: Its path from the root on.
            labels: Names of its labels; each counts once.
            unknown: Names of labels of which nobody knows; those that are positive too count as positive.
            split: Its split.
            group: What must stay in one split, such as a patient; empty for all images, or for none.

        Raises:
            DataError: The path leads out of the root, or was added before.
        """
        image = relative_path(image)
        row = len(self._rows)
        if self._rows.setdefault(image, row) != row:
            before = self._splits[self._rows[image]]
            places = f"twice in {before}" if before == split else f"in {before} and in {split}"
            raise DataError(f"expected each image once, got {quoted(image)} {places}")
        self._splits.append(split)
        self._groups.append(group)
        positive = self._numbers(labels)
        for (rows, columns), numbers in (
            (self._positives, positive),
            (self._unknown, self._numbers(unknown) - positive),
        ):
            rows.extend([row] * len(numbers))
            columns.extend(numbers)

    def manifest(
        self,
        name: str,
        *,
        label_names: Sequence[str] = (),
        is_whole: bool = False,
        notes: Sequence[str] = (),
        hint: str = "",
    ) -> Manifest:
        """All images that were added, in that order.

        Args:
            name: What to call the data in reports.
            label_names: Names that are labels even where they never occur.
            is_whole: Whether these are all labels, in their order; otherwise those that occur are added and sorted.
            notes: What was left out or read otherwise than it stands there.
            hint: What to do where none of the files is there.

        Raises:
            DataError: There is no image or no label, another label occurs, or none of the files is there.
        """
        if not self._rows:
            raise DataError("expected at least one image, got none", path=self.path)
        missing = self._missing()
        if len(missing) == len(self._rows):
            came = f"got none of {len(missing)}{hint}"
            raise DataError(f"expected images such as {_shown(missing[0])}, {came}", path=self.root)
        if missing:
            notes = [*notes, _about_missing(missing, len(self._rows))]
        names = [one_form(label) for label in label_names]
        if not is_whole:
            names = sorted({*names, *self._columns})
        elif others := [label for label in self._columns if label not in set(names)]:
            raise DataError(f"expected only the labels {', '.join(names)}, got {quoted(others[0])}", path=self.path)
        try:
            return Manifest(
                name,
                self.root,
                np.array(list(self._rows), dtype=np.dtypes.StringDType()),
                self._labels(tuple(dict.fromkeys(names))),
                np.array(self._splits),
                notes=tuple(notes),
                groups=np.array(self._groups) if any(self._groups) else None,
            )
        except DataError as error:
            raise DataError(str(error), path=self.path) from None

    def _numbers(self, labels: Iterable[str]) -> set[int]:
        found = set()
        for label in labels:
            if (number := self._numbered.get(label)) is None:
                number = self._columns.setdefault(one_form(label), len(self._columns))
                self._numbered[label] = number
            found.add(number)
        return found

    def _labels(self, names: tuple[str, ...]) -> Labels:
        place = {label: i for i, label in enumerate(names)}
        moved = np.array([place[label] for label in self._columns], dtype=np.int64)
        shape = (len(self._rows), len(names))

        def matrix(rows: array, columns: array) -> csr_array:
            where = (np.array(rows, dtype=np.int64), moved[np.array(columns, dtype=np.int64)])
            return csr_array((np.ones(len(rows), dtype=bool), where), shape=shape)

        unknown = matrix(*self._unknown)
        return Labels(names, matrix(*self._positives), unknown if unknown.nnz else None)

    def _missing(self) -> list[str]:
        """Images of which a file is not there; each folder is read once."""
        held: dict[str, set[str]] = {}
        missing, root = [], str(self.root)
        for image in self._rows:
            path = os.path.join(root, image)
            for file in files_of_image(path) if "{" in image else (path,):
                folder, file_name = os.path.split(file)
                if folder not in held:
                    held[folder] = _names_in(folder)
                if file_name not in held[folder] and not os.path.isfile(file):  # a disk that ignores case finds it
                    missing.append(image)
                    break
        return missing


def _names_in(folder: str) -> set[str]:
    try:
        return set(os.listdir(folder))
    except OSError:
        return set()


def _shown(image: str) -> str:
    return image if len(image) <= _LONGEST else quoted(image)


def _about_missing(missing: list[str], count: int) -> str:
    return (
        f"{len(missing)} of {count} listed images are not there, such as {_shown(missing[0])}: training skips and "
        "names them (--data.unreadable refuse: they are an error)"
    )
