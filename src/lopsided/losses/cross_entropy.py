"""Cross-entropy and focal loss, eq. 1 and 2: the symmetric members of the family."""

from __future__ import annotations

from torch import Tensor

from lopsided.losses.asymmetric import asymmetric_loss
from lopsided.losses.base import Loss
from lopsided.losses.checks import Focus, check_setting

GAMMA = 2.0
"""The focusing power of the focal loss where nothing else is said."""


def focal_loss(
    logits: Tensor,
    targets: Tensor,
    *,
    gamma: Focus = GAMMA,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    detach_focus: bool = False,
    reduction: str = "mean",
    check_targets: bool = False,
) -> Tensor:
    r"""Cross-entropy that counts easy elements less: one focusing power for both sides.

    .. math:: L = -y (1-p)^\gamma \log p - (1-y)\, p^\gamma \log(1-p), \quad p = \sigma(z)

    Args:
        logits: Scores z before the sigmoid, shape ``(..., labels)``, floating point.
        targets: Share y of the positive class in [0, 1], bool, integer or float, shape of ``logits``.
        gamma: Focusing power, >= 0, a number or a tensor that broadcasts to ``logits``; 0 is cross-entropy.
        mask: bool, True where the label is known, broadcasts to ``logits``.
        weight: Factor of each element, broadcasts to ``logits``.
        detach_focus: Take the focusing power as a constant in the gradient.
        reduction: ``"none"``, ``"mean"``, ``"sum"`` or ``"batchmean"``.
        check_targets: Refuse targets outside [0, 1] on a GPU too, which then has to be waited for.

    Returns: Loss in nats, a scalar or the shape of ``logits`` for ``"none"``; at least float32.

    >>> import torch
    >>> focal_loss(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]), reduction="none")
    tensor([[0.1733, 0.1733]])

    Source: Lin et al., ICCV 2017; Ridnik et al., ICCV 2021, eq. 2.
    """
    check_setting("gamma", gamma)
    return asymmetric_loss(
        logits,
        targets,
        gamma_pos=gamma,
        gamma_neg=gamma,
        margin=0.0,
        mask=mask,
        weight=weight,
        detach_focus=detach_focus,
        reduction=reduction,
        check_targets=check_targets,
    )


def binary_cross_entropy(
    logits: Tensor,
    targets: Tensor,
    *,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    check_targets: bool = False,
) -> Tensor:
    r"""Cross-entropy of each label on its own, the loss that the others start from.

    .. math:: L = -y \log p - (1-y) \log(1-p), \quad p = \sigma(z)

    Args:
        logits: Scores z before the sigmoid, shape ``(..., labels)``, floating point.
        targets: Share y of the positive class in [0, 1], bool, integer or float, shape of ``logits``.
        mask: bool, True where the label is known, broadcasts to ``logits``.
        weight: Factor of each element, broadcasts to ``logits``.
        reduction: ``"none"``, ``"mean"``, ``"sum"`` or ``"batchmean"``.
        check_targets: Refuse targets outside [0, 1] on a GPU too, which then has to be waited for.

    Returns: Loss in nats, a scalar or the shape of ``logits`` for ``"none"``; at least float32.

    >>> import torch
    >>> binary_cross_entropy(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]), reduction="none")
    tensor([[0.6931, 0.6931]])

    Source: Ridnik et al., ICCV 2021, eq. 1 and eq. 2 with a focusing power of 0.
    """
    return focal_loss(
        logits, targets, gamma=0.0, mask=mask, weight=weight, reduction=reduction, check_targets=check_targets
    )


class FocalLoss(Loss):
    """:func:`lopsided.losses.focal_loss` with settings that stay.

    gamma is a number, or a tensor that broadcasts to the logits; :attr:`gamma_pos`, :attr:`gamma_neg` and
    :attr:`margin` say the same as a member of the asymmetric family.

    Args:
        gamma: Focusing power of both sides, >= 0.
        detach_focus: Take the focusing power as a constant in the gradient.
        reduction: ``"none"``, ``"mean"``, ``"sum"`` or ``"batchmean"``.
        check_targets: Refuse targets outside [0, 1] on a GPU too, which then has to be waited for.

    >>> import torch
    >>> FocalLoss()(torch.tensor([[2.0, -3.0]]), torch.tensor([[1.0, 0.0]]))
    tensor(0.0010)
    """

    gamma: Focus
    margin = 0.0  # no negative is free

    def __init__(
        self,
        *,
        gamma: Focus = GAMMA,
        detach_focus: bool = False,
        reduction: str = "mean",
        check_targets: bool = False,
    ) -> None:
        super().__init__(reduction=reduction)
        self.keep("gamma", gamma)
        self.detach_focus, self.check_targets = detach_focus, check_targets

    @property
    def gamma_pos(self) -> Focus:
        """Focusing power of positives."""
        return self.gamma

    @property
    def gamma_neg(self) -> Focus:
        """Focusing power of negatives."""
        return self.gamma

    def forward(
        self, logits: Tensor, targets: Tensor, *, mask: Tensor | None = None, weight: Tensor | None = None
    ) -> Tensor:
        """Loss of a batch; see :func:`lopsided.losses.focal_loss`."""
        return focal_loss(
            logits,
            targets,
            gamma=self.gamma,
            mask=mask,
            weight=weight,
            detach_focus=self.detach_focus,
            reduction=self.reduction,
            check_targets=self.check_targets,
        )
