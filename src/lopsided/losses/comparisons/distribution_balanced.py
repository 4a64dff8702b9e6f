"""Distribution-balanced loss: weights for labels that occur together, and tolerance for negatives."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lopsided.losses.asymmetric import check_inputs
from lopsided.losses.checks import check_frequencies, check_number, check_reduction, check_shares
from lopsided.losses.elements import focal_cost, known_elements, reduce_known


def distribution_balanced_loss(
    logits: Tensor,
    targets: Tensor,
    *,
    frequencies: Tensor,
    gamma: float = 2.0,
    floor: float = 0.1,
    steepness: float = 10.0,
    centre: float = 0.2,
    tolerance: float = 2.0,
    bias: float = 0.05,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Focal loss of shifted and, for negatives, scaled logits, weighed by how a label is sampled.

    With :math:`r = f_k^{-1} / \sum_i y_i f_i^{-1}`, :math:`v = z - \kappa \log(1/f_k - 1)`, :math:`\ell` focal cost:

    .. math:: L = [\alpha + \sigma(\beta (r - \mu))] \big[y\, \ell(v) + (1-y)\, \ell(-\lambda v) / \lambda\big]

    Args:
        logits: Scores z before the sigmoid, shape ``(..., labels)``, floating point, at least one dimension.
        targets: Share y of the positive class in [0, 1], bool, integer or float, shape of ``logits``.
        frequencies: Share f of the training samples that have each label, in (0, 1), shape ``(labels,)``.
        gamma: Focusing power, >= 0; 0 is the form without focus.
        floor: :math:`\alpha`, >= 0. ``steepness`` is :math:`\beta`, >= 0; ``centre`` is :math:`\mu`.
        tolerance: :math:`\lambda` > 0; above 1, easy negatives are let go sooner.
        bias: :math:`\kappa`, >= 0, share of a label's log odds that is subtracted from its logit.
        mask: bool, True where the label is known, broadcasts to ``logits``; the rest costs nothing, even NaN.
        weight: Factor of each element; ``reduction``: as in :func:`lopsided.losses.asymmetric_loss`.

    Returns: Loss in nats, a scalar or the shape of ``logits`` for ``"none"``; at least float32.

    >>> f = torch.tensor([0.5, 0.1])
    >>> distribution_balanced_loss(torch.zeros(1, 2), torch.tensor([[1, 0]]), frequencies=f, reduction="none")
    tensor([[0.1906, 0.0643]])

    Source: Wu et al., ECCV 2020, arXiv 2007.09654.
    """
    check_inputs(logits, targets, mask=mask, weight=weight, reduction=reduction, read_targets=False)
    _check_settings(gamma, floor, steepness, tolerance, bias)
    check_number("centre", centre)
    check_frequencies(frequencies, logits, inside=True)
    z, y = known_elements(logits, targets, mask=mask)
    f = frequencies.to(z.dtype)
    in_sample = (y / f).sum(dim=-1, keepdim=True)
    balance = floor + torch.sigmoid(steepness * (1 / f / in_sample - centre))  # without positives floor + 1
    shifted = z - bias * torch.log(1 / f - 1)
    negative = focal_cost(-tolerance * shifted, gamma) / tolerance
    losses = balance * torch.lerp(negative, focal_cost(shifted, gamma), y)
    return reduce_known(losses, mask=mask, weight=weight, reduction=reduction)


class DistributionBalancedLoss(nn.Module):
    """Module form of :func:`lopsided.losses.distribution_balanced_loss`.

    Args:
        frequencies: Share of the training samples that have each label, in (0, 1), one value per label.
        gamma: Focusing power of both sides, >= 0.
        floor: Lowest weight of an element, >= 0.
        steepness: How sharply weights rise for rare labels, >= 0.
        centre: Share of a label in the sampling of a sample at which its weight is half-way.
        tolerance: Scale of the logits of negatives, > 0.
        bias: Share of a label's log odds that is subtracted from its logit, >= 0.
        reduction: ``"none"``, ``"mean"``, ``"sum"`` or ``"batchmean"``.

    >>> criterion = DistributionBalancedLoss([0.5, 0.1])
    >>> criterion(torch.tensor([[2.0, -3.0]]), torch.tensor([[1.0, 0.0]]))
    tensor(0.0010)
    """

    frequencies: Tensor

    def __init__(
        self,
        frequencies: Sequence[float] | Tensor,
        *,
        gamma: float = 2.0,
        floor: float = 0.1,
        steepness: float = 10.0,
        centre: float = 0.2,
        tolerance: float = 2.0,
        bias: float = 0.05,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        _check_settings(gamma, floor, steepness, tolerance, bias)
        check_number("centre", centre)
        shares = torch.as_tensor(frequencies, dtype=torch.float64)
        check_shares(shares, inside=True)
        self.register_buffer("frequencies", shares, persistent=False)
        self.gamma, self.floor, self.steepness, self.centre = gamma, floor, steepness, centre
        self.tolerance, self.bias = tolerance, bias
        self.reduction = check_reduction(reduction)

    @property
    def gamma_neg(self) -> float:
        """Focusing power of negatives."""
        return self.gamma

    def forward(
        self, logits: Tensor, targets: Tensor, *, mask: Tensor | None = None, weight: Tensor | None = None
    ) -> Tensor:
        """Loss of a batch; see :func:`lopsided.losses.distribution_balanced_loss`."""
        return distribution_balanced_loss(
            logits,
            targets,
            frequencies=self.frequencies,
            gamma=self.gamma,
            floor=self.floor,
            steepness=self.steepness,
            centre=self.centre,
            tolerance=self.tolerance,
            bias=self.bias,
            mask=mask,
            weight=weight,
            reduction=self.reduction,
        )

    def extra_repr(self) -> str:
        """Show the settings where a model is printed."""
        weights = f"floor={self.floor}, steepness={self.steepness}, centre={self.centre}"
        return f"gamma={self.gamma}, {weights}, tolerance={self.tolerance}, bias={self.bias}"


def _check_settings(gamma: float, floor: float, steepness: float, tolerance: float, bias: float) -> None:
    for name, value in (("gamma", gamma), ("floor", floor), ("steepness", steepness), ("bias", bias)):
        check_number(name, value, at_least=0.0)
    check_number("tolerance", tolerance, above=0.0)
