"""From texts to numbers of tokens, by the tokeniser of a text encoder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from lopsided.data.labels import Labels
from lopsided.data.options import ImageOptions
from lopsided.data.samples import Inputs, Samples, tensors
from lopsided.data.texts.texts import Texts
from lopsided.files.errors import DataError, quoted

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PADDING = -1
"""What stands behind the tokens of a text that is shorter than the longest of its batch."""

_LOOKED_AT = 4096  # texts, to say how many are cut off
_CHARACTERS = 64  # of a text are read for each token that is kept, at most; hardly any token is longer


@dataclass(frozen=True, eq=False)
class TokenPreparation:
    """Turns texts into numbers of tokens.

    Args:
        tokenizer: What the file ``tokenizer.json`` of an encoder holds.
        encoder: What its ``config.json`` holds: the network that these numbers are for.
        max_length: Tokens of a text, at most, with those that mark its beginning and end; the rest is cut off.

    Raises:
        DataError: It is no such tokeniser.
        ModuleNotFoundError: tokenizers is not installed.
    """

    tokenizer: str
    encoder: Mapping[str, Any]
    max_length: int

    kind: ClassVar[str] = "tokens"

    def __post_init__(self) -> None:
        size, largest = self.encode.get_vocab_size(), self.encoder.get("vocab_size")
        if isinstance(largest, int) and size > largest:
            raise DataError(f"expected a tokeniser of at most {largest} tokens, as config.json says, got {size}")

    @cached_property
    def encode(self) -> Tokenizer:
        """The tokeniser, which cuts off what is too long and pads nothing."""
        try:
            from tokenizers import Tokenizer
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError('text encoders need tokenizers: pip install "lopsided[text]"') from error
        try:
            found = Tokenizer.from_str(self.tokenizer)
            found.no_padding()
            found.enable_truncation(max_length=self.max_length)
        except Exception as error:  # the library raises nothing more special
            raise DataError(f"expected a tokeniser in tokenizer.json, got {quoted(str(error))}") from None
        return found

    @property
    def digest(self) -> str:
        """SHA-256 of all of it."""
        parts = [self.tokenizer, json.dumps(dict(self.encoder), sort_keys=True), str(self.max_length)]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    @property
    def for_network(self) -> dict[str, Any]:
        """The configuration of the encoder."""
        return {"encoder": self.encoder}

    def apply(self, samples: Samples) -> Tokens:
        """The samples with tokens, which are made batch by batch."""
        if not isinstance(samples, Texts):
            raise DataError(f"{samples.name}: expected texts for a text encoder, got {samples.kind}")
        return Tokens(
            samples.name,
            samples,
            self,
            samples.labels,
            samples.splits,
            samples.truth,
            samples.notes,
            samples.groups,
            samples.columns,
            samples.weights,
        )

    def remark(self, samples: Samples) -> str | None:
        """Which share of the texts is cut off, of a few thousand at most."""
        if not isinstance(samples, Texts):
            return None
        rows = np.unique(np.linspace(0, len(samples) - 1, _LOOKED_AT).astype(np.int64))
        cut = float(np.mean(self.cuts([str(text) for text in samples.texts[rows]])))
        if not cut:
            return None
        return f"{cut:.1%} of the texts are cut off after {self.max_length} tokens (--model.max_length)"

    def save(self, folder: Path) -> None:
        """Write ``tokenizer.json`` and ``config.json``, as encoders have them, and ``preparation.json``."""
        (folder / "tokenizer.json").write_text(self.tokenizer, encoding="utf-8")
        (folder / "config.json").write_text(json.dumps(dict(self.encoder), indent=2) + "\n", encoding="utf-8")
        about = {"kind": self.kind, "max_length": self.max_length}
        (folder / "preparation.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")

    def num_cut_off(self, samples: Samples) -> int:
        """Of how many texts the end is cut off.

        Raises:
            DataError: They are no texts.
        """
        if not isinstance(samples, Texts):
            raise DataError(f"{samples.name}: expected texts for a text encoder, got {samples.kind}")
        return int(self.cuts([str(text) for text in samples.texts]).sum())

    def cuts(self, texts: Sequence[str]) -> np.ndarray:
        """Of which texts the end is cut off, bool, shape (texts,)."""
        found = np.empty(len(texts), bool)
        for start in range(0, len(texts), _LOOKED_AT):
            some = texts[start : start + _LOOKED_AT]
            encoded = self.encode.encode_batch([text[: self.max_length * _CHARACTERS] for text in some])
            found[start : start + len(some)] = [bool(one.overflowing) for one in encoded]
        return found

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Numbers of the tokens of each text."""
        beginnings = [text[: self.max_length * _CHARACTERS] for text in texts]
        return [found.ids for found in self.encode.encode_batch(beginnings)]


