"""From files to a trained run, its metrics and its predictions.

Here stand the values only, so that a command line reads its options before Lightning is imported; the work is done by
``lopsided.training.fit.fit``, ``lopsided.training.evaluate.evaluate`` and ``lopsided.training.predict.predict``.
"""

from lopsided.training.config import Config, LossOptions, ReportOptions, TrainingOptions
from lopsided.training.run_folder import RunFolder

__all__ = ["Config", "LossOptions", "ReportOptions", "RunFolder", "TrainingOptions"]
