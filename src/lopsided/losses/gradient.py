"""Eq. 6: the derivative of the loss by the logit in closed form."""

from __future__ import annotations

import torch
from torch import Tensor

from lopsided.losses.asymmetric import checked_settings
from lopsided.losses.checks import Focus, check_inputs
from lopsided.losses.kernels import value_and_gradient
from lopsided.losses.kernels.call import Call


def asymmetric_gradient(
    logits: Tensor,
    targets: Tensor,
    *,
    gamma_pos: Focus,
    gamma_neg: Focus,
    margin: Focus,
    detach_focus: bool = False,
) -> Tensor:
    r"""Derivative of each element's asymmetric loss by its logit.

    .. math:: \frac{dL_-}{dz} = p_m^{\gamma_-}
        \left[\frac{1}{1-p_m} - \frac{\gamma_- \log(1-p_m)}{p_m}\right] p (1-p), \quad p_m = \max(\sigma(z) - m, 0)

    for a negative, and :math:`(1-p)^{\gamma_+} [\gamma_+ p \log p - (1-p)]` for a positive; at p = m it is 0.

    Args:
        logits: Scores z before the sigmoid, shape ``(..., labels)``, floating point.
        targets: Share of the positive class in [0, 1], bool, integer or float, shape of ``logits``.
        gamma_pos: Focusing power of positives, >= 0, a number or a tensor that broadcasts to ``logits``.
        gamma_neg: Focusing power of negatives, likewise.
        margin: Probability below which a negative costs nothing, in [0, 1), likewise.
        detach_focus: Take the focusing power as a constant, as the published training script does.

    Returns: Gradient in nats per unit of logit, shape and type of ``logits``.

    >>> asymmetric_gradient(torch.zeros(1, 2), torch.tensor([[1, 0]]), gamma_pos=0, gamma_neg=2, margin=0.0)
    tensor([[-0.5000,  0.2983]])

    Source: Ridnik et al., ICCV 2021, eq. 6.
    """
    check_inputs(logits, targets)
    settings = checked_settings(logits, gamma_pos, gamma_neg, margin, detach_focus)
    with torch.no_grad():
        return value_and_gradient(Call(logits, targets, settings)).slope
