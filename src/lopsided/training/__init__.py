"""From files to a trained run, its metrics and its predictions.

Here stand the values only, so that a command line reads its options before Lightning is imported; the work is done by
``lopsided.training.fit.fit``, ``lopsided.inference.evaluate.evaluate`` and ``lopsided.inference.predict.predict``.
"""

from typing import TYPE_CHECKING

from lopsided.lazy_names import lazy_names

if TYPE_CHECKING:
    from lopsided.runs.config import Config, LossOptions, ReportOptions, TrainingOptions
    from lopsided.runs.folder import RunFolder
else:
    __getattr__, __dir__ = lazy_names(__name__, __file__)

__all__ = ["Config", "LossOptions", "ReportOptions", "RunFolder", "TrainingOptions"]
