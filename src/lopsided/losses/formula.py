"""Value and gradient of one element, eq. 3 to 6: every backend computes what stands here.

Names: p is the probability of the positive class and q = 1 - p, which is computed as the sigmoid of -z because the
subtraction would lose all digits near saturation. Nothing here adds an eps: each logarithm gets an argument that can't
be 0, and each product whose factor may vanish is written so that the other factor stays finite.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from lopsided.losses.checks import Focus

GAMMA_POS, GAMMA_NEG, MARGIN = 0.0, 2.0, 0.2
"""What the losses of the family take where nothing else is said."""


class Settings(NamedTuple):
    """What shapes the loss; numbers, or tensors that broadcast against the logits."""

    gamma_pos: Focus
    gamma_neg: Focus
    margin: Focus
    detach_focus: bool = False

    def to(self, dtype: torch.dtype) -> Settings:
        """The same settings with their tensors in the type that the loss is computed in."""
        focus = (part.to(dtype) if isinstance(part, Tensor) else float(part) for part in self[:3])
        return Settings(*focus, detach_focus=self.detach_focus)


class Element(NamedTuple):
    """What value and gradient have in common, each of the logits' shape."""

    p: Tensor  # probability of the positive class
    q: Tensor  # 1 - p
    log_p: Tensor
    focus_pos: Tensor | None  # (1 - p)^gamma_pos; None stands for 1
    focus_neg: Tensor | None  # p_m^gamma_neg, and 0 below the margin; None stands for 1
    cost_neg: Tensor  # -log(1 - p_m)
    steepness_neg: Tensor  # d cost_neg / d z
    secant_neg: Tensor  # cost_neg / p_m * p * q


def element(logits: Tensor, settings: Settings) -> Element:
    """Compute what value and gradient share; ``logits`` are float32 or float64."""
    p, q = torch.sigmoid(logits), torch.sigmoid(-logits)
    margin = settings.margin
    if not isinstance(margin, Tensor) and margin == 0:
        cost = -logsigmoid(-logits)
        shifted, steepness, secant = p, p, cost * q
    else:
        shifted = (p - margin).clamp_(min=0)  # eq. 4: the margin is applied here
        cost, steepness, secant = _shifted_cost(logits, p, q, shifted, margin)
    focus_neg = power(shifted, settings.gamma_neg)
    if shifted is not p and _may_be_zero(settings.gamma_neg):
        above = (shifted > 0).to(p.dtype)  # 0^0 is 1, but below the margin nothing is left to focus on
        focus_neg = above if focus_neg is None else focus_neg * above
    return Element(p, q, logsigmoid(logits), power(q, settings.gamma_pos), focus_neg, cost, steepness, secant)


def _shifted_cost(
    logits: Tensor, p: Tensor, q: Tensor, shifted: Tensor, margin: Focus
) -> tuple[Tensor, Tensor, Tensor]:
    """``-log(1 - p_m)``, its slope in z, and its secant from 0 times p q.

    ``rest = q + m`` keeps its digits for large p and ``p - m`` for small p. ``log(rest) / (rest - 1)`` varies slowly,
    so that its product with ``p_m`` has the digits of both.
    """
    nearly_one = 1 - torch.finfo(p.dtype).eps / 2  # the largest number below 1: the quotient stays defined at p = m
    rest = (q + margin).clamp_(max=nearly_one)
    secant = torch.log(rest).div_(rest - 1)
    pq = p * q
    cost, steepness, secant = shifted * secant, pq / rest, secant.mul_(pq)
    if isinstance(margin, Tensor):  # elements with margin 0 keep the exact unshifted form, also where q underflows
        unshifted = margin == 0
        exact = -logsigmoid(-logits)
        cost = torch.where(unshifted, exact, cost)
        steepness = torch.where(unshifted, p, steepness)
        secant = torch.where(unshifted, exact * q, secant)
    return cost, steepness, secant


def value(parts: Element, targets: Tensor) -> Tensor:
    """Loss of each element, eq. 5, linear in the target."""
    positive = _times(-parts.log_p, parts.focus_pos)
    negative = _times(parts.cost_neg, parts.focus_neg)
    return torch.lerp(negative, positive, targets)


def gradient(parts: Element, targets: Tensor, settings: Settings) -> Tensor:
    """Derivative of each element's loss by its logit, eq. 6 and its counterpart for positives.

    With ``detach_focus`` the focusing power counts as a constant, as in the published training script.
    """
    positive, negative = -parts.q, parts.steepness_neg
    if not settings.detach_focus:
        if not _is_zero(settings.gamma_pos):
            positive = positive + settings.gamma_pos * (parts.p * parts.log_p)
        if not _is_zero(settings.gamma_neg):
            negative = negative + settings.gamma_neg * parts.secant_neg
    return torch.lerp(_times(negative, parts.focus_neg), _times(positive, parts.focus_pos), targets)


def power(base: Tensor, exponent: Focus) -> Tensor | None:
    """``base ** exponent`` for base in [0, 1], None for 1; whole numbers by squaring, ten times faster than pow."""
    if isinstance(exponent, Tensor):
        return torch.pow(base, exponent.to(base.dtype))
    if exponent != int(exponent) or exponent > 16:
        return torch.pow(base, exponent)
    result, factor, left = None, base, int(exponent)
    while left:
        if left & 1:
            result = factor if result is None else result * factor
        left >>= 1
        if left:
            factor = factor * factor
    return result


def _times(cost: Tensor, focus: Tensor | None) -> Tensor:
    return cost if focus is None else cost * focus


def _is_zero(exponent: Focus) -> bool:
    return not isinstance(exponent, Tensor) and exponent == 0


def _may_be_zero(exponent: Focus) -> bool:
    return isinstance(exponent, Tensor) or exponent == 0
