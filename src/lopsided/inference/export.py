"""The former place of ``lopsided.inference.exports.onnx_file``: names that people import stay."""

from lopsided.inference.exports.onnx_file import Exported as Exported
from lopsided.inference.exports.onnx_file import export as export
