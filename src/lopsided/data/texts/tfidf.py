"""From texts to how often each word and pair of words stands in them, weighed by how rare it is."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from scipy.sparse import csr_array

from lopsided.data.samples import Samples
from lopsided.data.table import Table
from lopsided.data.texts.texts import Texts
from lopsided.files.errors import DataError

_NO_SPACES = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_TOKEN = f"[{_NO_SPACES}]|[^\\W{_NO_SPACES}]{{2,}}"
"""A word of at least two letters or digits; of scripts without spaces (Thai, Chinese, Japanese, …) each sign."""

_RARE = 3
"""Training texts that a word has to stand in to be one of the features."""

_FEW = 1000
"""Training texts below which every word is one."""

FILE, WEIGHTS = "preparation.json", "rarity.npz"


@dataclass(frozen=True, eq=False)
class TfidfPreparation:
    """Words and pairs of neighbouring words, and how rare each is among the training texts.

    A text becomes a row of ``(1 + ln count) * rarity``, brought to length 1; what no training text had is left out.

    Args:
        terms: Words, and pairs joined by a space, ascending; at least one.
        rarity: ``ln((1 + texts) / (1 + texts with the term)) + 1``, float64, shape (terms,).

    Source: Salton and Buckley, Term-weighting approaches in automatic text retrieval, 1988; scikit-learn's
    ``TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2))``.
    """

    terms: tuple[str, ...]
    rarity: np.ndarray

    kind: ClassVar[str] = "tfidf"

    @property
    def digest(self) -> str:
        """Of the terms and how rare each is."""
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
            stays_sparse=True,
        )

    def features(self, texts: Iterable[str]) -> csr_array:
        """Rows of texts, float32, shape (texts, terms)."""
        return csr_array(self._vectoriser.transform(texts), dtype=np.float32)

    @cached_property
    def _vectoriser(self) -> Any:
        vectoriser = _new_vectoriser(vocabulary={term: i for i, term in enumerate(self.terms)})
        vectoriser.idf_ = self.rarity
        return vectoriser

    def remark(self, samples: Samples) -> str | None:
        """Nothing is cut off."""
        return None

    def save(self, folder: Path) -> None:
        """Write the terms as JSON and how rare each is as an array."""
        (folder / FILE).write_text(json.dumps({"kind": self.kind, "terms": self.terms}), encoding="utf-8")
        np.savez(folder / WEIGHTS, rarity=self.rarity)


def fit_tfidf(texts: Samples) -> TfidfPreparation:
    """Find the words of the training split, and how rare each is there.

    Raises:
        DataError: It is of no texts, or these hold no word that counts.
    """
    if not isinstance(texts, Texts):
        raise DataError(f"{texts.name}: expected texts, got {texts.kind}")
    chosen = texts.texts[texts.rows("train")]
    vectoriser = _new_vectoriser(min_df=_RARE if len(chosen) >= _FEW else 1)
    try:
        vectoriser.fit(map(str, chosen))
    except ValueError as error:  # no word at all, or none that is frequent enough
        raise DataError(
            f"{texts.name}: expected training texts with words of two letters, got {len(chosen)} without"
        ) from error
    return TfidfPreparation(tuple(vectoriser.get_feature_names_out().tolist()), np.asarray(vectoriser.idf_))


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


def _new_vectoriser(**settings: Any) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer  # imported here because it takes a second

    return TfidfVectorizer(
        ngram_range=(1, 2),
        sublinear_tf=True,
        token_pattern=_TOKEN,
        preprocessor=_one_form,
        dtype=np.float64,
        **settings,
    )


def _one_form(text: str) -> str:
    """Lower case, with characters that stand for the same in one form."""
    return unicodedata.normalize("NFKC", text).lower()
