"""From files to a trained run, its metrics and its predictions."""

from lopsided.training.config import Config, LossOptions, ReportOptions, TrainingOptions
from lopsided.training.evaluate import evaluate
from lopsided.training.fit import fit
from lopsided.training.predict import predict
from lopsided.training.run_folder import RunFolder

__all__ = [
    "Config",
    "LossOptions",
    "ReportOptions",
    "RunFolder",
    "TrainingOptions",
    "evaluate",
    "fit",
    "predict",
]
