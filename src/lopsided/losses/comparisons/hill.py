"""Hill loss: negatives that look like missed positives are pulled less."""

from __future__ import annotations

import torch
from torch import Tensor

from lopsided.losses.base import Loss, as_function
from lopsided.losses.checks import check_number
from lopsided.losses.elements import focal_cost


class HillLoss(Loss):
    r"""Weighted squared error for negatives, focal loss with a margin for positives; made for missing labels.

    .. math:: L = -y (1-p_m)^\gamma \log p_m + (1-y) (\lambda - p)\, p^2, \quad p = \sigma(z),\ p_m = \sigma(z - m)

    Args:
        offset: Height :math:`\lambda` that the weight of a negative falls from, >= 1; a negative whose p is above 2/3
            of it is pulled up instead of down.
        logit_margin: m, subtracted from the logit of a positive, >= 0; unlike ``margin`` it is no probability.
        gamma: Focusing power of positives, >= 0.
        reduction: ``"none"``, ``"mean"``, ``"sum"`` or ``"batchmean"``.

    >>> HillLoss(reduction="none")(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))
    tensor([[0.7019, 0.2500]])

    Source: Zhang et al., Simple and Robust Loss Design, 2021, arXiv 2112.07368, Hill loss and focal margin loss.
    """

    def __init__(
        self, *, offset: float = 1.5, logit_margin: float = 1.0, gamma: float = 2.0, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction=reduction)
        self.offset = check_number("offset", offset, at_least=1.0)
        self.logit_margin = check_number("logit_margin", logit_margin, at_least=0.0)
        self.gamma = check_number("gamma", gamma, at_least=0.0)

    def costs(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Loss of each element."""
        p = torch.sigmoid(logits)
        positive = focal_cost(logits - self.logit_margin, self.gamma)
        return torch.lerp((self.offset - p) * p * p, positive, targets)


hill_loss = as_function(HillLoss, "hill_loss")
""":class:`HillLoss` as a function, which takes its settings by name beside ``mask`` and ``weight``."""
