"""Logit-adjusted cross-entropy: how rare a label is need not be learnt."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import softplus

from lopsided.losses.base import Loss
from lopsided.losses.checks import check_number, check_one_per_label, check_shares


class LogitAdjustedLoss(Loss):
    r"""Cross-entropy of logits to which the log odds of each label are added, in training alone.

    .. math:: L = -y \log \sigma(v) - (1-y) \log(1-\sigma(v)), \quad v = z + \tau \log\frac{f_k}{1-f_k}

    The network need not learn how rare a label is, and rare labels are ranked beside frequent ones as if all were
    equally frequent. ``shift`` is what brings a logit back to the log odds of the true probability.

    Args:
        frequencies: Share f of the training samples that have each label, in (0, 1), one value per label.
        strength: Share :math:`\tau` of the log odds that is added, >= 0; 0 is cross-entropy.
        reduction: ``"none"``, ``"mean"``, ``"sum"`` or ``"batchmean"``.

    >>> LogitAdjustedLoss(frequencies=[0.5, 0.1], reduction="none")(torch.zeros(1, 2), torch.tensor([[1, 1]]))
    tensor([[0.6931, 2.3026]])

    Source: Menon et al., ICLR 2021, arXiv 2007.07314, equation 10, for the sigmoid in place of the softmax.
    """

    frequencies: Tensor
    shift: Tensor

    def __init__(
        self, *, frequencies: Sequence[float] | Tensor, strength: float = 1.0, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction=reduction)
        self.strength = check_number("strength", strength, at_least=0.0)
        shares = torch.as_tensor(frequencies, dtype=torch.float64)
        check_shares(shares, inside=True)
        self.register_buffer("frequencies", shares, persistent=False)
        self.register_buffer("shift", (strength * torch.logit(shares)).float())

    def costs(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Loss of each element."""
        check_one_per_label("frequencies", self.shift, logits)
        adjusted = logits + self.shift.to(logits.dtype)
        return targets * softplus(-adjusted) + (1 - targets) * softplus(adjusted)
