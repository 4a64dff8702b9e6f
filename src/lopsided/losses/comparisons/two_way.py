"""Two-way loss: positives above negatives within each sample, and within each label over the batch."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import softplus

from lopsided.losses.asymmetric import check_inputs
from lopsided.losses.checks import check_hard_targets, check_number
from lopsided.losses.elements import known_elements, log_sum_exp

_REDUCTIONS = ("mean", "sum")
_NEVER = -1e30  # far below every logit, yet finite, so that a row without members has a gradient of 0 and not NaN


def two_way_loss(
    logits: Tensor,
    targets: Tensor,
    *,
    temperature_pos: float = 4.0,
    temperature_neg: float = 1.0,
    mask: Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""The soft maximum of the negatives against the soft minimum of the positives, along rows and along columns.

    .. math:: L = \sum_{\text{ways}} \operatorname{softplus}\Big(T_- \log \sum_{y=0} e^{z / T_-}
        + T_+ \log \sum_{y=1} e^{-z / T_+}\Big)

    Args:
        logits: Scores z, shape ``(samples, labels)``, floating point.
        targets: 0 or 1, bool, integer or float, shape of ``logits``; other values are refused where reading is free.
        temperature_pos: :math:`T_+` > 0, units of logit; towards 0 only the lowest positive counts.
        temperature_neg: :math:`T_-` > 0, likewise for the highest negative.
        mask: bool, True where the label is known, broadcasts to ``logits``; the rest costs nothing, even NaN.
        reduction: ``"mean"``: over samples with a positive, plus that over labels with one; or ``"sum"``. The loss of
            a label is one of the batch, so neither single elements nor samples have any.

    Returns: Loss, a scalar; at least float32.

    >>> import torch
    >>> two_way_loss(torch.tensor([[2.0, -3.0], [1.0, 0.0]]), torch.tensor([[1, 0], [0, 1]]))
    tensor(0.8409)

    Source: Kobayashi, Two-Way Multi-Label Loss, CVPR 2023.
    """
    _check_reduction(reduction)
    check_inputs(logits, targets, mask=mask, weight=None, reduction=reduction, read_targets=False)
    check_hard_targets(targets, mask=mask)
    _check_settings(temperature_pos, temperature_neg)
    if logits.dim() != 2:
        raise ValueError(f"expected logits to have the shape (samples, labels), got {tuple(logits.shape)}")
    z, y = known_elements(logits, targets, mask=mask)
    positive, negative = y > 0.5, y <= 0.5
    if mask is not None:
        negative = negative & mask
    if z.numel() == 0:
        return z.sum()
    total = z.new_zeros(())
    for way in (1, 0):
        counts = positive.any(dim=way)
        # only differences count, and those from the highest negative keep their digits
        hardest = z.detach().masked_fill(~negative, _NEVER).amax(dim=way, keepdim=True)
        level = z - hardest.masked_fill(hardest == _NEVER, 0)
        lowest = (-level / temperature_pos).masked_fill(~positive, _NEVER)
        highest = (level / temperature_neg).masked_fill(~negative, _NEVER)
        gap = temperature_neg * log_sum_exp(highest, dim=way) + temperature_pos * log_sum_exp(lowest, dim=way)
        losses = softplus(gap.squeeze(way).masked_fill(~counts, _NEVER)).sum()
        total = total + (losses / counts.sum().clamp(min=1) if reduction == "mean" else losses)
    return total


class TwoWayLoss(nn.Module):
    """Module form of :func:`lopsided.losses.two_way_loss`.

    Args:
        temperature_pos: Temperature of the soft minimum of positives, > 0, units of logit.
        temperature_neg: Temperature of the soft maximum of negatives, > 0, units of logit.
        reduction: ``"mean"`` or ``"sum"``.

    >>> import torch
    >>> TwoWayLoss()(torch.tensor([[2.0, -3.0]]), torch.tensor([[1.0, 0.0]]))
    tensor(0.0067)
    """

    def __init__(self, temperature_pos: float = 4.0, temperature_neg: float = 1.0, *, reduction: str = "mean") -> None:
        super().__init__()
        _check_settings(temperature_pos, temperature_neg)
        _check_reduction(reduction)
        self.temperature_pos, self.temperature_neg, self.reduction = temperature_pos, temperature_neg, reduction

    def forward(self, logits: Tensor, targets: Tensor, *, mask: Tensor | None = None) -> Tensor:
        """Loss of a batch; see :func:`lopsided.losses.two_way_loss`."""
        return two_way_loss(
            logits,
            targets,
            temperature_pos=self.temperature_pos,
            temperature_neg=self.temperature_neg,
            mask=mask,
            reduction=self.reduction,
        )

    def extra_repr(self) -> str:
        """Show the settings where a model is printed."""
        return f"temperature_pos={self.temperature_pos}, temperature_neg={self.temperature_neg}"


def _check_settings(temperature_pos: float, temperature_neg: float) -> None:
    check_number("temperature_pos", temperature_pos, above=0.0)
    check_number("temperature_neg", temperature_neg, above=0.0)


def _check_reduction(reduction: str) -> None:
    if reduction not in _REDUCTIONS:
        raise ValueError(
            f"expected reduction of the two-way loss to be one of {', '.join(_REDUCTIONS)}, got {reduction!r}"
        )
