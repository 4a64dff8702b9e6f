"""From texts to how often words, pairs of words and pieces of words stand in them."""
# pyright: reportOptionalSubscript=false
# (SciPy has no type stubs, and pyright infers that the shape of a sparse array may be None.)

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from scipy.sparse import csr_array

from lopsided.data.samples import Samples
from lopsided.data.table import Table
from lopsided.data.texts.terms import PIECE, Least, counts_of, frequent_terms
from lopsided.data.texts.texts import Texts
from lopsided.files.errors import DataError

_FREQUENT = Least(words=3, pairs=6, pieces=5)
"""Training texts that a term has to stand in to be one of the features."""

_FEW = 1000
"""Training texts below which every term is one."""

_WEIGHT_OF_PIECES = 0.5
"""Beside that of words and pairs: at 1 precision of the first labels is lower, and mAP a little higher."""

FILE, WEIGHTS = "preparation.json", "rarity.npz"


@dataclass(frozen=True, eq=False)
class TfidfPreparation:
    """Words, pairs of neighbouring words and pieces of words, and how much each counts.

    A text becomes a row of ``(1 + ln count) * weight``, brought to length 1; what no training text had is left out. How
    rare a term is does not weigh: the optimiser of sparse layers gives rare features the larger steps already, and
    both together cost precision of the first labels. Runs of earlier versions have weights by rarity, which hold.

    Args:
        terms: Words, pairs joined by a space, and pieces, as :func:`pieces_of` names them; ascending, at least one.
        rarity: Weight of each term, float64, shape (terms,).

    Source: Salton and Buckley, Term-weighting approaches in automatic text retrieval, 1988, whose "lnc" weights these
    are (logarithm of the count, no weight by rarity, cosine normalisation).
    """

    terms: tuple[str, ...]
    rarity: np.ndarray

    kind: ClassVar[str] = "tfidf"

    @property
    def digest(self) -> str:
        """Of the terms and their weights."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        digest = hashlib.sha256(json.dumps(self.terms).encode())
        digest.update(np.ascontiguousarray(self.rarity).tobytes())
        return digest.hexdigest()

    @property
    def for_network(self) -> dict[str, Any]:
        """Nothing: the shape of the inputs says it all."""
        return {}

    def apply(self, samples: Samples) -> Table:
        """The same samples as rows that stay sparse, with a feature for each term.

        Raises:
            DataError: They are no texts.
        """
        if not isinstance(samples, Texts):
            raise DataError(f"{samples.name}: expected texts, got {samples.kind}")
        return Table(
            samples.name,
            self.features(map(str, samples.texts)),
            samples.labels,
            samples.splits,
            truth=samples.truth,
            feature_names=self.terms,
            notes=samples.notes,
            groups=samples.groups,
            weights=samples.weights,
            stays_sparse=True,
        )

    def features(self, texts: Iterable[str]) -> csr_array:
        """Rows of texts, float32, shape (texts, terms)."""
        rows = counts_of(texts, self._places)
        values = (1 + np.log(rows.data, dtype=np.float64)) * self.rarity[rows.indices]
        row = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
        lengths = np.sqrt(np.bincount(row, values * values, minlength=rows.shape[0]))
        values /= np.where(lengths > 0, lengths, 1)[row]
        return csr_array((values.astype(np.float32), rows.indices, rows.indptr), shape=rows.shape)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {term: place for place, term in enumerate(self.terms)}

    def remark(self, samples: Samples) -> str | None:
        """Nothing is cut off."""
        return None

    def save(self, folder: Path) -> None:
        """Write the terms as JSON and their weights as an array."""
        (folder / FILE).write_text(json.dumps({"kind": self.kind, "terms": self.terms}), encoding="utf-8")
        np.savez(folder / WEIGHTS, rarity=self.rarity)


def fit_tfidf(texts: Samples) -> TfidfPreparation:
    """Find the terms that are frequent enough in the training split.

    Raises:
        DataError: It is of no texts, or these hold no word that counts.
    """
    if not isinstance(texts, Texts):
        raise DataError(f"{texts.name}: expected texts, got {texts.kind}")
    chosen = texts.texts[texts.rows("train")]
    terms = frequent_terms(map(str, chosen), _FREQUENT if len(chosen) >= _FEW else Least(1, 1, 1))
    if not terms:
        raise DataError(f"{texts.name}: expected training texts with words of two letters, got {len(chosen)} without")
    return TfidfPreparation(
        tuple(terms), np.array([_WEIGHT_OF_PIECES if term.startswith(PIECE) else 1.0 for term in terms])
    )


def load_tfidf(folder: Path, content: dict[str, Any]) -> TfidfPreparation:
    """What :meth:`TfidfPreparation.save` wrote; nothing in it is executed.

    Args:
        folder: The folder.
        content: What its JSON file holds.

    Raises:
        DataError: It is damaged.
    """
    terms = content.get("terms")
    if not isinstance(terms, list) or not terms or not all(isinstance(term, str) for term in terms):
        raise DataError("expected terms to be a list of texts, got another", path=folder / FILE)
    if len(set(terms)) != len(terms):
        raise DataError("expected terms to be distinct, got one twice", path=folder / FILE)
    try:
        with (folder / WEIGHTS).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            rarity = arrays["rarity"]
    except Exception as error:  # a damaged archive may fail anywhere
        raise DataError(f"expected an array rarity, got {error!r:.80}", path=folder / WEIGHTS) from None
    if rarity.shape != (len(terms),) or rarity.dtype != np.float64 or not np.isfinite(rarity).all():
        raise DataError(
            f"expected a finite float64 for each of {len(terms)} terms, got {rarity.dtype} of shape {rarity.shape}",
            path=folder / WEIGHTS,
        )
    return TfidfPreparation(tuple(terms), rarity)
