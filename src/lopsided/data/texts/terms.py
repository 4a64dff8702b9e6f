"""Which terms stand in texts, and how often: words, pairs of neighbouring words, and pieces of four letters."""
# pyright: reportOptionalSubscript=false
# (SciPy has no type stubs, and pyright infers that the shape of a sparse array may be None.)

from __future__ import annotations

import re
import unicodedata
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array, hstack, vstack

_NO_SPACES = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
WORD = re.compile(f"[{_NO_SPACES}]|[^\\W{_NO_SPACES}]{{2,}}")
"""A word of at least two letters or digits; of scripts without spaces (Thai, Chinese, Japanese, …) each sign."""

PIECE = "~"
"""The name of a piece begins with it, and that of no word: ``~ lib`` begins a word, ``~brar`` stands within one."""

_LETTERS = 4
_AT_ONCE = 1 << 14  # texts


def words_of(text: str) -> list[str]:
    """The words of a text in their order, in lower case, with characters that stand for the same in one form.

    >>> words_of("Cafe\\u0301, a 2nd ﬁne 猫が")
    ['café', '2nd', 'fine', '猫', 'が']
    """
    return WORD.findall(unicodedata.normalize("NFKC", text).lower())


def pieces_of(word: str) -> list[str]:
    """The runs of four letters in a word between two spaces, by the names that they have as terms.

    >>> pieces_of("words"), pieces_of("猫")
    (['~ wor', '~word', '~ords', '~rds '], [])
    """
    framed = f" {word} "
    return [PIECE + framed[i : i + _LETTERS] for i in range(len(framed) - _LETTERS + 1)]


class Least(NamedTuple):
    """Texts that a term has to stand in to be one of those that are kept."""

    words: int
    pairs: int
    pieces: int


def frequent_terms(texts: Iterable[str], least: Least) -> list[str]:
    """Terms that stand in enough texts, ascending.

    Args:
        texts: Any; they are read once.
        least: How many are enough, for each kind of term.
    """
    found: dict[str, int] = {}
    for counts in _of_parts(texts):
        for names, table in counts:
            in_texts = np.bincount(table.indices, minlength=table.shape[1]).tolist()
            for name, count in zip(names, in_texts, strict=True):
                found[name] = found.get(name, 0) + count
    return sorted(name for name, count in found.items() if count >= _enough(name, least))


def counts_of(texts: Iterable[str], places: Mapping[str, int]) -> csr_array:
    """How often each term stands in each text; terms without a place are left out.

    Args:
        texts: Any; they are read once.
        places: The column of each term, from 0.

    Returns:
        float32, shape (texts, terms), columns of a row ascending.
    """
    rows = [csr_array((0, len(places)), dtype=np.float32)]
    for counts in _of_parts(texts):
        tables, columns = [], []
        for names, table in counts:
            place = np.fromiter((places.get(name, -1) for name in names), np.int64, len(names))
            kept = np.flatnonzero(place >= 0)
            tables.append(table[:, kept])
            columns.append(place[kept])
        table = csr_array(hstack(tables, format="csr"))
        moved = (table.data, np.concatenate(columns)[table.indices], table.indptr)
        rows.append(csr_array(moved, shape=(table.shape[0], len(places))))
        rows[-1].sort_indices()
    return csr_array(vstack(rows, format="csr"))


def _enough(name: str, least: Least) -> int:
    if name.startswith(PIECE):
        return least.pieces
    return least.pairs if " " in name else least.words


_Counts = tuple[list[str], csr_array]  # names of terms; how often, shape (texts, terms)


def _of_parts(texts: Iterable[str]) -> Iterator[list[_Counts]]:
    """Counts of words, pairs and pieces, of some texts at a time."""
    rest = iter(texts)
    while some := list(islice(rest, _AT_ONCE)):
        yield _counted(some)


def _counted(texts: list[str]) -> list[_Counts]:
    names, word, text = _numbered(map(words_of, texts))
    counts = _table(text, word, (len(texts), len(names)))
    neighbours = np.flatnonzero(text[1:] == text[:-1])
    pairs, pair = np.unique(word[neighbours] * len(names) + word[neighbours + 1], return_inverse=True)
    of_pairs = _table(text[neighbours], pair, (len(texts), len(pairs)))
    first, second = (part.tolist() for part in np.divmod(pairs, max(len(names), 1)))
    return [
        (names, counts),
        ([f"{names[a]} {names[b]}" for a, b in zip(first, second, strict=True)], of_pairs),
        _pieces(names, counts),
    ]


def _pieces(words: list[str], counts: csr_array) -> _Counts:
    """Pieces of words of which it is known how often they stand in texts."""
    names, piece, word = _numbered(map(pieces_of, words))
    return names, csr_array(counts @ _table(word, piece, (len(words), len(names))))


def _numbered(lists: Iterable[list[str]]) -> tuple[list[str], np.ndarray, np.ndarray]:
    """The names that stand in some lists; for each place in them the number of the name, and that of the list."""
    numbers: defaultdict[str, int] = defaultdict()
    numbers.default_factory = numbers.__len__  # a new name gets the next number
    flat, lengths = array("q"), array("q")
    for names in lists:
        flat.extend(map(numbers.__getitem__, names))
        lengths.append(len(names))
    return list(numbers), np.array(flat, np.int64), np.repeat(np.arange(len(lengths)), np.array(lengths, np.int64))


def _table(row: np.ndarray, column: np.ndarray, shape: tuple[int, int]) -> csr_array:
    """How often each pair of a row and a column is given."""
    return csr_array((np.ones(len(row), np.float32), (row, column)), shape=shape)  # which adds up what is given twice
