"""Asymmetric polynomial loss: the first terms of the logarithms' Taylor series have weights of their own."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lopsided.losses.asymmetric import asymmetric_loss
from lopsided.losses.checks import check_number, check_reduction
from lopsided.losses.elements import known_elements, reduce_known


def asymmetric_polynomial_loss(
    logits: Tensor,
    targets: Tensor,
    *,
    gamma_pos: float = 0.0,
    gamma_neg: float = 4.0,
    margin: float = 0.05,
    linear_pos: float = -1.0,
    quadratic_pos: float = 2.5,
    linear_neg: float = 0.0,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    detach_focus: bool = False,
    reduction: str = "mean",
) -> Tensor:
    r"""Asymmetric loss plus low powers of the error; without them it is the asymmetric loss.

    .. math:: L_+ = (1-p)^{\gamma_+} [-\log p + a (1-p) + \tfrac{b}{2} (1-p)^2], \quad
        L_- = p_m^{\gamma_-} [-\log(1-p_m) + c\, p_m], \quad p_m = \max(\sigma(z) - m, 0)

    Args:
        logits: Scores z before the sigmoid, shape ``(..., labels)``, floating point.
        targets: Share of the positive class in [0, 1], bool, integer or float, shape of ``logits``.
        gamma_pos: Focusing power of positives, >= 0; ``gamma_neg`` that of negatives.
        margin: Probability m below which a negative costs nothing, in [0, 1).
        linear_pos: a; the series of -log p starts with (1-p) + (1-p)^2 / 2, so -1 takes the first term away.
        quadratic_pos: b, likewise; ``linear_neg`` is c.
        mask: bool, True where the label is known, broadcasts to ``logits``; the rest costs nothing, even NaN.
        weight: Factor of each element, broadcasts to ``logits``.
        detach_focus: Take the focusing power as a constant in the gradient, as the published script does.
        reduction: ``"none"``, ``"mean"`` over known elements, ``"sum"`` or ``"batchmean"``.

    Returns: Loss, a scalar or the shape of ``logits`` for ``"none"``; at least float32.

    >>> asymmetric_polynomial_loss(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]), reduction="none")
    tensor([[0.5056, 0.0245]])

    Source: Huang et al., ICASSP 2023, arXiv 2304.05361.
    """
    _check_weights(linear_pos, quadratic_pos, linear_neg)
    check_number("gamma_pos", gamma_pos, at_least=0.0)
    check_number("gamma_neg", gamma_neg, at_least=0.0)
    logarithms = asymmetric_loss(
        logits,
        targets,
        gamma_pos=gamma_pos,
        gamma_neg=gamma_neg,
        margin=margin,
        mask=mask,
        weight=weight,
        detach_focus=detach_focus,
        reduction="none",
    )
    z, y = known_elements(logits, targets, mask=mask)
    error_pos, error_neg = torch.sigmoid(-z), (torch.sigmoid(z) - margin).clamp(min=0)
    positive = linear_pos * _focused(error_pos, 1, gamma_pos, detach_focus)
    positive = positive + quadratic_pos / 2 * _focused(error_pos, 2, gamma_pos, detach_focus)
    negative = linear_neg * _focused(error_neg, 1, gamma_neg, detach_focus)
    powers = reduce_known(torch.lerp(negative, positive, y), mask=mask, weight=weight, reduction="none")
    return reduce_known(logarithms + powers, mask=mask, weight=None, reduction=reduction)


class AsymmetricPolynomialLoss(nn.Module):
    """Module form of :func:`lopsided.losses.asymmetric_polynomial_loss`.

    Args:
        gamma_pos: Focusing power of positives, >= 0.
        gamma_neg: Focusing power of negatives, >= 0.
        margin: Probability below which a negative costs nothing, in [0, 1).
        linear_pos: Added weight of the first Taylor term of a positive.
        quadratic_pos: Added weight of the second Taylor term of a positive.
        linear_neg: Added weight of the first Taylor term of a negative.
        detach_focus: Take the focusing power as a constant in the gradient.
        reduction: ``"none"``, ``"mean"``, ``"sum"`` or ``"batchmean"``.

    >>> AsymmetricPolynomialLoss()(torch.tensor([[2.0, -3.0]]), torch.tensor([[1.0, 0.0]]))
    tensor(0.0127)
    """

    def __init__(
        self,
        gamma_pos: float = 0.0,
        gamma_neg: float = 4.0,
        margin: float = 0.05,
        *,
        linear_pos: float = -1.0,
        quadratic_pos: float = 2.5,
        linear_neg: float = 0.0,
        detach_focus: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        check_number("gamma_pos", gamma_pos, at_least=0.0)
        check_number("gamma_neg", gamma_neg, at_least=0.0)
        check_number("margin", margin, at_least=0.0, below=1.0)
        _check_weights(linear_pos, quadratic_pos, linear_neg)
        self.gamma_pos, self.gamma_neg, self.margin = gamma_pos, gamma_neg, margin
        self.linear_pos, self.quadratic_pos, self.linear_neg = linear_pos, quadratic_pos, linear_neg
        self.detach_focus = detach_focus
        self.reduction = check_reduction(reduction)

    def forward(
        self, logits: Tensor, targets: Tensor, *, mask: Tensor | None = None, weight: Tensor | None = None
    ) -> Tensor:
        """Loss of a batch; see :func:`lopsided.losses.asymmetric_polynomial_loss`."""
        return asymmetric_polynomial_loss(
            logits,
            targets,
            gamma_pos=self.gamma_pos,
            gamma_neg=self.gamma_neg,
            margin=self.margin,
            linear_pos=self.linear_pos,
            quadratic_pos=self.quadratic_pos,
            linear_neg=self.linear_neg,
            mask=mask,
            weight=weight,
            detach_focus=self.detach_focus,
            reduction=self.reduction,
        )

    def extra_repr(self) -> str:
        """Show the settings where a model is printed."""
        family = f"gamma_pos={self.gamma_pos}, gamma_neg={self.gamma_neg}, margin={self.margin}"
        powers = f"linear_pos={self.linear_pos}, quadratic_pos={self.quadratic_pos}, linear_neg={self.linear_neg}"
        return f"{family}, {powers}"


def _check_weights(linear_pos: float, quadratic_pos: float, linear_neg: float) -> None:
    check_number("linear_pos", linear_pos)
    check_number("quadratic_pos", quadratic_pos)
    check_number("linear_neg", linear_neg)


def _focused(error: Tensor, power: int, gamma: float, detach_focus: bool) -> Tensor:
    """``error ** (gamma + power)``; the exponent is at least 1, so that its derivative is finite at 0."""
    return error.pow(gamma).detach() * error.pow(power) if detach_focus else error.pow(gamma + power)
