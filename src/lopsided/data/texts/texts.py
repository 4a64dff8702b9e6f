"""Texts and labels of many samples, and the splits they belong to."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from torch import Tensor

from lopsided.data.labels import Labels
from lopsided.data.options import ImageOptions
from lopsided.data.samples import Inputs, Samples
from lopsided.data.texts.near_copies import sketches
from lopsided.data.texts.words import normal_form, pieces, texts_with_word, words
from lopsided.files.errors import DataError, quoted

_BEGINNING = 300  # characters of a text that are shown
_RAREST = 12  # words that are named


@dataclass(frozen=True, eq=False)
class Texts(Samples):
    """A data set of texts. A network takes what a preparation makes of them, such as numbers of tokens.

    Args:
        name: What to call it in reports.
        texts: Text of variable length (``np.dtypes.StringDType``), shape (samples,); one may be empty.
        labels: Labels of the same samples.
        splits: Text, shape (samples,): ``train``, ``val``, ``test`` or another name.
        truth: Complete labels, where some of ``labels`` were hidden on purpose.
        notes: What its reader left out, or read otherwise than it stands there; a line each.
        groups: Text or int64, shape (samples,): what must stay in one split, such as an author; or none.
        columns: What the columns of its file were taken for: role to name; or none.
        ids: What each sample is called, text, shape (samples,); None to call them by their numbers.
        weights: float32, shape (samples,), at least 0: factor on the training loss of each sample; or none.

    Raises:
        DataError: Lengths or types disagree, or there is no sample.

    Example:
        >>> from scipy.sparse import csr_array
        >>> labels = Labels(("cat",), csr_array(np.array([[True], [False]])))
        >>> texts = np.array(["It purrs.", "It barks."], dtype=np.dtypes.StringDType())
        >>> pets = Texts("pets", texts, labels, np.array(["train", "test"]))
        >>> pets.split_names, pets.described()
        (('train', 'test'), 'texts of 9 characters and 2 words (medians)')
    """

    name: str
    texts: np.ndarray
    labels: Labels
    splits: np.ndarray
    truth: Labels | None = None
    notes: tuple[str, ...] = ()
    groups: np.ndarray | None = None
    columns: Mapping[str, str] | None = None
    ids: np.ndarray | None = None
    weights: np.ndarray | None = None

    kind = "texts"

    def __post_init__(self) -> None:
        for name, array in (("texts", self.texts), ("ids", self.ids)):
            if array is not None and (array.ndim != 1 or not isinstance(array.dtype, np.dtypes.StringDType)):
                raise DataError(f"expected {name} to be a StringDType array of shape (samples,), got {array.dtype}")
        if not len(self.texts):
            raise DataError(f"{self.name}: expected at least one text, got none")
        if self.ids is not None and len(self.ids) != len(self.texts):
            raise DataError(f"expected an id for each of the {len(self.texts)} texts, got {len(self.ids)}")
        self.check(len(self.texts))

    @property
    def row_column(self) -> tuple[str, type]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The ids, or the numbers of the samples where there are none."""
        return ("row", int) if self.ids is None else ("id", str)

    def inputs(self, options: ImageOptions | None = None) -> Inputs:
        """Texts, whatever their length."""
        return Inputs("texts", ())

    def batch(self, rows: np.ndarray, options: ImageOptions, *, draw: tuple[int, int] | None) -> dict[str, Tensor]:
        """Refused: a preparation has to make numbers of texts first."""
        raise DataError(f"{self.name}: expected texts that a preparation turned into numbers, got texts as they are")

    def digests(self, rows: Sequence[int] | None = None) -> Iterable[bytes]:
        """Of the characters."""
        for text in self.texts if rows is None else self.texts[np.asarray(rows, np.int64)]:
            yield _digest(str(text))

    def content_keys(self) -> Iterable[object]:
        """Digests of the texts in one Unicode form, case and spacing; an empty text is like no other."""
        for text in self.texts:
            normal = normal_form(str(text))
            yield _digest(normal) if normal else object()

    def sketches(self) -> np.ndarray:
        """Of all texts."""
        return sketches(map(str, self.texts))

    def row_names(self, rows: np.ndarray) -> Sequence[str] | np.ndarray:
        """The ids, or the numbers."""
        return rows if self.ids is None else [str(name) for name in self.ids[rows]]

    def sample_name(self, row: int) -> str:
        """The id, or the number."""
        return f"row {row}" if self.ids is None else str(self.ids[row])

    def described(self) -> str:
        """How long the texts are."""
        characters, num_words = (int(np.median(lengths)) for lengths in self.lengths)
        return f"texts of {characters} characters and {num_words} words (medians)"

    @cached_property
    def lengths(self) -> tuple[np.ndarray, np.ndarray]:
        """Characters and words of each text, int64."""
        texts = [str(text) for text in self.texts]
        counts = [np.fromiter(map(measure, texts), np.int64) for measure in (len, lambda text: len(words(text)))]
        return counts[0], counts[1]

    def lengths_described(self) -> dict[str, dict[str, int]]:
        """Smallest, median, 95 % and largest of the characters and of the words."""
        names = {"smallest": 0.0, "median": 0.5, "p95": 0.95, "largest": 1.0}
        return {
            unit: {name: int(np.quantile(lengths, share)) for name, share in names.items()}
            for unit, lengths in zip(("characters", "words"), self.lengths, strict=True)
        }

    def details(self, row: int) -> str:
        """How a text begins, and its rarest words."""
        shown, rarest = self._beginning(row), self._rarest(row)
        return f"{shown} [rarest words: {', '.join(rarest)}]" if rarest else shown

    def marked(self, row: int) -> list[tuple[str, bool]]:
        """How a text begins, in pieces, and which of these are its rarest words."""
        return pieces(self._beginning(row), set(self._rarest(row)))

    def _beginning(self, row: int) -> str:
        text = str(self.texts[row])
        begins = " ".join(text[: 2 * _BEGINNING].split())
        return begins[:_BEGINNING] + (" …" if len(begins) > _BEGINNING or len(text) > 2 * _BEGINNING else "")

    def _rarest(self, row: int) -> list[str]:
        found = set(words(str(self.texts[row])))
        return sorted(found, key=lambda word: (self._with_word[word], word))[:_RAREST]

    @cached_property
    def _with_word(self) -> Counter[str]:
        return texts_with_word(str(text) for text in self.texts)

    def to_write(self, folder: Path, *, is_taken: Callable[[str], bool]) -> dict[str, list[str]]:
        """Columns ``id``, if there are ids, and ``text``; refused where CSV cannot hold a text."""
        texts = [str(text) for text in self.texts]
        for row, text in enumerate(texts):
            if "\0" in text or "\r" in text:
                sign = "a NUL character" if "\0" in text else "a carriage return"
                raise DataError(f"expected texts that CSV can hold, got {sign} in {quoted(self.sample_name(row))}")
        return ({} if self.ids is None else {"id": [str(name) for name in self.ids]}) | {"text": texts}


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
