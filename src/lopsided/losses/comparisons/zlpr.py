"""ZLPR: every negative is to score below 0, every positive above, the worst of each counting most."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lopsided.losses.asymmetric import check_inputs
from lopsided.losses.checks import check_reduction
from lopsided.losses.elements import known_elements, log_sum_exp
from lopsided.losses.reduction import reduce


def zlpr_loss(logits: Tensor, targets: Tensor, *, mask: Tensor | None = None, reduction: str = "mean") -> Tensor:
    r"""Zero-bounded log-sum-exp pairwise ranking: one loss for the labels of a sample together.

    .. math:: L = \log\Big(1 + \sum_k y_k e^{-z_k}\Big) + \log\Big(1 + \sum_k (1-y_k)\, e^{z_k}\Big)

    A label is predicted where its logit is above 0. There is no loss of a single element.

    Args:
        logits: Scores z, shape ``(..., labels)``, floating point, at least one dimension.
        targets: Share y of the positive class in [0, 1], bool, integer or float, shape of ``logits``.
        mask: bool, True where the label is known, broadcasts to ``logits``; the rest costs nothing, even NaN.
        reduction: ``"none"`` keeps the samples; ``"mean"`` is over those of which something is known, ``"sum"`` adds
            them, ``"batchmean"`` divides their sum by the number of all.

    Returns: Loss in nats, a scalar or the shape of ``logits`` without its last dimension; at least float32.

    >>> zlpr_loss(torch.tensor([[2.0, -3.0, 0.0]]), torch.tensor([[1, 0, 0]]))
    tensor(0.8447)

    Source: Su et al., 2022, arXiv 2208.02955, with its form for soft targets.
    """
    check_inputs(logits, targets, mask=mask, weight=None, reduction=reduction, read_targets=False)
    if logits.dim() == 0:
        raise ValueError("expected logits to have a dimension of labels, got a single number")
    z, y = known_elements(logits, targets, mask=mask)
    shares = (y, 1 - y) if mask is None else (y, (1 - y).masked_fill(~mask, 0))
    losses = _log_of_one_and_sum(-z, shares[0]) + _log_of_one_and_sum(z, shares[1])
    known = None if mask is None else mask.expand(logits.shape).any(dim=-1)
    if reduction == "none":
        return losses
    return reduce(losses.unsqueeze(-1), mask=None if known is None else known.unsqueeze(-1), reduction=reduction)


class ZLPRLoss(nn.Module):
    """Module form of :func:`lopsided.losses.zlpr_loss`.

    Args:
        reduction: ``"none"``, ``"mean"``, ``"sum"`` or ``"batchmean"``, all over samples.

    >>> ZLPRLoss()(torch.tensor([[2.0, -3.0]]), torch.tensor([[1.0, 0.0]]))
    tensor(0.1755)
    """

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = check_reduction(reduction)

    def forward(self, logits: Tensor, targets: Tensor, *, mask: Tensor | None = None) -> Tensor:
        """Loss of a batch; see :func:`lopsided.losses.zlpr_loss`."""
        return zlpr_loss(logits, targets, mask=mask, reduction=self.reduction)


def _log_of_one_and_sum(z: Tensor, share: Tensor) -> Tensor:
    """``log(1 + sum(share * exp(z)))`` over the last dimension; the 1 is one more term with exponent 0."""
    terms = torch.cat([z + share.log(), z.new_zeros(*z.shape[:-1], 1)], dim=-1)
    return log_sum_exp(terms, dim=-1).squeeze(-1)
