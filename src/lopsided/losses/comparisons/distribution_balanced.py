"""Distribution-balanced loss: weights for labels that occur together, and tolerance for negatives."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lopsided.losses.base import Loss, as_function
from lopsided.losses.checks import check_frequencies, check_number, check_shares
from lopsided.losses.elements import focal_cost


class DistributionBalancedLoss(Loss):
    r"""Focal loss of shifted and, for negatives, scaled logits, weighed by how a label is sampled.

    With :math:`r = f_k^{-1} / \sum_i y_i f_i^{-1}`, :math:`v = z - \kappa \log(1/f_k - 1)`, :math:`\ell` focal cost:

    .. math:: L = [\alpha + \sigma(\beta (r - \mu))] \big[y\, \ell(v) + (1-y)\, \ell(-\lambda v) / \lambda\big]

    Args:
        frequencies: Share f of the training samples that have each label, in (0, 1), one value per label.
        gamma: Focusing power of both sides, >= 0.
        floor: Lowest weight :math:`\alpha` of an element, >= 0.
        steepness: How sharply :math:`\beta` weights rise for rare labels, >= 0.
        centre: Share :math:`\mu` of a label in the sampling of a sample at which its weight is half-way.
        tolerance: Scale :math:`\lambda` of the logits of negatives, > 0; above 1, easy ones are let go sooner.
        bias: Share :math:`\kappa` of a label's log odds that is subtracted from its logit, >= 0.
        reduction: ``"none"``, ``"mean"``, ``"sum"`` or ``"batchmean"``.

    >>> criterion = DistributionBalancedLoss(frequencies=[0.5, 0.1], reduction="none")
    >>> criterion(torch.zeros(1, 2), torch.tensor([[1, 0]]))
    tensor([[0.1906, 0.0643]])

    The equation is the paper's. The authors' code doubles it (``balance_param`` 2) and divides the bias by the scale
    (``init_bias / neg_scale``), so that its ``neg_scale=2, init_bias=0.05`` is twice this loss with ``tolerance=2,
    bias=0.025``.

    Source: Wu et al., ECCV 2020, arXiv 2007.09654.
    """

    frequencies: Tensor

    def __init__(
        self,
        *,
        frequencies: Sequence[float] | Tensor,
        gamma: float = 2.0,
        floor: float = 0.1,
        steepness: float = 10.0,
        centre: float = 0.2,
        tolerance: float = 2.0,
        bias: float = 0.05,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        shares = torch.as_tensor(frequencies, dtype=torch.float64)
        check_shares(shares, inside=True)
        self.register_buffer("frequencies", shares, persistent=False)
        self.gamma = check_number("gamma", gamma, at_least=0.0)
        self.floor = check_number("floor", floor, at_least=0.0)
        self.steepness = check_number("steepness", steepness, at_least=0.0)
        self.centre = check_number("centre", centre)
        self.tolerance = check_number("tolerance", tolerance, above=0.0)
        self.bias = check_number("bias", bias, at_least=0.0)

    @property
    def gamma_neg(self) -> float:
        """Focusing power of negatives."""
        return self.gamma

    def costs(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Loss of each element."""
        check_frequencies(self.frequencies, logits, inside=True)
        f = self.frequencies.to(logits.dtype)
        in_sample = (targets / f).sum(dim=-1, keepdim=True)
        # A sample without positives has the weight floor + 1.
        balance = self.floor + torch.sigmoid(self.steepness * (1 / f / in_sample - self.centre))
        shifted = logits - self.bias * torch.log(1 / f - 1)
        negative = focal_cost(-self.tolerance * shifted, self.gamma) / self.tolerance
        return balance * torch.lerp(negative, focal_cost(shifted, self.gamma), targets)


distribution_balanced_loss = as_function(DistributionBalancedLoss, "distribution_balanced_loss")
""":class:`DistributionBalancedLoss` as a function, which takes its settings by name beside ``mask`` and ``weight``."""
