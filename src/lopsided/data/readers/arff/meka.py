"""What MEKA writes into the name of a relation: ``'Mood: -C 3 -split-number 400'``.

``-C 3`` says that the first three attributes are the labels, ``-C -3`` that the last three are. ``-split-number`` says
how many of the rows are for training, or ``-split-percentage`` their share.
"""

import itertools
import re

import numpy as np

from lopsided.data.readers.arff.file import ArffFile
from lopsided.files.errors import DataError, quoted


def labels_of_meka(file: ArffFile) -> tuple[str, ...] | None:
    """Names of the attributes that the relation's name declares to be labels, in the order of the file.

    Returns:
        None where the name says nothing of labels.

    Raises:
        DataError: It declares none, or no fewer than there are attributes.
    """
    text = _option(file, "C")
    if text is None:
        return None
    count, names = _whole(text), [attribute.name for attribute in file.attributes]
    if count is None or not 0 < abs(count) < len(names):
        most = len(names) - 1
        raise DataError(
            f"expected -C with a number of labels from 1 to {most} (or -1 to -{most}: the last attributes), "
            f"got {quoted(text)}",
            path=file.path,
        )
    return tuple(names[:count] if count > 0 else names[count:])


def splits_of_meka(file: ArffFile) -> np.ndarray | None:
    """Split of each row, as the relation's name says: the first rows are ``train``, the others ``test``.

    Returns:
        Text, shape (rows,); None where the name says nothing of a split.

    Raises:
        DataError: One of the two would be empty.
    """
    rows, wanted = len(file.lines), _option(file, "split-number")
    number = None if wanted is None else _whole(wanted)
    if wanted is None:
        wanted = _option(file, "split-percentage")
        if wanted is None:
            return None
        number = round(rows * float(wanted) / 100) if re.fullmatch(r"\d{1,3}(\.\d+)?", wanted) else None
    if number is None or not 0 < number < rows:
        raise DataError(
            f"expected -split-number from 1 to {rows - 1} or -split-percentage that leaves rows on both sides, "
            f"got {quoted(wanted)}",
            path=file.path,
        )
    return np.repeat(["train", "test"], [number, rows - number])


def _option(file: ArffFile, name: str) -> str | None:
    """The word after an option, behind the first colon of the relation's name."""
    words = [*file.relation.partition(":")[2].split(), ""]
    return next((value for word, value in itertools.pairwise(words) if word == f"-{name}"), None)


def _whole(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[+-]?\d{1,9}", text, re.ASCII) else None
