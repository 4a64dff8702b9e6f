"""The true probability that a trained logit stands for, in closed form and without data."""

from __future__ import annotations

import torch
from torch import Tensor

from lopsided.losses.asymmetric import checked_settings
from lopsided.losses.checks import Focus, check_logits
from lopsided.losses.elements import both_sides
from lopsided.losses.formula import Settings

_BOUND = 1e4
"""Logits beyond it have the same probabilities in every type; infinite ones would meet a focusing power of 0."""


def recalibrate(
    logits: Tensor, *, gamma_pos: Focus, gamma_neg: Focus, margin: Focus, detach_focus: bool = False
) -> Tensor:
    r"""Probability of the positive class, given logits of a network that minimises the asymmetric loss.

    Of an element that is positive with probability :math:`\eta` the expected loss is least where
    :math:`\eta\, \ell_+'(p) + (1-\eta)\, \ell_-'(p) = 0`, so

    .. math:: \eta = \frac{\ell_-'(p)}{\ell_-'(p) - \ell_+'(p)} \quad (p > m), \qquad \eta = 0 \quad (p \le m).

    With the focusing power detached a network rests where the gradient that was used is 0 on average; then these are
    :math:`\ell_+' = -(1-p)^{\gamma_+}/p` and :math:`\ell_-' = p_m^{\gamma_-}/(1-p_m)`. It assumes a
    well-fitted network. What lies below the margin can't be told apart, nor what lies above the
    :func:`recalibration_ceiling`.

    Args:
        logits: Scores before the sigmoid, shape ``(..., labels)``, floating point.
        gamma_pos: Focusing power of positives that the network was trained with, >= 0, a number or a tensor that
            broadcasts to ``logits``.
        gamma_neg: Focusing power of negatives, likewise; of an adaptive loss, the one it ended with.
        margin: Margin, in [0, 1), likewise; of an adaptive loss, its ``present_margin`` at the end.
        detach_focus: Whether the focusing power was a constant in the gradient.

    Returns: Probabilities, shape of ``logits``, at least float32; they rise with the logit. Differentiable.

    >>> recalibrate(torch.tensor([-2.0, 0.0, 2.0]), gamma_pos=0, gamma_neg=2, margin=0.2)
    tensor([0.0000, 0.1462, 0.7259])
    """
    return recalibrated_sides(
        logits, gamma_pos=gamma_pos, gamma_neg=gamma_neg, margin=margin, detach_focus=detach_focus
    )[0]


def recalibrated_sides(
    logits: Tensor, *, gamma_pos: Focus, gamma_neg: Focus, margin: Focus, detach_focus: bool
) -> tuple[Tensor, Tensor]:
    """:func:`recalibrate`, and what is missing to 1, which keeps its digits where the probability is nearly 1."""
    check_logits(logits)
    dtype = torch.promote_types(logits.dtype, torch.float32)
    settings = checked_settings(logits, gamma_pos, gamma_neg, margin, detach_focus).to(dtype)
    z = logits.to(dtype).clamp(-_BOUND, _BOUND)
    log_odds, below = _log_odds(z, settings)
    eta, rest = both_sides(log_odds)
    if below is None:
        return eta, rest
    return torch.where(below, 0, eta), torch.where(below, 1, rest)


def recalibration_ceiling(*, gamma_pos: float, gamma_neg: float, margin: float, detach_focus: bool = False) -> float:
    r"""The probability at which the best output reaches 1: nothing above it can be told from the score.

    With a margin the cost of a negative is bounded, so a label that is almost certain is pushed to p = 1:

    .. math:: \frac{c}{1+c}, \quad c = (1-m)^{\gamma_-} \left[\frac{1}{m} - \frac{\gamma_- \log m}{1-m}\right]

    and with the focusing power detached :math:`c = (1-m)^{\gamma_-} / m`.

    Args:
        gamma_pos: Focusing power of positives, >= 0; above 0 the ceiling is 1.
        gamma_neg: Focusing power of negatives, >= 0.
        margin: Margin, in [0, 1); at 0 the ceiling is 1.
        detach_focus: Whether the focusing power was a constant in the gradient.

    Returns: A probability in (0, 1].

    >>> round(recalibration_ceiling(gamma_pos=0, gamma_neg=2, margin=0.2), 3)
    0.852
    """
    largest = torch.full((), torch.finfo(torch.float64).max, dtype=torch.float64, device="cpu")
    return recalibrate(
        largest, gamma_pos=gamma_pos, gamma_neg=gamma_neg, margin=margin, detach_focus=detach_focus
    ).item()


def _log_odds(z: Tensor, settings: Settings) -> tuple[Tensor, Tensor | None]:
    r"""Log odds of eta, and where eta is 0 instead, or None where there is no margin.

    With :math:`c = -\log(1-p_m)` the logarithm of the quotient of both slopes is

    .. math:: \gamma_- \log p_m + \log\frac{p}{1-p_m} - \gamma_+ \log(1-p)
        + \log\Big(1 + \gamma_- c\,\frac{1-p_m}{p_m}\Big) - \log\Big(1 - \gamma_+ \frac{p \log p}{1-p}\Big).

    The slopes themselves underflow where the focusing powers are large. Only exp, log and choices are used: runtimes
    of ONNX compute sigmoid, softplus and log1p with fewer digits, or as the logarithm of a 0.
    """
    negative = z < 0
    size = torch.where(negative, -z, z)  # not abs(), whose derivative at 0 belongs to neither side
    a = torch.exp(-size)
    nearby = torch.log(1 + a)
    near, far = _secant(1 + a), (size + nearby) * a  # softplus(x) exp(-x) at x = -|z| and at |z|
    log_p, log_q = torch.where(negative, z, 0) - nearby, torch.where(negative, 0, -z) - nearby
    margin, below = settings.margin, None
    log_shifted, log_quotient, secant = log_p, z, torch.where(negative, near, far)
    if isinstance(margin, Tensor) or margin > 0:
        p, q = both_sides(z)
        rest, above = (q + margin).clamp(max=1), p - margin
        below = above <= 0
        shifted = torch.log(torch.where(below, 1, above)), log_p - torch.log(rest), rest * _secant(rest)
        if isinstance(margin, Tensor):  # elements with margin 0 keep the exact unshifted form
            below = below & (margin > 0)
            plain = (log_shifted, log_quotient, secant)
            shifted = [torch.where(margin > 0, one, other) for one, other in zip(shifted, plain, strict=True)]
        log_shifted, log_quotient, secant = shifted
    log_odds = log_quotient + settings.gamma_neg * log_shifted - settings.gamma_pos * log_q
    if not settings.detach_focus:
        log_odds = log_odds + torch.log(1 + settings.gamma_neg * secant)
        log_odds = log_odds - torch.log(1 + settings.gamma_pos * torch.where(negative, far, near))
    return log_odds, below


def _secant(u: Tensor) -> Tensor:
    """``log(u) / (u - 1)``, and its limit at u = 1."""
    at_one = u == 1
    safe = torch.where(at_one, 2, u)
    return torch.where(at_one, 1, torch.log(safe) / (safe - 1))
