"""The losses as modules: settings only, no tensor of a call is kept."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lopsided.losses.asymmetric import asymmetric_loss
from lopsided.losses.checks import Focus, check_reduction, check_setting
from lopsided.losses.cross_entropy import focal_loss
from lopsided.losses.softmax import softmax_asymmetric_loss


class AsymmetricLoss(nn.Module):
    """Module form of :func:`lopsided.losses.asymmetric_loss`; takes the place of ``BCEWithLogitsLoss``.

    Each of gamma_pos, gamma_neg and margin is a number, or a tensor that broadcasts to the logits.

    Args:
        gamma_pos: Focusing power of positives, >= 0.
        gamma_neg: Focusing power of negatives, >= 0.
        margin: Probability below which a negative costs nothing, in [0, 1).
        detach_focus: Take the focusing power as a constant in the gradient.
        reduction: ``"none"``, ``"mean"``, ``"sum"`` or ``"batchmean"``.
        check_targets: Refuse targets outside [0, 1] on a GPU too, which then has to be waited for.

    >>> criterion = AsymmetricLoss()
    >>> criterion(torch.tensor([[2.0, -3.0]]), torch.tensor([[1.0, 0.0]]))
    tensor(0.0635)
    """

    gamma_pos: Focus
    gamma_neg: Focus
    margin: Focus

    def __init__(
        self,
        gamma_pos: Focus = 0.0,
        gamma_neg: Focus = 2.0,
        margin: Focus = 0.2,
        *,
        detach_focus: bool = False,
        reduction: str = "mean",
        check_targets: bool = False,
    ) -> None:
        super().__init__()
        keep_setting(self, "gamma_pos", gamma_pos)
        keep_setting(self, "gamma_neg", gamma_neg)
        keep_setting(self, "margin", margin, below=1.0)
        self.detach_focus = detach_focus
        self.reduction = check_reduction(reduction)
        self.check_targets = check_targets

    def forward(
        self, logits: Tensor, targets: Tensor, *, mask: Tensor | None = None, weight: Tensor | None = None
    ) -> Tensor:
        """Loss of a batch; see :func:`lopsided.losses.asymmetric_loss`."""
        return asymmetric_loss(
            logits,
            targets,
            gamma_pos=self.gamma_pos,
            gamma_neg=self.gamma_neg,
            margin=self.margin,
            mask=mask,
            weight=weight,
            detach_focus=self.detach_focus,
            reduction=self.reduction,
            check_targets=self.check_targets,
        )

    def extra_repr(self) -> str:
        """Show the settings where a model is printed."""
        return f"gamma_pos={self.gamma_pos}, gamma_neg={self.gamma_neg}, margin={self.margin}"


class FocalLoss(nn.Module):
    """Module form of :func:`lopsided.losses.focal_loss`.

    gamma is a number, or a tensor that broadcasts to the logits; :attr:`gamma_pos`, :attr:`gamma_neg` and
    :attr:`margin` say the same as a member of the asymmetric family.

    Args:
        gamma: Focusing power of both sides, >= 0.
        detach_focus: Take the focusing power as a constant in the gradient.
        reduction: ``"none"``, ``"mean"``, ``"sum"`` or ``"batchmean"``.
        check_targets: Refuse targets outside [0, 1] on a GPU too, which then has to be waited for.

    >>> FocalLoss()(torch.tensor([[2.0, -3.0]]), torch.tensor([[1.0, 0.0]]))
    tensor(0.0010)
    """

    gamma: Focus

    def __init__(
        self,
        gamma: Focus = 2.0,
        *,
        detach_focus: bool = False,
        reduction: str = "mean",
        check_targets: bool = False,
    ) -> None:
        super().__init__()
        keep_setting(self, "gamma", gamma)
        self.detach_focus = detach_focus
        self.reduction = check_reduction(reduction)
        self.check_targets = check_targets

    @property
    def gamma_pos(self) -> Focus:
        """Focusing power of positives."""
        return self.gamma

    @property
    def gamma_neg(self) -> Focus:
        """Focusing power of negatives."""
        return self.gamma

    @property
    def margin(self) -> float:
        """No negative is free."""
        return 0.0

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

    def extra_repr(self) -> str:
        """Show the settings where a model is printed."""
        return f"gamma={self.gamma}"


class SoftmaxAsymmetricLoss(nn.Module):
    """Module form of :func:`lopsided.losses.softmax_asymmetric_loss`, for one label out of many.

    Args:
        gamma_pos: Focusing power of the right class, >= 0.
        gamma_neg: Focusing power of the other classes, >= 0.
        label_smoothing: Share of the target spread over all classes, in [0, 1).
        reduction: ``"none"``, ``"mean"``, ``"sum"`` or ``"batchmean"``.

    >>> SoftmaxAsymmetricLoss()(torch.tensor([[2.0, 0.0, 0.0]]), torch.tensor([0]))
    tensor(0.2396)
    """

    def __init__(
        self,
        gamma_pos: float = 0.0,
        gamma_neg: float = 4.0,
        *,
        label_smoothing: float = 0.0,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        check_setting("gamma_pos", gamma_pos)
        check_setting("gamma_neg", gamma_neg)
        check_setting("label_smoothing", label_smoothing, below=1.0)
        self.gamma_pos, self.gamma_neg, self.label_smoothing = gamma_pos, gamma_neg, label_smoothing
        self.reduction = check_reduction(reduction)

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Loss of a batch; see :func:`lopsided.losses.softmax_asymmetric_loss`."""
        return softmax_asymmetric_loss(
            logits,
            labels,
            gamma_pos=self.gamma_pos,
            gamma_neg=self.gamma_neg,
            label_smoothing=self.label_smoothing,
            reduction=self.reduction,
        )

    def extra_repr(self) -> str:
        """Show the settings where a model is printed."""
        return f"gamma_pos={self.gamma_pos}, gamma_neg={self.gamma_neg}, label_smoothing={self.label_smoothing}"


def keep_setting(module: nn.Module, name: str, value: Focus, *, below: float = float("inf")) -> None:
    """Store a checked setting: a number as it is, a tensor as a buffer, so that it follows ``module.to(device)``."""
    check_setting(name, value, below=below)
    if isinstance(value, torch.Tensor):
        module.register_buffer(name, value.detach().clone(), persistent=False)
    else:
        setattr(module, name, value)
