"""What losses in plain torch share: known elements in, one number out, costs in log space."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from lopsided.losses.checks import check_target_values
from lopsided.losses.reduction import reduce


def known_elements(logits: Tensor, targets: Tensor, *, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Logits and targets in the type that a loss is computed in, 0 where unknown, so that NaN there does no harm."""
    check_target_values(targets, logits, mask=mask)
    dtype = torch.promote_types(logits.dtype, torch.float32)
    z, y = finite(logits.to(dtype)), targets.to(dtype)
    return (z, y) if mask is None else (z.masked_fill(~mask, 0), y.masked_fill(~mask, 0))


def finite(logits: Tensor) -> Tensor:
    """Infinite logits as the largest numbers: in value and gradient infinity would meet a 0, which gives NaN."""
    largest = torch.finfo(logits.dtype).max / 8
    return logits.clamp(-largest, largest)


def reduce_known(losses: Tensor, *, mask: Tensor | None, weight: Tensor | None, reduction: str) -> Tensor:
    """Weigh each element's loss, silence the unknown ones and reduce."""
    if weight is not None:
        losses = losses * weight.to(losses.dtype)
    if mask is not None:
        losses = losses.masked_fill(~mask, 0)
    return reduce(losses, mask=mask, reduction=reduction)


def log_sum_exp(z: Tensor, *, dim: int) -> Tensor:
    """``log(sum(exp(z)))``, with the dimension kept; its gradient keeps its digits however far from 0 ``z`` is."""
    largest = z.detach().amax(dim=dim, keepdim=True)
    return largest + (z - largest).logsumexp(dim=dim, keepdim=True)


def focal_cost(logits: Tensor, gamma: float) -> Tensor:
    r"""Cost :math:`-(1-p)^\gamma \log p` of a positive, in log space; of a negative it is that of the negated logit."""
    return -(gamma * logsigmoid(-logits)).exp() * logsigmoid(logits)


def both_sides(log_odds: Tensor) -> tuple[Tensor, Tensor]:
    """The sigmoid of log odds and of their negation, by exp alone: ONNX runtimes' own sigmoid is flat from about 18."""
    negative = log_odds < 0
    a = torch.exp(torch.where(negative, log_odds, -log_odds))
    smaller, larger = a / (1 + a), 1 / (1 + a)
    return torch.where(negative, smaller, larger), torch.where(negative, larger, smaller)
