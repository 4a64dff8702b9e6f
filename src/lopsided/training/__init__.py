"""From files to a trained run, its metrics and its predictions.

Here stand the values only, so that a command line reads its options before Lightning is imported; the work is done by
``lopsided.training.fit.fit``, ``lopsided.inference.evaluate.evaluate`` and ``lopsided.inference.predict.predict``.
"""

from lopsided.runs.config import Config, LossOptions, ReportOptions, TrainingOptions
from lopsided.runs.folder import RunFolder

__all__ = ["Config", "LossOptions", "ReportOptions", "RunFolder", "TrainingOptions"]
