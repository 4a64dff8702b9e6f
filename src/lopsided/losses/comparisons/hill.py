"""Hill loss: negatives that look like missed positives are pulled less."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lopsided.losses.asymmetric import check_inputs
from lopsided.losses.checks import check_number, check_reduction
from lopsided.losses.elements import focal_cost, known_elements, reduce_known


def hill_loss(
    logits: Tensor,
    targets: Tensor,
    *,
    offset: float = 1.5,
    logit_margin: float = 1.0,
    gamma: float = 2.0,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Weighted squared error for negatives, focal loss with a margin for positives; made for missing labels.

    .. math:: L = -y (1-p_m)^\gamma \log p_m + (1-y) (\lambda - p)\, p^2, \quad p = \sigma(z),\ p_m = \sigma(z - m)

    Args:
        logits: Scores z before the sigmoid, shape ``(..., labels)``, floating point.
        targets: Share y of the positive class in [0, 1], bool, integer or float, shape of ``logits``.
        offset: :math:`\lambda`, >= 1; from p = 2/3 of it on a negative is pulled up instead of down.
        logit_margin: m, subtracted from the logit of a positive, >= 0; unlike ``margin`` no probability.
        gamma: Focusing power of positives, >= 0.
        mask: bool, True where the label is known, broadcasts to ``logits``; the rest costs nothing, even NaN.
        weight: Factor of each element, broadcasts to ``logits``.
        reduction: ``"none"``, ``"mean"`` over known elements, ``"sum"`` or ``"batchmean"``.

    Returns: Loss, a scalar or the shape of ``logits`` for ``"none"``; at least float32.

    >>> hill_loss(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]), reduction="none")
    tensor([[0.7019, 0.2500]])

    Source: Zhang et al., Simple and Robust Loss Design, 2021, arXiv 2112.07368, Hill loss and focal margin loss.
    """
    check_inputs(logits, targets, mask=mask, weight=weight, reduction=reduction, read_targets=False)
    _check_settings(offset, logit_margin, gamma)
    z, y = known_elements(logits, targets, mask=mask)
    p = torch.sigmoid(z)
    losses = torch.lerp((offset - p) * p * p, focal_cost(z - logit_margin, gamma), y)
    return reduce_known(losses, mask=mask, weight=weight, reduction=reduction)


class HillLoss(nn.Module):
    """Module form of :func:`lopsided.losses.hill_loss`.

    Args:
        offset: Height that the weight of a negative falls from, >= 1.
        logit_margin: Subtracted from the logit of a positive, >= 0.
        gamma: Focusing power of positives, >= 0.
        reduction: ``"none"``, ``"mean"``, ``"sum"`` or ``"batchmean"``.

    >>> HillLoss()(torch.tensor([[2.0, -3.0]]), torch.tensor([[1.0, 0.0]]))
    tensor(0.0130)
    """

    def __init__(
        self, offset: float = 1.5, *, logit_margin: float = 1.0, gamma: float = 2.0, reduction: str = "mean"
    ) -> None:
        super().__init__()
        _check_settings(offset, logit_margin, gamma)
        self.offset, self.logit_margin, self.gamma = offset, logit_margin, gamma
        self.reduction = check_reduction(reduction)

    def forward(
        self, logits: Tensor, targets: Tensor, *, mask: Tensor | None = None, weight: Tensor | None = None
    ) -> Tensor:
        """Loss of a batch; see :func:`lopsided.losses.hill_loss`."""
        return hill_loss(
            logits,
            targets,
            offset=self.offset,
            logit_margin=self.logit_margin,
            gamma=self.gamma,
            mask=mask,
            weight=weight,
            reduction=self.reduction,
        )

    def extra_repr(self) -> str:
        """Show the settings where a model is printed."""
        return f"offset={self.offset}, logit_margin={self.logit_margin}, gamma={self.gamma}"


def _check_settings(offset: float, logit_margin: float, gamma: float) -> None:
    check_number("offset", offset, at_least=1.0)
    check_number("logit_margin", logit_margin, at_least=0.0)
    check_number("gamma", gamma, at_least=0.0)
