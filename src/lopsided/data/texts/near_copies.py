"""Find texts of one split that are nearly those of another: a few words changed, a line added, in any language."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from lopsided.data.alike import Alike, alike_in_two_splits, ids_of_alike
from lopsided.data.texts.words import normal_form

SIMILARITY = 0.8
"""Share of the runs of characters of two texts that both have, from which on they are near-copies."""

_RUN = 5  # characters; what is alike in any language, words or none
_MINIMA = 126  # of a sketch; a share is estimated to within 4 points, one standard error
_BAND = 6  # of them; texts that are alike to 80 % agree in at least one of 21 bands, but for 1 pair in 600
_CHARACTERS = 1 << 20  # of the texts that are looked at together
_STEPS = 100  # texts of a crowd, all alike, that each is compared with in each band
_NOTHING = np.uint32(0xFFFFFFFF)  # a minimum of a text without characters
_PRIMES = np.array([0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB], np.uint64)


def sketches(texts: Iterable[str]) -> np.ndarray:
    """Say of each text which runs of five characters it has, in few numbers.

    Every number is the smallest of one hash of all runs of a text. Of two texts the share of equal numbers is an
    estimate of the share of runs that both have among those that either has. Case, white space and Unicode form do
    not count.

    Args:
        texts: Any texts.

    Returns:
        uint32, shape (texts, 126); all the largest number for a text without characters.

    Source: Broder, On the resemblance and containment of documents, 1997 (MinHash).

    Example:
        >>> one, other = sketches(["A long text about many cats.", "a LONG text about many cats!"])
        >>> round(float(np.mean(one == other)), 1)
        0.9
    """
    parts: list[np.ndarray] = []
    waiting: list[np.ndarray] = []
    size = 0
    for text in texts:
        normal = normal_form(text)
        waiting.append(np.frombuffer(normal.encode("utf-32-le", "surrogatepass"), np.uint32))
        size += len(normal)
        if size >= _CHARACTERS:
            parts.append(_sketched(waiting))
            waiting, size = [], 0
    parts.append(_sketched(waiting))
    return np.concatenate(parts)


def near_copies_in_two_splits(
    sketched: np.ndarray, splits: np.ndarray, *, similarity: float = SIMILARITY
) -> np.ndarray:
    """Find texts that are like one of an earlier split: train comes before val, val before test, then others.

    Args:
        sketched: As :func:`sketches` gives them.
        splits: Text, shape (texts,).
        similarity: Least share of runs of characters that both texts have, in (0, 1]; far below the default many
            pairs are not found.

    Returns:
        int64, shape (pairs, 2): the most similar text of an earlier split, and the text itself; ascending in the
        second, which occurs once. Copies are among them.

    Example:
        >>> text = "Plays chess, draughts, go and other games of two against a friend or against the computer, "
        >>> texts = [text + "in three sizes of board.", "Reads mail.", text + "in four sizes of board."]
        >>> near_copies_in_two_splits(sketches(texts), np.array(["train", "train", "test"])).tolist()
        [[0, 2]]
    """
    return alike_in_two_splits(_alike(sketched, similarity), splits)


def near_copy_ids(sketched: np.ndarray, *, similarity: float = SIMILARITY) -> np.ndarray:
    """Number what is alike, directly or through others, whatever its split.

    Args:
        sketched: As :func:`sketches` gives them.
        similarity: As in :func:`near_copies_in_two_splits`.

    Returns:
        int64, shape (texts,): two texts have one number where a chain of near-copies connects them.
    """
    return ids_of_alike(_alike(sketched, similarity), len(sketched))


def _sketched(texts: list[np.ndarray]) -> np.ndarray:
    """Sketches of texts in numbers of characters."""
    lengths = np.array([len(text) for text in texts], np.int64)
    found = np.full((len(texts), _MINIMA), _NOTHING, np.uint32)
    some = np.flatnonzero(lengths)
    if not len(some):
        return found
    # A short text is one run, with zeros behind it; no run reaches into the next text.
    runs = np.maximum(lengths[some] - _RUN + 1, 1)
    starts = np.concatenate([[0], np.cumsum(runs)[:-1]])
    padded = [np.pad(texts[k], (0, max(0, _RUN - len(texts[k])))) for k in some.tolist()]
    letters = np.concatenate([*padded, np.zeros(_RUN, np.uint32)]).astype(np.uint64)
    places = np.arange(int(runs.sum())) + np.repeat(np.arange(len(some)) * (_RUN - 1), runs)
    hashes = np.zeros(len(places), np.uint64)
    for step in range(_RUN):
        hashes = _mixed(hashes * _PRIMES[0] + letters[places + step])
    for k, key in enumerate(np.random.default_rng(0).integers(2**64, size=_MINIMA, dtype=np.uint64)):
        numbers = ((hashes ^ key) * _PRIMES[1] >> np.uint64(32)).astype(np.uint32)
        found[some, k] = np.minimum.reduceat(numbers, starts)
    return found


def _mixed(numbers: np.ndarray) -> np.ndarray:
    """Spread 64 bits, as splitmix64 does."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * _PRIMES[1]
    numbers = (numbers ^ (numbers >> np.uint64(27))) * _PRIMES[2]
    return numbers ^ (numbers >> np.uint64(31))


def _alike(sketched: np.ndarray, similarity: float) -> Alike:
    if not 0 < similarity <= 1:
        raise ValueError(f"expected similarity to lie in (0, 1], got {similarity}")
    rows = np.flatnonzero((sketched != _NOTHING).any(axis=1))
    whole = np.ascontiguousarray(sketched[rows]).view(np.dtype((np.void, 4 * _MINIMA))).ravel()
    _, first, contents = np.unique(whole, return_index=True, return_inverse=True)
    distinct = sketched[rows[first]]
    most = int((1 - similarity) * _MINIMA + 1e-9)
    itself = np.arange(len(distinct))
    pairs = np.unique(np.concatenate([_candidates(distinct, band) for band in range(0, _MINIMA, _BAND)]))
    left, right = pairs // max(len(distinct), 1), pairs % max(len(distinct), 1)
    apart = _apart(distinct, left, right)
    left, right, apart = left[apart <= most], right[apart <= most], apart[apart <= most]
    return Alike(
        rows,
        contents,
        np.concatenate([itself, left, right]),
        np.concatenate([itself, right, left]),
        np.concatenate([np.zeros(len(itself), np.int64), apart, apart]),
    )


def _candidates(distinct: np.ndarray, band: int) -> np.ndarray:
    """Pairs of sketches that agree in a band, each as ``one * len + other`` with one < other."""
    keys = np.zeros(len(distinct), np.uint64)
    for k in range(band, band + _BAND):
        keys = _mixed(keys * _PRIMES[0] + distinct[:, k])
    order = np.argsort(keys, kind="stable")
    found = [np.empty(0, np.int64)]
    place = np.arange(len(distinct))
    for step in range(1, _STEPS + 1):  # those that agree stand side by side
        place = place[place < len(distinct) - step]
        place = place[keys[order[place]] == keys[order[place + step]]]
        if not len(place):
            break
        ends = np.sort(np.stack([order[place], order[place + step]]), axis=0)
        found.append(ends[0] * len(distinct) + ends[1])
    return np.concatenate(found)


def _apart(distinct: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """In how many numbers the sketches of each pair differ, some pairs at a time."""
    apart = np.empty(len(left), np.int64)
    for start in range(0, len(left), 1 << 16):
        some = slice(start, start + (1 << 16))
        apart[some] = np.count_nonzero(distinct[left[some]] != distinct[right[some]], axis=1)
    return apart
