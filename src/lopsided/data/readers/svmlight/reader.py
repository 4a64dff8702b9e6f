"""Data sets in the text form of LibSVM, with several labels for each sample, or of the extreme classification
collection, whose first line says how many samples, features and labels there are."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array, vstack

from lopsided.data.labels import Labels
from lopsided.data.readers.svmlight.files import parts_of
from lopsided.data.readers.svmlight.lines import Lines, read_lines
from lopsided.data.table import Table
from lopsided.files.errors import DataError, quoted

_NAME = "label "


def read_svmlight(
    path: str | Path, *, first_feature: int | None = None, label_names: Sequence[str] | None = None
) -> Table:
    """Read sparse features and numbered labels: ``3,17 1:0.5 20:1.25`` is a sample with the labels 3 and 17.

    A sample without labels begins with a space or with its first pair. Labels are called ``label 3`` and ``label 17``.
    Where a header says how many there are, all of them are labels, from 0, or from 1 if the last number occurs.

    Args:
        path: A file; all its samples are ``train``. Or the beginning of the names ``STEM_train.txt`` and
            ``STEM_test.txt`` (perhaps also ``_val``; ``-`` or ``.`` for ``_``, or the folder where they alone lie).
        first_feature: The number of the first feature, 0 or 1. Without it a file must say so: by a feature 0, or by a
            header, where it is 0 unless the last number occurs.
        label_names: Labels of a run; those that the file does not mention are negative.

    Returns:
        A table whose features stay sparse, with a column for each number of a feature, the unused ones too.

    Raises:
        DataError: A file is missing or malformed, or nothing says whether features count from 0 or from 1.
    """
    name, parts = parts_of(Path(path))
    files = {split: read_lines(part) for split, part in parts.items()}
    first = _first_feature(list(files.values()), given=first_feature)
    width = max(_width(file, first) for file in files.values())
    features = vstack([_features(file, first, width) for file in files.values()], format="csr")
    numbers = _label_numbers(list(files.values()), label_names)
    labels = vstack([_labels(file, numbers) for file in files.values()], format="csr")
    return Table(
        name,
        csr_array(features),
        Labels(tuple(f"{_NAME}{number}" for number in numbers.tolist()), csr_array(labels, dtype=bool)),
        np.repeat(list(files), [len(file) for file in files.values()]),
        stays_sparse=True,
    )


def _first_feature(files: list[Lines], *, given: int | None) -> int:
    """Whether features count from 0 or from 1: as given, else as the files say beyond doubt."""
    lowest = min((int(file.features.min()) for file in files if len(file.features)), default=1)
    if given == 1 and lowest == 0:
        file = next(file for file in files if len(file.features) and file.features.min() == 0)
        line = file.line_of_pair(int(np.argmin(file.features)))
        raise DataError("expected features from 1, as data.first_feature says, got 0", path=file.path, line=line)
    if given is not None:
        return given
    if lowest == 0:
        return 0
    headers = [file.header for file in files]
    if all(headers):
        last = any(file.header and file.features.max(initial=0) == file.header.features for file in files)
        return 1 if last else 0
    raise DataError(
        f"expected a feature 0 or a header to say that features count from 0, got {lowest} as the lowest number: "
        "say --data.first_feature 1 if the first one is 1, as LibSVM writes it, or --data.first_feature 0",
        path=files[0].path,
    )


def _width(file: Lines, first: int) -> int:
    width = int(file.features.max(initial=first)) - first + 1
    if file.header is None:
        return width
    if width > file.header.features:
        line = file.line_of_pair(int(np.argmax(file.features)))
        raise DataError(
            f"expected features from {first} to {file.header.features - 1 + first}, as the header says, "
            f"got {file.features.max()}",
            path=file.path,
            line=line,
        )
    return file.header.features


def _features(file: Lines, first: int, width: int) -> csr_array:
    kind = np.int32 if max(width, len(file.values)) <= np.iinfo(np.int32).max else np.int64
    columns, bounds = (file.features - first).astype(kind), file.bounds.astype(kind)
    features = csr_array((file.values, columns, bounds), shape=(len(file), width))
    features.sort_indices()
    if not features.has_canonical_format:
        same = np.flatnonzero(np.diff(features.indices) == 0) + 1
        pair = next(i for i in same.tolist() if i not in set(file.bounds.tolist()))
        raise DataError(
            f"expected each feature once in a sample, got {features.indices[pair] + first} twice",
            path=file.path,
            line=file.line_of_pair(pair),
        )
    return features


def _label_numbers(files: list[Lines], label_names: Sequence[str] | None) -> np.ndarray:
    """The numbers that are labels, ascending int64."""
    found = [np.unique(file.labels) for file in files]
    found += [_announced(file, found) for file in files if file.header is not None]
    if label_names is not None:
        found.append(np.array([_number(name) for name in label_names], dtype=np.int64))
    numbers = np.unique(np.concatenate(found))
    if not len(numbers):
        raise DataError("expected at least one label, got none", path=files[0].path)
    return numbers


def _announced(file: Lines, found: list[np.ndarray]) -> np.ndarray:
    """The labels that a header says there are."""
    assert file.header is not None
    count = file.header.labels
    last = max((int(numbers.max()) for numbers in found if len(numbers)), default=0)
    first = 1 if last == count else 0
    low, high = file.labels.min(initial=first), file.labels.max(initial=0)
    if high >= count + first or low < first:
        place = int(np.argmax(file.labels) if high >= count + first else np.argmin(file.labels))
        raise DataError(
            f"expected labels from {first} to {count - 1 + first}, as the header says, got {file.labels[place]}",
            path=file.path,
            line=file.line_of_label(place),
        )
    return np.arange(first, count + first)


def _number(name: str) -> int:
    number = name.removeprefix(_NAME)
    if number == name or not number.isdecimal():
        raise DataError(f"expected the run to have numbered labels such as 'label 0', got {quoted(name)}")
    return int(number)


def _labels(file: Lines, numbers: np.ndarray) -> csr_array:
    columns = np.searchsorted(numbers, file.labels)
    shape = (len(file), len(numbers))
    return csr_array((np.ones(len(columns), dtype=bool), columns, file.label_bounds), shape=shape)
