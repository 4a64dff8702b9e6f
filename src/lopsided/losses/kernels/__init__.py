"""The same value and gradient in one pass, by whichever backend serves the tensors.

Plain torch (``torch_blocks``) is always there and is the truth that other backends are tested against. ``backend`` says
which one is in use.
"""

from __future__ import annotations

from torch import Tensor

from lopsided.losses.checks import check_target_values
from lopsided.losses.kernels import one_pass, torch_blocks
from lopsided.losses.kernels.backend import serving
from lopsided.losses.kernels.call import Call, Results
from lopsided.losses.reduction import reduce


def loss_and_gap(call: Call) -> tuple[Tensor, Tensor | None]:
    """Reduced loss, differentiable once by the logits, and the sums of eq. 7 where the backend has them for nothing."""
    backend = serving(call)
    if backend is not None:
        return one_pass.loss_and_gap(call, backend)
    check_target_values(call.targets, call.logits, mask=call.mask)
    return reduce(torch_blocks.elementwise_loss(call), mask=call.mask, reduction=call.reduction), None


def value_and_gradient(call: Call) -> Results:
    """Weighted loss of each element and its derivative by the logit, without autograd."""
    backend = serving(call)
    if backend is not None:
        return one_pass.run(call, backend)
    check_target_values(call.targets, call.logits, mask=call.mask)
    return torch_blocks.run(call)
