"""Image files and texts that belong to no data set, as one predicts for them."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from lopsided.data.images.files import IMAGE_SUFFIXES
from lopsided.data.manifest import Manifest
from lopsided.data.readers.run_labels import unlabelled
from lopsided.data.texts.texts import Texts
from lopsided.files.errors import DataError


def loose_images(paths: Sequence[str | Path], *, label_names: Sequence[str]) -> Manifest:
    """A manifest of image files and of all images in some folders; nobody knows their labels.

    Args:
        paths: Files of any name, and folders, which are searched with all folders below for names that end as images
            do. Hidden files and folders in them are left out. A file that is named twice counts once.
        label_names: Labels of the run that will look at them.

    Returns:
        All of them in the split ``test``, in the order of ``paths`` and within a folder by name; ``root`` is the
        deepest folder that holds all.

    Raises:
        DataError: Nothing is named, a path is missing, a folder holds no image, or a name is not text.
    """
    files: dict[Path, None] = {}
    for path in map(Path, paths):
        found = [path] if path.is_file() else list(_images_below(path))
        if not found:
            raise DataError(f"expected images ({', '.join(IMAGE_SUFFIXES)}), got none in this folder", path=path)
        files |= dict.fromkeys(Path(os.path.abspath(file)) for file in found)
    if not files:
        raise DataError("expected at least one image file or folder, got none")
    root = Path(os.path.commonpath([file.parent for file in files]))
    below = [file.relative_to(root).as_posix() for file in files]
    try:
        texts = np.array(below, dtype=np.dtypes.StringDType())
    except UnicodeEncodeError as error:
        raise DataError(f"expected file names that are text, got {error.object!a}", path=root) from error
    splits = np.full(len(texts), "test")
    return Manifest("files", root, texts, unlabelled(label_names, samples=len(texts)), splits)


def loose_texts(texts: Sequence[str], *, label_names: Sequence[str]) -> Texts:
    """Some texts, whose labels nobody knows, in the split ``test``.

    Args:
        texts: At least one.
        label_names: Labels of the run that will read them.

    Raises:
        DataError: There is none, or one holds half of a character.

    Example:
        >>> len(loose_texts(["It purrs.", "It barks."], label_names=["cat"]))
        2
    """
    try:
        array = np.array(list(texts), dtype=np.dtypes.StringDType())
    except UnicodeEncodeError as error:
        raise DataError(f"expected texts of whole characters, got {error.object!a:.40}") from error
    return Texts("texts", array, unlabelled(label_names, samples=len(array)), np.full(len(array), "test"))


def _images_below(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        raise DataError("expected an image file or a folder of them, got nothing of that name", path=folder)
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.lower().endswith(IMAGE_SUFFIXES) and not name.startswith("."):
                yield Path(place, name)
