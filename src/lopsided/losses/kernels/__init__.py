"""The same value and gradient in one pass, by whichever backend serves the tensors.

Plain torch (``torch_blocks``) is always there and is the truth that other backends are tested against. ``backend`` says
which one is in use.
"""

from __future__ import annotations

from torch import Tensor

from lopsided.losses.checks import check_target_values
from lopsided.losses.formula import Settings
from lopsided.losses.kernels import one_pass, torch_blocks
from lopsided.losses.reduction import reduce


def loss_and_gap(
    logits: Tensor,
    targets: Tensor,
    settings: Settings,
    *,
    mask: Tensor | None,
    weight: Tensor | None,
    reduction: str,
    want_gap: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Reduced loss, differentiable once by the logits, and the sums of eq. 7 where the backend has them for nothing."""
    if one_pass.serves(logits, targets, settings, mask=mask, weight=weight):
        return one_pass.loss_and_gap(
            logits, targets, settings, mask=mask, weight=weight, reduction=reduction, want_gap=want_gap
        )
    check_target_values(targets, logits, mask=mask)
    losses = torch_blocks.elementwise_loss(logits, targets, settings, mask=mask, weight=weight)
    return reduce(losses, mask=mask, reduction=reduction), None


def value_and_gradient(
    logits: Tensor,
    targets: Tensor,
    settings: Settings,
    *,
    mask: Tensor | None,
    weight: Tensor | None,
    want_gradient: bool = True,
) -> tuple[Tensor, Tensor | None]:
    """Weighted loss of each element and its derivative by the logit, without autograd."""
    if not one_pass.serves(logits, targets, settings, mask=mask, weight=weight):
        check_target_values(targets, logits, mask=mask)
        return torch_blocks.value_and_gradient(
            logits, targets, settings, mask=mask, weight=weight, want_gradient=want_gradient
        )
    results = one_pass.run(logits, targets, settings, mask=mask, weight=weight, want_slope=want_gradient)
    return results.loss, results.slope if want_gradient else None
