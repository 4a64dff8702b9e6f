"""How frequent the labels of a run are in its training split: kept in its folder, or counted in its data."""

from __future__ import annotations

from typing import Any

import numpy as np

from lopsided.data import Data
from lopsided.metrics.ranked.frequencies import Frequencies
from lopsided.runs.folder import RunFolder
from lopsided.runs.reading import read_json

KEY = "training"
"""Of data.json, under which they are kept."""


def frequencies_in(data: Data) -> Frequencies | None:
    """Those of the training split of some data; None where it has none."""
    if "train" not in data.split_names:
        return None
    labels = data.labels.take(data.rows("train"))
    return Frequencies(labels.positives_per_label(), len(labels))


def plain(data: Data) -> dict[str, Any]:
    """What data.json keeps of them."""
    found = frequencies_in(data)
    return {} if found is None else {KEY: {"samples": found.num_samples, "positives": found.positives.tolist()}}


def frequencies_of(run: RunFolder, data: Data | None, *, num_labels: int) -> Frequencies | None:
    """Those of a run: what it kept, else those of its own data; None where neither says them.

    Args:
        run: A trained run.
        data: Its own data, or None where other data is looked at.
        num_labels: Of its network.
    """
    try:
        kept = read_json(run.data_file)[KEY]
        counts = np.array(kept["positives"])
        if counts.shape == (num_labels,) and counts.dtype.kind == "i" and type(kept["samples"]) is int:
            return Frequencies(counts, kept["samples"])
    except (ValueError, KeyError, TypeError):  # of an older version, lost or damaged
        pass
    return None if data is None else frequencies_in(data)
