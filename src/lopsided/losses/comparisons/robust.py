"""Robust asymmetric loss: asymmetric polynomial loss whose negatives are weighed by a hill."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from lopsided.losses.base import Loss
from lopsided.losses.checks import check_number


class RobustAsymmetricLoss(Loss):
    r"""Polynomial loss for positives; for negatives asymmetric loss, weighed so that likely ones are pulled less.

    .. math:: L_+ = (1-p)^{\gamma_+} [-\log p + a (1-p) + \tfrac{b}{2} (1-p)^2], \quad
        L_- = p_m^{\gamma_-} [-\log(1-p_m)]\; (\lambda - p)\, p^2\, (\lambda - 1 + p_m), \quad p_m = \max(p - m, 0)

    Args:
        gamma_pos: Focusing power of positives, >= 0.
        gamma_neg: Focusing power of negatives, >= 0.
        margin: Probability m below which a negative costs nothing, in [0, 1).
        offset: Height :math:`\lambda` that the weights of negatives are taken from, >= 1.
        linear_pos: Added weight a of the first Taylor term, 1 - p, of a positive; -1 takes that term away.
        quadratic_pos: Added weight b of the second Taylor term of a positive.
        reduction: ``"none"``, ``"mean"``, ``"sum"`` or ``"batchmean"``.

    >>> RobustAsymmetricLoss(reduction="none")(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))
    tensor([[0.5056, 0.0058]])

    Source: Park et al., ICCV workshop 2023, arXiv 2308.05542, with both factors of a negative that their code has; the
    text has the first alone.
    """

    def __init__(
        self,
        *,
        gamma_pos: float = 0.0,
        gamma_neg: float = 4.0,
        margin: float = 0.05,
        offset: float = 1.5,
        linear_pos: float = -1.0,
        quadratic_pos: float = 2.5,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        self.gamma_pos = check_number("gamma_pos", gamma_pos, at_least=0.0)
        self.gamma_neg = check_number("gamma_neg", gamma_neg, at_least=0.0)
        self.margin = check_number("margin", margin, at_least=0.0, below=1.0)
        self.offset = check_number("offset", offset, at_least=1.0)
        self.linear_pos = check_number("linear_pos", linear_pos)
        self.quadratic_pos = check_number("quadratic_pos", quadratic_pos)

    def costs(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Loss of each element."""
        p, error = torch.sigmoid(logits), torch.sigmoid(-logits)
        positive = self.linear_pos * error + self.quadratic_pos / 2 * error.square() - logsigmoid(logits)
        positive = torch.exp(self.gamma_pos * logsigmoid(-logits)) * positive
        rest, shifted = (error + self.margin).clamp(max=1), (p - self.margin).clamp(min=0)
        log_rest = torch.log(rest) if self.margin > 0 else logsigmoid(-logits)
        hill = (self.offset - p) * p.square() * (self.offset - rest)
        negative = -_power(shifted, self.gamma_neg) * log_rest * hill
        return torch.lerp(negative, positive, targets)


def _power(base: Tensor, exponent: float) -> Tensor:
    """``base ** exponent`` with a derivative of 0 where the base is 0, which a negative below the margin has."""
    above = base > 0
    return torch.where(above, torch.where(above, base, 1).pow(exponent), 0)
