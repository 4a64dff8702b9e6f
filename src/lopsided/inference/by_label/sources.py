"""Where the scores of a split come from, some labels at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from lopsided.data.features import sparse_tensor
from lopsided.models.last_layer import LastLayer


class Source(Protocol):
    """Scores of samples, shape (samples, labels), that are asked for again and again."""

    @property
    def shape(self) -> tuple[int, int]:
        """Number of samples, and of labels."""
        ...

    def of(self, part: slice) -> Tensor:
        """Scores of some neighbouring labels, shape (samples, labels in part)."""
        ...

    def take(self, rows: np.ndarray) -> Source:
        """Those of some samples."""
        ...


@dataclass(frozen=True, eq=False)
class OfLastLayer:
    """Logits that are computed each time.

    Args:
        last: The network; only its last layer is used.
        features: What goes into that layer, one row a sample, dense or CSR.
    """

    last: LastLayer
    features: Tensor

    @property
    def shape(self) -> tuple[int, int]:
        """Number of samples, and of labels."""
        return self.features.shape[0], self.last.num_labels

    def of(self, part: slice) -> Tensor:
        """Logits of some neighbouring labels, float32."""
        with torch.inference_mode():
            return self.last.logits(self.features, part).float()

    def take(self, rows: np.ndarray) -> OfLastLayer:
        """Those of some samples."""
        return OfLastLayer(self.last, _rows(self.features, rows))


@dataclass(frozen=True, eq=False)
class Held:
    """Scores in memory, shape (samples, labels)."""

    scores: Tensor

    @property
    def shape(self) -> tuple[int, int]:
        """Number of samples, and of labels."""
        return self.scores.shape[0], self.scores.shape[1]

    def of(self, part: slice) -> Tensor:
        """Scores of some neighbouring labels."""
        return self.scores[:, part].contiguous()

    def take(self, rows: np.ndarray) -> Taken:
        """Those of some samples."""
        return Taken(self, rows)


@dataclass(frozen=True, eq=False)
class Taken:
    """Scores of some samples of a source."""

    source: Source
    rows: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """Number of samples, and of labels."""
        return len(self.rows), self.source.shape[1]

    def of(self, part: slice) -> Tensor:
        """Scores of some neighbouring labels."""
        return self.source.of(part)[torch.from_numpy(self.rows)]

    def take(self, rows: np.ndarray) -> Taken:
        """Those of some samples of these."""
        return Taken(self.source, self.rows[rows])


@dataclass(frozen=True, eq=False)
class Mapped:
    """What becomes of scores, element by element."""

    source: Source
    function: Callable[[Tensor], Tensor]

    @property
    def shape(self) -> tuple[int, int]:
        """Number of samples, and of labels."""
        return self.source.shape

    def of(self, part: slice) -> Tensor:
        """Of some neighbouring labels."""
        return self.function(self.source.of(part))

    def take(self, rows: np.ndarray) -> Mapped:
        """Those of some samples."""
        return Mapped(self.source.take(rows), self.function)


def _rows(features: Tensor, rows: np.ndarray) -> Tensor:
    if features.layout == torch.strided:
        return features[torch.from_numpy(rows)]
    parts = (part.numpy() for part in (features.values(), features.col_indices(), features.crow_indices()))
    return sparse_tensor(csr_array(tuple(parts), shape=tuple(features.shape))[rows])
