"""From inputs to logits."""

from lopsided.models.build import build_model
from lopsided.models.images.ml_decoder import MLDecoder
from lopsided.models.images.network import ImageNetwork
from lopsided.models.images.pixels import Pixels
from lopsided.models.images.small_cnn import small_cnn
from lopsided.models.mlp import linear, mlp
from lopsided.models.options import ModelOptions, resolved, usual_kind
from lopsided.models.parameter_groups import parameter_groups
from lopsided.models.sparse import SparseLinear, start_at_prior
from lopsided.models.standardise import Standardise
from lopsided.models.texts.network import TextNetwork

__all__ = [
    "ImageNetwork",
    "MLDecoder",
    "ModelOptions",
    "Pixels",
    "SparseLinear",
    "Standardise",
    "TextNetwork",
    "build_model",
    "linear",
    "mlp",
    "parameter_groups",
    "resolved",
    "small_cnn",
    "start_at_prior",
    "usual_kind",
]
