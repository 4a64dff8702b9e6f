"""Who sets the asymmetry while training: a gauge, a rule that follows it, and schedules."""

from typing import TYPE_CHECKING

from lopsided.lazy_names import lazy_names

if TYPE_CHECKING:
    from lopsided.asymmetry import adaptive
    from lopsided.asymmetry.adaptive import AdaptiveAsymmetricLoss, AdaptiveState
    from lopsided.asymmetry.probability_gap import Gap, ProbabilityGap, gap_of, gap_sums
    from lopsided.asymmetry.schedule import Ramp, ScheduledAsymmetricLoss
else:
    __getattr__, __dir__ = lazy_names(__name__, __file__)

__all__ = [
    "AdaptiveAsymmetricLoss",
    "AdaptiveState",
    "Gap",
    "ProbabilityGap",
    "Ramp",
    "ScheduledAsymmetricLoss",
    "adaptive",
    "gap_of",
    "gap_sums",
]
