"""Weighted cross-entropy: positives count more where a label is rare."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import softplus

from lopsided.losses.base import Loss
from lopsided.losses.checks import check_number, check_one_per_label, check_shares


class WeightedCrossEntropyLoss(Loss):
    r"""Cross-entropy whose positives count more where a label is rare.

    .. math:: L = -w_k\, y \log p - (1-y) \log(1-p), \quad w_k = \min\big((1/f_k - 1)^\kappa,\, W\big)

    A well-fitted network then says :math:`p = w\eta / (w\eta + 1 - \eta)` of a label that is true with probability
    :math:`\eta`; ``shift`` is what brings its logit back.

    Args:
        frequencies: Share f of the training samples that have each label, in (0, 1), one value per label.
        power: Exponent :math:`\kappa` of the odds against a label, >= 0; 0 is cross-entropy, 1 balances the sides.
        cap: Largest weight W, > 0.
        pos_weight: Weight of the positives of every label, > 0, in the place of the one by frequency.
        reduction: ``"none"``, ``"mean"``, ``"sum"`` or ``"batchmean"``.

    >>> criterion = WeightedCrossEntropyLoss(frequencies=[0.5, 0.1], reduction="none")
    >>> criterion(torch.zeros(2, 2), torch.tensor([[1, 1], [0, 0]]))
    tensor([[0.6931, 2.0794],
            [0.6931, 0.6931]])

    Source: the weights that are customary as ``pos_weight`` of PyTorch's ``BCEWithLogitsLoss``, with a root and a cap.
    """

    frequencies: Tensor
    shift: Tensor

    def __init__(
        self,
        *,
        frequencies: Sequence[float] | Tensor,
        power: float = 0.5,
        cap: float = 10.0,
        pos_weight: float | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        self.power = check_number("power", power, at_least=0.0)
        self.cap = check_number("cap", cap, above=0.0)
        shares = torch.as_tensor(frequencies, dtype=torch.float64)
        check_shares(shares, inside=True)
        self.register_buffer("frequencies", shares, persistent=False)
        self.pos_weight = None if pos_weight is None else check_number("pos_weight", pos_weight, above=0.0)
        weights = torch.exp(-power * torch.logit(shares)).clamp(max=cap)
        if pos_weight is not None:
            weights = torch.full_like(weights, pos_weight)
        self.register_buffer("shift", -weights.log().float())

    def costs(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Loss of each element."""
        check_one_per_label("frequencies", self.shift, logits)
        weights = torch.exp(-self.shift.to(logits.dtype))
        return weights * targets * softplus(-logits) + (1 - targets) * softplus(logits)
