"""The identity of a data set: digests of its contents, and what has changed since they were taken."""
# pyright: reportOptionalSubscript=false
# (SciPy has no type stubs, and pyright infers that the shape of a sparse array may be None.)

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from lopsided.data.contents.digests import digest_of
from lopsided.data.labels import Labels
from lopsided.data.samples import Samples
from lopsided.files.errors import quoted

_WORDS = {"a table": ("row", "features"), "images": ("image", "images")}  # for one sample, and for its inputs


@dataclass(frozen=True)
class Identity:
    """What a data set holds, in digests: equal for equal contents, wherever they lie and whatever they are called.

    Images count by their path below the root and their content: all bytes of a file up to 64 KiB; of a larger one, its
    size and 8 KiB at its beginning, middle and end. The time when a file was written does not matter.

    Args:
        kind: ``a table``, ``images``, or what another kind of data is called.
        shape: Of one sample's features; empty for image files.
        samples: How many there are.
        label_names: In their order.
        feature_names: In their order; empty where features have no names.
        inputs: Digest of all inputs in their order.
        any_order: Digest of the same inputs that does not depend on their order.
        labels: Digest of which labels are positive and which are unknown, and of the weights of samples that have any.
        positives: Number of positives.
        splits: Digest of the split of each sample.
        split_sizes: Samples of each split.

    Example:
        >>> from lopsided.data import Table
        >>> labels = Labels(("cat",), csr_array(np.array([[True], [False]])))
        >>> pets = Table("pets", np.zeros((2, 1), np.float32), labels, np.array(["train", "test"]))
        >>> identity_of(pets) == identity_of(dataclasses.replace(pets, name="animals"))
        True
    """

    kind: str
    shape: tuple[int, ...]
    samples: int
    label_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    inputs: str
    any_order: str
    labels: str
    positives: int
    splits: str
    split_sizes: tuple[tuple[str, int], ...]

    @property
    def digest(self) -> str:
        """One text for all of it, hexadecimal."""
        return hashlib.sha256(json.dumps(self.plain(), sort_keys=True).encode()).hexdigest()

    def plain(self) -> dict[str, Any]:
        """The fields as JSON and checkpoints hold them."""
        fields = {
            name: list(value) if isinstance(value, tuple) else value for name, value in dataclasses.asdict(self).items()
        }
        return {**fields, "split_sizes": dict(self.split_sizes)}

    @staticmethod
    def of(plain: Any) -> "Identity":
        """The identity from what :meth:`plain` gave.

        Raises:
            ValueError: It is something else.
        """
        try:
            lists = {name: tuple(plain[name]) for name in ("shape", "label_names", "feature_names")}
            sizes = tuple(plain["split_sizes"].items())
            found = Identity(**{**plain, **lists, "split_sizes": sizes})
        except (AttributeError, KeyError, TypeError):
            raise ValueError(f"expected the identity of a data set, got {plain!r:.60}") from None
        texts = [found.kind, found.inputs, found.any_order, found.labels, found.splits]
        texts += [*found.label_names, *found.feature_names, *(name for name, _ in sizes)]
        numbers = [found.samples, found.positives, *found.shape, *(count for _, count in sizes)]
        if not all(isinstance(text, str) for text in texts) or not all(type(number) is int for number in numbers):
            raise ValueError(f"expected the identity of a data set, got {plain!r:.60}")
        return found


def identity_of(data: Samples) -> Identity:
    """Read all of a data set, images as far as :class:`Identity` says; its name and ``truth`` do not matter."""
    return _identity(data, list(data.digests()))


def what_changed(was: Identity, data: Samples, *, labels: bool = True) -> str | None:
    """Say in words how data differs from what it was; None where it does not.

    Args:
        was: Its identity then.
        data: As it is now.
        labels: Whether labels that were corrected count as a change; other names always do.

    Example:
        >>> from lopsided.data import Table
        >>> had = Labels(("cat",), csr_array(np.array([[True], [False]])))
        >>> pets = Table("pets", np.zeros((2, 1), np.float32), had, np.array(["train", "test"]))
        >>> now = dataclasses.replace(pets, labels=Labels(("dog",), had.positives))
        >>> what_changed(identity_of(pets), now)
        "the labels changed: 'cat' is now 'dog'"
    """
    samples = list(data.digests())
    now = _identity(data, samples)
    if was == now:
        return None
    if was.kind != now.kind:
        return f"it was {was.kind} and is {now.kind}"
    names = _names("label", was.label_names, now.label_names) or _names("feature", was.feature_names, now.feature_names)
    if names:
        return names
    if was.shape != now.shape:
        return f"the features changed: {was.shape} numbers a sample -> {now.shape}"
    if inputs := _inputs(was, now, samples):
        return inputs
    if was.labels != now.labels and labels:
        what = "the labels" if data.weights is None else "labels or weights"
        return f"{what} of some samples changed ({was.positives} -> {now.positives} positives)"
    return _splits(was, now)


