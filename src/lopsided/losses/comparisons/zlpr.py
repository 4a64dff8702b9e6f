"""ZLPR: every negative should score below 0 and every positive above; the worst of each count most."""

from __future__ import annotations

import torch
from torch import Tensor

from lopsided.losses.base import Loss, as_function
from lopsided.losses.checks import check_inputs, refuse_weight
from lopsided.losses.elements import known_elements, log_sum_exp
from lopsided.losses.reduction import reduce


class ZLPRLoss(Loss):
    r"""Zero-bounded log-sum-exp pairwise ranking: one loss for the labels of a sample together.

    .. math:: L = \log\Big(1 + \sum_k y_k e^{-z_k}\Big) + \log\Big(1 + \sum_k (1-y_k)\, e^{z_k}\Big)

    A label is predicted where its logit is above 0. A single element has no loss, so there are no weights.

    Args:
        reduction: ``"none"`` keeps the samples; ``"mean"`` is over those of which something is known, ``"sum"`` adds
            them, ``"batchmean"`` divides their sum by the number of all.

    >>> ZLPRLoss()(torch.tensor([[2.0, -3.0, 0.0]]), torch.tensor([[1, 0, 0]]))
    tensor(0.8447)

    Source: Su et al., 2022, arXiv 2208.02955, with its form for soft targets.
    """

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)

    def forward(
        self, logits: Tensor, targets: Tensor, *, mask: Tensor | None = None, weight: Tensor | None = None
    ) -> Tensor:
        """Loss of a batch."""
        refuse_weight(weight)
        check_inputs(logits, targets, mask=mask)
        if logits.dim() == 0:
            raise ValueError("expected logits to have a dimension of labels, got a single number")
        z, y = known_elements(logits, targets, mask=mask)
        shares = (y, 1 - y) if mask is None else (y, (1 - y).masked_fill(~mask, 0))
        losses = _log_of_one_and_sum(-z, shares[0]) + _log_of_one_and_sum(z, shares[1])
        if self.reduction == "none":
            return losses
        known = None if mask is None else mask.expand(logits.shape).any(dim=-1, keepdim=True)
        return reduce(losses.unsqueeze(-1), mask=known, reduction=self.reduction)


zlpr_loss = as_function(ZLPRLoss, "zlpr_loss")
""":class:`ZLPRLoss` as a function, which takes ``mask`` and ``reduction``."""


def _log_of_one_and_sum(z: Tensor, share: Tensor) -> Tensor:
    """``log(1 + sum(share * exp(z)))`` over the last dimension; the 1 is one more term with exponent 0."""
    terms = torch.cat([z + share.log(), z.new_zeros(*z.shape[:-1], 1)], dim=-1)
    return log_sum_exp(terms, dim=-1).squeeze(-1)
