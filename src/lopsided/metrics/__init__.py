"""How good predictions are: rankings by average precision, decisions by precision, recall and F1."""

try:
    import numpy as _numpy  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError('lopsided.metrics needs numpy: pip install "lopsided[train]"', name="numpy") from error

from lopsided.metrics.average_precision import (
    average_precision,
    eleven_point_average_precision,
    mean_average_precision,
    micro_average_precision,
)
from lopsided.metrics.collected import CollectedScores
from lopsided.metrics.counts import Counts, count
from lopsided.metrics.operating_point import OperatingPoint, operating_point, operating_point_from

__all__ = [
    "CollectedScores",
    "Counts",
    "OperatingPoint",
    "average_precision",
    "count",
    "eleven_point_average_precision",
    "mean_average_precision",
    "micro_average_precision",
    "operating_point",
    "operating_point_from",
]