@dataclass(frozen=True, eq=False)
class Tokens(Samples):
    """Texts as numbers of tokens.

    Args:
        name: What to call it in reports.
        source: The texts.
        preparation: Makes tokens of them.
        labels: Labels of the same samples.
        splits: Text, shape (samples,).
        truth: Complete labels, where some were hidden on purpose.
        notes: A line each.
        groups: What must stay in one split, or none.
        columns: Of the file of the texts, or none.
        weights: float32, shape (samples,), at least 0: factor on the training loss of each sample; or none.
    """

    name: str
    source: Texts
    preparation: TokenPreparation
    labels: Labels
    splits: np.ndarray
    truth: Labels | None = None
    notes: tuple[str, ...] = ()
    groups: np.ndarray | None = None
    columns: Mapping[str, str] | None = None
    weights: np.ndarray | None = None

    kind = "tokens"

    def __post_init__(self) -> None:
        self.check(len(self.source.texts))

    @property
    def row_column(self) -> tuple[str, type]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """That of the texts."""
        return self.source.row_column

    def inputs(self, options: ImageOptions | None = None) -> Inputs:
        """Numbers of tokens, as many as ``max_length`` at most."""
        return Inputs("tokens", (self.preparation.max_length,))

    def batch(self, rows: np.ndarray, options: ImageOptions, *, draw: tuple[int, int] | None) -> dict[str, Tensor]:
        """Some samples, whose ``inputs`` are int64 of shape ``(samples, tokens)``, as wide as the longest needs, with
        ``PADDING`` behind the others."""
        targets, mask = self.labels.dense(rows)
        found = self.preparation.ids([str(text) for text in self.source.texts[rows]])
        ids = torch.full((len(found), max(1, *map(len, found))), PADDING) if found else torch.zeros(0, 1).long()
        for row, numbers in enumerate(found):
            ids[row, : len(numbers)] = torch.tensor(numbers, dtype=torch.int64)
        return {"inputs": ids, **tensors(targets=targets.view(np.uint8), mask=mask, rows=rows)}

    def digests(self, rows: Sequence[int] | None = None) -> Iterable[bytes]:
        """Of the texts and of what makes tokens of them."""
        for digest in self.source.digests(rows):
            yield hashlib.blake2b(digest + self.preparation.digest.encode(), digest_size=16).digest()

    def by_length(self, rows: Sequence[int]) -> Sequence[int]:
        """From the fewest characters to the most."""
        chosen = np.asarray(rows, np.int64)
        return chosen[np.argsort(np.strings.str_len(self.source.texts[chosen]), kind="stable")].tolist()

    def row_names(self, rows: np.ndarray) -> Sequence[str] | np.ndarray:
        """Those of the texts."""
        return self.source.row_names(rows)

    def sample_name(self, row: int) -> str:
        """That of the text."""
        return self.source.sample_name(row)

    def described(self) -> str:
        """How many tokens a text has at most."""
        return f"texts of at most {self.preparation.max_length} tokens"

    def details(self, row: int) -> str:
        """Of the text."""
        return self.source.details(row)

    def marked(self, row: int) -> list[tuple[str, bool]]:
        """Of the text."""
        return self.source.marked(row)

    def to_write(self, folder: Path, *, is_taken: Callable[[str], bool]) -> dict[str, list[str]]:
        """The texts."""
        return self.source.to_write(folder, is_taken=is_taken)