def content_of_sample(data: Samples, row: int) -> str:
    """16 hexadecimal digits that tell one sample from others, wherever it stands in the data."""
    (digest,) = data.digests([row])
    return digest.hex()[:16]


def _identity(data: Samples, samples: list[bytes]) -> Identity:
    names, counts = np.unique(data.splits, return_counts=True)
    inputs = data.inputs()
    return Identity(
        kind=data.kind,
        shape=inputs.shape,
        samples=len(data),
        label_names=data.labels.names,
        feature_names=inputs.names,
        inputs=digest_of(samples).hex(),
        any_order=digest_of(sorted(samples)).hex(),
        labels=digest_of([*_of_labels(data.labels), *_of_weights(data)]).hex(),
        positives=int(data.labels.positives.nnz),
        splits=digest_of(name.encode() for name in data.splits.tolist()).hex(),
        split_sizes=tuple(zip(names.tolist(), counts.tolist(), strict=True)),
    )


def _of_labels(labels: Labels) -> Iterator[bytes]:
    """Positives, and what is unknown in the one of its two ways that takes less."""
    yield from _places(labels.positives)
    if not labels.num_unknown:
        return
    unknown, negatives = labels.unknown, labels.negatives
    is_mostly_known = 2 * labels.num_unknown <= len(labels) * len(labels.names)
    if is_mostly_known:
        yield b"unknown"
        yield from _places(unknown if unknown is not None else _neither(labels.positives, negatives))
    else:
        yield b"negatives"
        yield from _places(negatives if negatives is not None else _neither(labels.positives, unknown))


def _of_weights(data: Samples) -> Iterator[bytes]:
    if data.weights is not None:
        yield b"weights"
        yield np.asarray(data.weights, dtype="<f4").tobytes()


def _neither(one: csr_array, other: csr_array | None) -> csr_array:
    """Where neither of two matrices is True; a few rows at a time, because that is nearly everywhere."""
    both = one if other is None else csr_array(one + other, dtype=bool)
    steps = max(1, 2**24 // both.shape[1])
    parts = [csr_array(~both[start : start + steps].toarray()) for start in range(0, both.shape[0], steps)]
    lengths = np.concatenate([np.diff(part.indptr) for part in parts])
    indices = np.concatenate([part.indices for part in parts])
    bounds = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    return csr_array((np.ones(len(indices), dtype=bool), indices, bounds), shape=both.shape)


def _places(matrix: csr_array) -> Iterator[bytes]:
    ordered = matrix if matrix.has_sorted_indices else matrix.sorted_indices()
    for numbers in (ordered.indptr, ordered.indices):
        yield np.asarray(numbers, dtype="<i8").tobytes()


def _names(what: str, was: Sequence[str], now: Sequence[str]) -> str | None:
    """What became of names: another order, other names, more or fewer of them."""
    if tuple(was) == tuple(now):
        return None
    before, after = set(was), set(now)
    gone, new = [name for name in was if name not in after], [name for name in now if name not in before]
    if not gone and not new:
        first = next(k for k, pair in enumerate(zip(was, now, strict=True)) if pair[0] != pair[1])
        columns = "columns moved" if what == "feature" else "labels are in another order"
        return f"the {columns}: number {first + 1} was {quoted(was[first])} and is {quoted(now[first])}"
    if len(gone) == len(new):
        rest = f" (and {len(new) - 1} more)" if len(new) > 1 else ""
        return f"the {what}s changed: {quoted(gone[0])} is now {quoted(new[0])}{rest}"
    named, word = (new, "new") if len(new) > len(gone) else (gone, "gone")
    rest = f" (and {len(named) - 1} more)" if len(named) > 1 else ""
    return f"the number of {what}s changed ({len(was)} -> {len(now)}): {quoted(named[0])} is {word}{rest}"


def _inputs(was: Identity, now: Identity, samples: list[bytes]) -> str | None:
    """What became of the samples, but for their labels and splits."""
    row, inputs = _WORDS.get(now.kind, ("sample", "inputs"))
    if was.inputs == now.inputs:
        return None
    if was.samples != now.samples:
        difference = abs(now.samples - was.samples)
        counted = f"1 {row} was" if difference == 1 else f"{difference} {row}s were"
        at_the_end = digest_of(samples[: was.samples]).hex() == was.inputs
        done = "removed" if now.samples < was.samples else "appended" if at_the_end else "added"
        return f"{counted} {done} ({was.samples} -> {now.samples})"
    return f"the {row}s are in another order" if was.any_order == now.any_order else f"the {inputs} changed"


def _splits(was: Identity, now: Identity) -> str | None:
    if was.splits == now.splits:
        return None
    before, after = dict(was.split_sizes), dict(now.split_sizes)
    sizes = [(name, before.get(name, 0), after.get(name, 0)) for name in sorted(before.keys() | after.keys())]
    changes = [f"{name} {one} -> {other}" for name, one, other in sizes if one != other]
    return f"the splits changed ({', '.join(changes) or 'of the same sizes'})"
