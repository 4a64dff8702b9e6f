"""From inputs to logits."""

from lopsided.models.build import ModelOptions, build_model
from lopsided.models.mlp import linear, mlp
from lopsided.models.small_cnn import small_cnn
from lopsided.models.standardise import Standardise

__all__ = ["ModelOptions", "Standardise", "build_model", "linear", "mlp", "small_cnn"]
