"""What a trained logit says about the true probability, in closed form and without data."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lopsided.losses.asymmetric import checked_settings
from lopsided.losses.checks import Focus, check_logits
from lopsided.losses.formula import element, gradient


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
        margin: Margin, in [0, 1), likewise.
        detach_focus: Whether the focusing power was a constant in the gradient.

    Returns: Probabilities, shape of ``logits``, at least float32; they rise with the logit. Differentiable.

    >>> recalibrate(torch.tensor([-2.0, 0.0, 2.0]), gamma_pos=0, gamma_neg=2, margin=0.2)
    tensor([0.0000, 0.1462, 0.7259])
    """
    check_logits(logits)
    dtype = torch.promote_types(logits.dtype, torch.float32)
    settings = checked_settings(logits, gamma_pos, gamma_neg, margin, detach_focus).to(dtype)
    bound = -0.9 * math.log(torch.finfo(dtype).tiny)  # far beyond it 1 - p would be 0, and the quotient undefined
    parts = element(logits.to(dtype).clamp(-bound, bound), settings)
    zeros = torch.zeros_like(parts.p)
    rise, fall = gradient(parts, zeros, settings), gradient(parts, zeros + 1, settings)
    return rise / (rise - fall)


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
    largest = torch.full((), torch.finfo(torch.float64).max, dtype=torch.float64)
    return recalibrate(
        largest, gamma_pos=gamma_pos, gamma_neg=gamma_neg, margin=margin, detach_focus=detach_focus
    ).item()
