"""Self-paced loss correction: negatives that the network is sure are positives are costed as positives."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor

from lopsided.losses.base import Loss, as_function
from lopsided.losses.checks import Focus, check_number
from lopsided.losses.elements import focal_cost


class SPLCLoss(Loss):
    r"""Focal loss that costs a negative as a positive where the network, after some training, is sure that it is one.

    .. math:: L = y\, \ell(z - m) + (1-y)\, \begin{cases} \ell(-z) & \sigma(z) \le \tau \\ \ell(z) & \sigma(z) > \tau
        \end{cases}, \quad \ell(z) = -(1-\sigma(z))^\gamma \log \sigma(z)

    It counts the samples of its calls in ``train()``, of all ranks, in a buffer that is saved with the model.

    Args:
        epoch_samples: Samples of one pass over the training data.
        threshold: Probability :math:`\tau` above which a negative is corrected, >= 0; from 1 on none is.
        logit_margin: m, subtracted from the logit of a labelled positive, >= 0.
        gamma: Focusing power of both sides, >= 0.
        start: Passes over the training data before the first correction, >= 0.
        reduction: ``"none"``, ``"mean"``, ``"sum"`` or ``"batchmean"``.

    >>> criterion = SPLCLoss(epoch_samples=1, reduction="sum")
    >>> [round(float(criterion(torch.tensor([[3.0]]), torch.zeros(1, 1))), 4) for _ in range(2)]
    [2.7663, 0.0001]

    Source: Zhang et al., 2021, arXiv 2112.07368, self-paced loss correction; its script leaves m out where corrected.
    """

    seen: Tensor
    threshold: Focus

    def __init__(
        self,
        *,
        epoch_samples: int,
        threshold: Focus = 0.6,
        logit_margin: float = 1.0,
        gamma: float = 2.0,
        start: float = 1.0,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        self.keep("threshold", threshold)
        self.logit_margin = check_number("logit_margin", logit_margin, at_least=0.0)
        self.gamma = check_number("gamma", gamma, at_least=0.0)
        self.start = check_number("start", start, at_least=0.0)
        self.epoch_samples = check_number("epoch_samples", epoch_samples, at_least=1)
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    @property
    def gamma_neg(self) -> float:
        """Focusing power of negatives."""
        return self.gamma

    def forward(
        self, logits: Tensor, targets: Tensor, *, mask: Tensor | None = None, weight: Tensor | None = None
    ) -> Tensor:
        """Loss of a batch, whose samples are counted in ``train()``."""
        loss = super().forward(logits, targets, mask=mask, weight=weight)
        if self.training:
            ranks = dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1
            self.seen = self.seen + ranks * logits[..., 0].numel()  # a new tensor, as in the adaptive loss
        return loss

    def costs(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Loss of each element at the present point of training."""
        corrected = (self.seen >= self.start * self.epoch_samples) & (torch.sigmoid(logits) > self.threshold)
        negative = torch.where(corrected, focal_cost(logits, self.gamma), focal_cost(-logits, self.gamma))
        return torch.lerp(negative, focal_cost(logits - self.logit_margin, self.gamma), targets)


splc_loss = as_function(SPLCLoss, "splc_loss", epoch_samples=1, start=0.0)
""":class:`SPLCLoss` after its start, as a function, which takes its settings by name beside ``mask`` and ``weight``."""
