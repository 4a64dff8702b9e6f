"""The same value and gradient in one pass, by whichever backend serves the device.

Plain torch (``torch_blocks``) is always there and is the truth that other backends are tested against.
"""

from lopsided.losses.fused.torch_blocks import elementwise_loss, value_and_gradient

__all__ = ["elementwise_loss", "value_and_gradient"]
