"""Asymmetric polynomial loss: the first terms of the logarithms' Taylor series have weights of their own."""

from __future__ import annotations

import torch
from torch import Tensor

from lopsided.losses.asymmetric import asymmetric_loss
from lopsided.losses.base import Loss, as_function
from lopsided.losses.checks import check_number
from lopsided.losses.elements import known_elements, reduce_known


class AsymmetricPolynomialLoss(Loss):
    r"""Asymmetric loss plus low powers of the error; without them it is the asymmetric loss.

    .. math:: L_+ = (1-p)^{\gamma_+} [-\log p + a (1-p) + \tfrac{b}{2} (1-p)^2], \quad
        L_- = p_m^{\gamma_-} [-\log(1-p_m) + c\, p_m], \quad p_m = \max(\sigma(z) - m, 0)

    Args:
        gamma_pos: Focusing power of positives, >= 0.
        gamma_neg: Focusing power of negatives, >= 0.
        margin: Probability m below which a negative costs nothing, in [0, 1).
        linear_pos: Added weight a of the first Taylor term, 1 - p, of a positive; -1 takes that term away.
        quadratic_pos: Added weight b of the second Taylor term of a positive.
        linear_neg: Added weight c of the first Taylor term of a negative.
        detach_focus: Take the focusing power as a constant in the gradient, as the published script does.
        reduction: ``"none"``, ``"mean"``, ``"sum"`` or ``"batchmean"``.

    >>> AsymmetricPolynomialLoss(reduction="none")(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))
    tensor([[0.5056, 0.0245]])

    Source: Huang et al., ICASSP 2023, arXiv 2304.05361.
    """

    def __init__(
        self,
        *,
        gamma_pos: float = 0.0,
        gamma_neg: float = 4.0,
        margin: float = 0.05,
        linear_pos: float = -1.0,
        quadratic_pos: float = 2.5,
        linear_neg: float = 0.0,
        detach_focus: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        self.gamma_pos = check_number("gamma_pos", gamma_pos, at_least=0.0)
        self.gamma_neg = check_number("gamma_neg", gamma_neg, at_least=0.0)
        self.margin = check_number("margin", margin, at_least=0.0, below=1.0)
        self.linear_pos = check_number("linear_pos", linear_pos)
        self.quadratic_pos = check_number("quadratic_pos", quadratic_pos)
        self.linear_neg = check_number("linear_neg", linear_neg)
        self.detach_focus = detach_focus

    def forward(
        self, logits: Tensor, targets: Tensor, *, mask: Tensor | None = None, weight: Tensor | None = None
    ) -> Tensor:
        """Loss of a batch."""
        logarithms = asymmetric_loss(
            logits,
            targets,
            gamma_pos=self.gamma_pos,
            gamma_neg=self.gamma_neg,
            margin=self.margin,
            mask=mask,
            weight=weight,
            detach_focus=self.detach_focus,
            reduction="none",
        )
        powers = self.costs(*known_elements(logits, targets, mask=mask))
        powers = reduce_known(powers, mask=mask, weight=weight, reduction="none")
        return reduce_known(logarithms + powers, mask=mask, weight=None, reduction=self.reduction)

    def costs(self, logits: Tensor, targets: Tensor) -> Tensor:
        """What each element costs beside the asymmetric loss."""
        error_pos, error_neg = torch.sigmoid(-logits), (torch.sigmoid(logits) - self.margin).clamp(min=0)
        positive = self.linear_pos * self._focused(error_pos, 1, self.gamma_pos)
        positive = positive + self.quadratic_pos / 2 * self._focused(error_pos, 2, self.gamma_pos)
        negative = self.linear_neg * self._focused(error_neg, 1, self.gamma_neg)
        return torch.lerp(negative, positive, targets)

    def _focused(self, error: Tensor, power: int, gamma: float) -> Tensor:
        """``error ** (gamma + power)``; the exponent is at least 1, so that its derivative is finite at 0."""
        return error.pow(gamma).detach() * error.pow(power) if self.detach_focus else error.pow(gamma + power)


asymmetric_polynomial_loss = as_function(AsymmetricPolynomialLoss, "asymmetric_polynomial_loss")
""":class:`AsymmetricPolynomialLoss` as a function, which takes its settings by name beside ``mask`` and ``weight``."""
