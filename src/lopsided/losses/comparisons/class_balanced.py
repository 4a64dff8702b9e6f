"""Class-balanced cross-entropy: labels with few positives count more."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import softplus

from lopsided.losses.base import Loss
from lopsided.losses.checks import check_number, check_one_per_label


class ClassBalancedLoss(Loss):
    r"""Cross-entropy in which a label counts the more the fewer positives it has, on both sides.

    .. math:: L = c\,\frac{1-\beta}{1-\beta^{n_k}} \big[-y \log p - (1-y) \log(1-p)\big]

    The factor c makes the weights of all labels 1 on average. Since both sides of a label have one weight, the best
    output remains the true probability.

    Args:
        positives: Number n of training samples that have each label, >= 0; a label with none counts as one with one.
        beta: Base :math:`\beta` of the effective number, in [0, 1): 0 is cross-entropy, towards 1 weights go with 1/n.
        reduction: ``"none"``, ``"mean"``, ``"sum"`` or ``"batchmean"``.

    >>> criterion = ClassBalancedLoss(positives=[1000, 10], beta=0.99, reduction="none")
    >>> criterion(torch.zeros(1, 2), torch.tensor([[1, 0]]))
    tensor([[0.1210, 1.2653]])

    Source: Cui et al., CVPR 2019, arXiv 1901.05555, equation 10; weights that are 1 on average as in their code.
    """

    positives: Tensor
    weights: Tensor

    def __init__(self, *, positives: Sequence[int] | Tensor, beta: float = 0.999, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.beta = check_number("beta", beta, at_least=0.0, below=1.0)
        counts = torch.as_tensor(positives, dtype=torch.float64)
        if counts.dim() != 1 or not len(counts) or not (counts >= 0).all():
            raise ValueError(f"expected positives to be counts >= 0, one per label, got {positives!r:.80}")
        self.register_buffer("positives", counts, persistent=False)
        weights = (1 - beta) / (1 - beta ** counts.clamp(min=1))
        self.register_buffer("weights", (weights / weights.mean()).float(), persistent=False)

    def costs(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Loss of each element."""
        check_one_per_label("positives", self.weights, logits)
        both = targets * softplus(-logits) + (1 - targets) * softplus(logits)
        return self.weights.to(logits.dtype) * both
