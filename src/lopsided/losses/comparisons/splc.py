"""Self-paced loss correction: negatives that the network is sure of are taken for missed positives."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor, nn

from lopsided.losses.asymmetric import check_inputs
from lopsided.losses.checks import Focus, check_number, check_reduction, check_setting
from lopsided.losses.elements import focal_cost, known_elements, reduce_known


def splc_loss(
    logits: Tensor,
    targets: Tensor,
    *,
    threshold: Focus = 0.6,
    logit_margin: float = 1.0,
    gamma: float = 2.0,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Focal loss that costs a negative as a positive where the network is sure that it is one.

    .. math:: L = y\, \ell(z - m) + (1-y)\, \begin{cases} \ell(-z) & \sigma(z) \le \tau \\ \ell(z) & \sigma(z) > \tau
        \end{cases}, \quad \ell(z) = -(1-\sigma(z))^\gamma \log \sigma(z)

    Args:
        logits: Scores z before the sigmoid, shape ``(..., labels)``, floating point.
        targets: Share y of the positive class in [0, 1], bool, integer or float, shape of ``logits``.
        threshold: :math:`\tau`, probability above which a negative is corrected, >= 0; from 1 on none is.
        logit_margin: m, subtracted from the logit of a labelled positive, >= 0.
        gamma: Focusing power of both sides, >= 0.
        mask: bool, True where the label is known, broadcasts to ``logits``; the rest costs nothing, even NaN.
        weight: Factor of each element, broadcasts to ``logits``.
        reduction: ``"none"``, ``"mean"`` over known elements, ``"sum"`` or ``"batchmean"``.

    Returns: Loss in nats, a scalar or the shape of ``logits`` for ``"none"``; at least float32.

    >>> splc_loss(torch.tensor([[0.0, 1.0]]), torch.zeros(1, 2), reduction="none")
    tensor([[0.1733, 0.0227]])

    Source: Zhang et al., 2021, arXiv 2112.07368, self-paced loss correction; its script leaves m out where corrected.
    """
    check_inputs(logits, targets, mask=mask, weight=weight, reduction=reduction, read_targets=False)
    _check_settings(threshold, logit_margin, gamma)
    z, y = known_elements(logits, targets, mask=mask)
    negative = torch.where(torch.sigmoid(z) > threshold, focal_cost(z, gamma), focal_cost(-z, gamma))
    losses = torch.lerp(negative, focal_cost(z - logit_margin, gamma), y)
    return reduce_known(losses, mask=mask, weight=weight, reduction=reduction)


class SPLCLoss(nn.Module):
    """Module form of :func:`lopsided.losses.splc_loss`, which begins to correct after some training.

    It counts the samples of its calls in ``train()``, of all ranks, in a buffer that is saved with the model.

    Args:
        threshold: Probability above which a negative is corrected, >= 0; from 1 on none is.
        logit_margin: Subtracted from the logit of a labelled positive, >= 0.
        gamma: Focusing power of both sides, >= 0.
        start: Passes over the training data before the first correction, >= 0.
        epoch_samples: Samples of one pass.
        reduction: ``"none"``, ``"mean"``, ``"sum"`` or ``"batchmean"``.

    >>> criterion = SPLCLoss(epoch_samples=1, reduction="sum")
    >>> [round(float(criterion(torch.tensor([[3.0]]), torch.zeros(1, 1))), 4) for _ in range(2)]
    [2.7663, 0.0001]
    """

    seen: Tensor

    def __init__(
        self,
        threshold: float = 0.6,
        *,
        epoch_samples: int,
        logit_margin: float = 1.0,
        gamma: float = 2.0,
        start: float = 1.0,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        check_number("threshold", threshold, at_least=0.0)
        _check_settings(threshold, logit_margin, gamma)
        check_number("start", start, at_least=0.0)
        check_number("epoch_samples", epoch_samples, at_least=1)
        self.threshold, self.logit_margin, self.gamma = threshold, logit_margin, gamma
        self.start, self.epoch_samples = start, epoch_samples
        self.reduction = check_reduction(reduction)
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    @property
    def gamma_neg(self) -> float:
        """Focusing power of negatives."""
        return self.gamma

    def forward(
        self, logits: Tensor, targets: Tensor, *, mask: Tensor | None = None, weight: Tensor | None = None
    ) -> Tensor:
        """Loss of a batch; see :func:`lopsided.losses.splc_loss`."""
        loss = splc_loss(
            logits,
            targets,
            threshold=torch.where(self.seen < self.start * self.epoch_samples, 1.0, self.threshold),
            logit_margin=self.logit_margin,
            gamma=self.gamma,
            mask=mask,
            weight=weight,
            reduction=self.reduction,
        )
        if self.training:
            ranks = dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1
            self.seen = self.seen + ranks * logits[..., 0].numel()  # a new tensor, as in the adaptive loss
        return loss

    def extra_repr(self) -> str:
        """Show the settings where a model is printed."""
        settings = f"threshold={self.threshold}, logit_margin={self.logit_margin}, gamma={self.gamma}"
        return f"{settings}, start={self.start}, epoch_samples={self.epoch_samples}"


def _check_settings(threshold: Focus, logit_margin: float, gamma: float) -> None:
    check_setting("threshold", threshold)
    check_number("logit_margin", logit_margin, at_least=0.0)
    check_number("gamma", gamma, at_least=0.0)
