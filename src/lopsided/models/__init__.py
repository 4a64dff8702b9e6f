"""From inputs to logits."""

from typing import TYPE_CHECKING

from lopsided.lazy_names import lazy_names

if TYPE_CHECKING:
    from lopsided.models.build import build_model
    from lopsided.models.decay_groups import parameter_groups
    from lopsided.models.images.ml_decoder import MLDecoder
    from lopsided.models.images.network import ImageNetwork
    from lopsided.models.images.pixels import Pixels
    from lopsided.models.images.small_cnn import small_cnn
    from lopsided.models.of_features import linear, mlp
    from lopsided.models.options import ModelOptions, resolved, usual_kind
    from lopsided.models.sparse import SparseLinear
    from lopsided.models.standardise import Standardise
    from lopsided.models.texts.network import TextNetwork
else:
    __getattr__, __dir__ = lazy_names(__name__, __file__)

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
    "usual_kind",
]
