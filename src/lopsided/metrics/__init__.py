"""How good predictions are: rankings by average precision, decisions by F1, probabilities by calibration error."""

try:
    import numpy as _numpy  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError('lopsided.metrics needs numpy: pip install "lopsided[train]"', name="numpy") from error

from lopsided.metrics.at_k import (
    ndcg_at_k,
    precision_at_k,
    propensities,
    propensity_scored_precision_at_k,
)
from lopsided.metrics.average_precision import (
    average_precision,
    eleven_point_average_precision,
    mean_average_precision,
    micro_average_precision,
)
from lopsided.metrics.calibration import (
    Reliability,
    brier_score,
    equal_mass_edges,
    equal_width_edges,
    expected_calibration_error,
    reliability,
)
from lopsided.metrics.catalogue import measure_blocks
from lopsided.metrics.collected import CollectedScores
from lopsided.metrics.counts import Counts, count
from lopsided.metrics.intervals import f1_draws, interval
from lopsided.metrics.operating_point import OperatingPoint, operating_point, operating_point_from
from lopsided.metrics.ranked.frequencies import Frequencies
from lopsided.metrics.roc import micro_roc_auc, roc_auc
from lopsided.metrics.thresholds import Thresholds, choose_thresholds

__all__ = [
    "CollectedScores",
    "Counts",
    "Frequencies",
    "OperatingPoint",
    "Reliability",
    "Thresholds",
    "average_precision",
    "brier_score",
    "choose_thresholds",
    "count",
    "eleven_point_average_precision",
    "equal_mass_edges",
    "equal_width_edges",
    "expected_calibration_error",
    "f1_draws",
    "interval",
    "mean_average_precision",
    "measure_blocks",
    "micro_average_precision",
    "micro_roc_auc",
    "ndcg_at_k",
    "operating_point",
    "operating_point_from",
    "precision_at_k",
    "propensities",
    "propensity_scored_precision_at_k",
    "reliability",
    "roc_auc",
]
