"""Two-way loss: positives above negatives within each sample, and within each label over the batch."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus

from lopsided.losses.base import Loss, as_function
from lopsided.losses.checks import check_hard_targets, check_inputs, check_number, refuse_weight
from lopsided.losses.elements import known_elements, log_sum_exp

_NEVER = -1e30  # far below every logit, yet finite, so that a row without members has a gradient of 0 and not NaN


class TwoWayLoss(Loss):
    r"""The soft maximum of the negatives against the soft minimum of the positives, along rows and along columns.

    .. math:: L = \sum_{\text{ways}} \operatorname{softplus}\Big(T_- \log \sum_{y=0} e^{z / T_-}
        + T_+ \log \sum_{y=1} e^{-z / T_+}\Big)

    Logits have the shape ``(samples, labels)``, and targets are 0 or 1. A single element has no loss, so there are no
    weights.

    Args:
        temperature_pos: Temperature :math:`T_+` of the soft minimum of positives, > 0, units of logit.
        temperature_neg: Temperature :math:`T_-` of the soft maximum of negatives, > 0, units of logit.
        reduction: ``"mean"``: over samples with a positive, plus that over labels with one; or ``"sum"``.

    >>> import torch
    >>> TwoWayLoss()(torch.tensor([[2.0, -3.0], [1.0, 0.0]]), torch.tensor([[1, 0], [0, 1]]))
    tensor(0.8409)

    Source: Kobayashi, Two-Way Multi-Label Loss, CVPR 2023.
    """

    def __init__(self, *, temperature_pos: float = 4.0, temperature_neg: float = 1.0, reduction: str = "mean") -> None:
        if reduction not in ("mean", "sum"):
            raise ValueError(f"expected reduction of the two-way loss to be one of mean, sum, got {reduction!r}")
        super().__init__(reduction=reduction)
        self.temperature_pos = check_number("temperature_pos", temperature_pos, above=0.0)
        self.temperature_neg = check_number("temperature_neg", temperature_neg, above=0.0)

    def forward(
        self, logits: Tensor, targets: Tensor, *, mask: Tensor | None = None, weight: Tensor | None = None
    ) -> Tensor:
        """Loss of a batch."""
        refuse_weight(weight)
        check_inputs(logits, targets, mask=mask)
        check_hard_targets(targets, mask=mask)
        if logits.dim() != 2:
            raise ValueError(f"expected logits to have the shape (samples, labels), got {tuple(logits.shape)}")
        z, y = known_elements(logits, targets, mask=mask)
        positive, negative = y > 0.5, y <= 0.5
        if mask is not None:
            negative = negative & mask
        if z.numel() == 0:
            return z.sum()
        return self._along(z, positive, negative, 1) + self._along(z, positive, negative, 0)

    def _along(self, z: Tensor, positive: Tensor, negative: Tensor, way: int) -> Tensor:
        counts = positive.any(dim=way)
        # Only differences count; taken from the highest negative, they keep their digits.
        hardest = z.detach().masked_fill(~negative, _NEVER).amax(dim=way, keepdim=True)
        level = z - hardest.masked_fill(hardest == _NEVER, 0)
        lowest = (-level / self.temperature_pos).masked_fill(~positive, _NEVER)
        highest = (level / self.temperature_neg).masked_fill(~negative, _NEVER)
        gap = self.temperature_neg * log_sum_exp(highest, dim=way) + self.temperature_pos * log_sum_exp(lowest, dim=way)
        losses = softplus(gap.squeeze(way).masked_fill(~counts, _NEVER)).sum()
        return losses / counts.sum().clamp(min=1) if self.reduction == "mean" else losses


two_way_loss = as_function(TwoWayLoss, "two_way_loss")
""":class:`TwoWayLoss` as a function, which takes its settings by name beside ``mask``."""
