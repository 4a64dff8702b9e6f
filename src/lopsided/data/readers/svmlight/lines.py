"""One file in the text form of LibSVM: numbers of labels, then ``feature:value`` pairs, a sample on each line."""

import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from lopsided.data.features import float32_features
from lopsided.files.errors import DataError, quoted
from lopsided.files.memory import check_memory
from lopsided.files.regular import check_regular

_NUMBER = rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_SAMPLE = re.compile(rb"(\d+(?:,\d+)*(?=[ \t]|\Z))?((?:(?:\A|[ \t]+)\d+:" + _NUMBER + rb")*)[ \t]*\Z")
_HEADER = re.compile(rb"[ \t]*(\d+)[ \t]+(\d+)[ \t]+(\d+)[ \t]*\Z")
_LABEL = re.compile(rb"\d+(?:,\d+)*\Z")
_PAIR = re.compile(rb"\d+:" + _NUMBER + rb"\Z")
_TOGETHER = 4096  # lines whose pairs become numbers at once
_BYTES_OF_A_PAIR = 4  # at least, in the file: a space, a digit, a colon and a digit
_HELD = 16  # bytes that a pair takes while it is read
_LARGEST = 2**31 - 2  # number of a feature or label


@dataclass(frozen=True)
class Header:
    """The first line of the extreme classification form: how many there are of each."""

    samples: int
    features: int
    labels: int


@dataclass(frozen=True, eq=False)
class Lines:
    """The content of a file, its numbers as they stand there.

    Args:
        path: The file.
        header: Its first line, if it has one.
        values: float32, shape (pairs,), sample after sample.
        features: int64, shape (pairs,): their numbers.
        bounds: int64, shape (samples + 1,): where the pairs of each sample begin.
        labels: int64, numbers of the labels, sample after sample.
        label_bounds: int64, shape (samples + 1,).
        lines: int64, shape (samples,): the line of each sample, from 1.
    """

    path: Path
    header: Header | None
    values: np.ndarray
    features: np.ndarray
    bounds: np.ndarray
    labels: np.ndarray
    label_bounds: np.ndarray
    lines: np.ndarray

    def __len__(self) -> int:
        return len(self.lines)

    def line_of_pair(self, pair: int) -> int:
        """The line in the file where a pair stands."""
        return int(self.lines[np.searchsorted(self.bounds, pair, side="right") - 1])

    def line_of_label(self, label: int) -> int:
        """The line in the file where a label stands."""
        return int(self.lines[np.searchsorted(self.label_bounds, label, side="right") - 1])


def read_lines(path: Path) -> Lines:
    """Read one file; what follows ``#`` is a comment, and a line without anything is skipped, as LibSVM does.

    In a file with a header a line without anything is a sample without labels and features, as this form means it.

    Raises:
        DataError: The file is missing, or a line is not of this form; the message names it.
    """
    size = check_regular(path).st_size
    check_memory(size // _BYTES_OF_A_PAIR * _HELD, what="features", path=path)
    try:
        with path.open("rb") as file:
            return _read(path, file)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path=path) from error


def _read(path: Path, file: BinaryIO) -> Lines:
    header, parts = None, _Parts(path)
    for number, line in _numbered(file):
        text = line.partition(b"#")[0].rstrip(b"\r\n")
        if number == 1 and (match := _HEADER.match(text)):
            header = Header(*(int(group) for group in match.groups()))
        elif text.strip() or (header is not None and b"#" not in line):
            parts.add(number, text)
    found = parts.lines(header)
    if not len(found):
        raise DataError("expected at least one sample, got none", path=path)
    if header is not None and header.samples != len(found):
        raise DataError(
            f"expected {header.samples} samples, as the header says, got {len(found)} lines after it", path=path
        )
    return found


def _numbered(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(file, start=1):
        yield number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line


class _Parts:
    """What was read so far. Pairs become numbers many lines at a time, which is what makes it fast."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.waiting: list[bytes] = []
        self.features: list[np.ndarray] = []
        self.values: list[np.ndarray] = []
        self.lengths, self.labels, self.label_counts, self.numbers = array("q"), array("q"), array("q"), array("q")

    def add(self, number: int, text: bytes) -> None:
        match = _SAMPLE.match(text)
        if match is None:
            raise DataError(_what_is_wrong(text), path=self.path, line=number)
        labels, pairs = match.groups()
        named = [int(label) for label in labels.split(b",")] if labels else []
        if len(set(named)) != len(named):
            raise DataError(f"expected each label once, got {quoted(labels.decode())}", path=self.path, line=number)
        if named and max(named) > _LARGEST:
            raise DataError(f"expected labels of at most {_LARGEST}, got {max(named)}", path=self.path, line=number)
        self.labels.extend(named)
        self.label_counts.append(len(named))
        self.lengths.append(pairs.count(b":"))
        self.numbers.append(number)
        self.waiting.append(pairs)
        if len(self.waiting) >= _TOGETHER:
            self._convert()

    def _convert(self) -> None:
        numbers = np.array(b" ".join(self.waiting).replace(b":", b" ").split(), dtype=np.float64)
        features, values = numbers[::2], numbers[1::2]
        ends = np.cumsum(np.frombuffer(self.lengths, np.int64)[-len(self.waiting) :])
        for wrong, what in (
            (features > _LARGEST, f"numbers of features of at most {_LARGEST}"),
            (~(np.abs(values) <= np.finfo(np.float32).max), "values that are finite as float32"),
        ):
            if wrong.any():
                place = int(np.argmax(wrong))
                line = self.numbers[len(self.numbers) - len(self.waiting) + int(np.searchsorted(ends, place, "right"))]
                came = f"{features[place]:.0f}:{values[place]:g}"
                raise DataError(f"expected {what}, got {came}", path=self.path, line=line)
        self.features.append(features.astype(np.int64))
        self.values.append(float32_features(values))
        self.waiting.clear()

    def lines(self, header: Header | None) -> Lines:
        """All that was read."""
        self._convert()
        return Lines(
            self.path,
            header,
            np.concatenate(self.values),
            np.concatenate(self.features),
            _bounds(self.lengths),
            np.frombuffer(self.labels, np.int64) if self.labels else np.zeros(0, np.int64),
            _bounds(self.label_counts),
            np.frombuffer(self.numbers, np.int64) if self.numbers else np.zeros(0, np.int64),
        )


def _bounds(lengths: array) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(np.frombuffer(lengths, np.int64) if lengths else [])]).astype(np.int64)


def _what_is_wrong(text: bytes) -> str:
    """Which part of a line is not of this form."""
    first, *others = text.split()
    labels, pairs = ("", [first, *others]) if text[:1] in b" \t" or b":" in first else (first, others)
    if labels and not _LABEL.match(labels):
        return f"expected numbers of labels joined by commas, got {_shown(labels)}"
    for pair in pairs:
        if pair.startswith(b"qid:"):
            return f"expected pairs FEATURE:VALUE, got {_shown(pair)}, which is of ranking data"
        if not _PAIR.match(pair):
            return f"expected pairs FEATURE:VALUE of a whole number and a number, got {_shown(pair)}"
    return f"expected labels, then a space, then pairs FEATURE:VALUE, got {_shown(text)}"


def _shown(part: bytes) -> str:
    return quoted(part[:60].decode(errors="replace"))
