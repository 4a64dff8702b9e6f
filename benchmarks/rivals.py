"""What the losses are measured against. All asymmetric ones have gamma_pos 1, gamma_neg 4 and a margin of 0.05."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from timm.loss.asymmetric_loss import AsymmetricLossMultiLabel
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits
from torchvision.ops import sigmoid_focal_loss

from lopsided.losses import asymmetric_loss, binary_cross_entropy, focal_loss

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Rival:
    name: str
    loss: Loss
    backend: str = ""  # LOPSIDED_BACKEND while it runs
    targets: torch.dtype | None = None  # other than the case's


def published_form(logits: Tensor, targets: Tensor) -> Tensor:
    """The equations as the paper's first class computes them: autograd through every step, a sum."""
    positive = torch.sigmoid(logits)
    negative = (1 - positive + 0.05).clamp(max=1)
    loss = targets * torch.log(positive.clamp(min=1e-8)) + (1 - targets) * torch.log(negative.clamp(min=1e-8))
    right = positive * targets + negative * (1 - targets)
    return -(loss * torch.pow(1 - right, 1 * targets + 4 * (1 - targets))).sum()


def published_form_in_place(logits: Tensor, targets: Tensor) -> Tensor:
    """As its second class does: fewer temporaries, written in place, and the focus as a constant in the gradient."""
    others = 1 - targets
    positive = torch.sigmoid(logits)
    negative = (1 - positive).add_(0.05).clamp_(max=1)
    loss = targets * torch.log(positive.clamp(min=1e-8))
    loss = loss.add_(others * torch.log(negative.clamp(min=1e-8)))
    with torch.no_grad():
        focus = torch.pow(1 - positive * targets - negative * others, targets + 4 * others)
    return -(loss * focus).sum()


def ours(logits: Tensor, targets: Tensor) -> Tensor:
    return asymmetric_loss(logits, targets, gamma_pos=1, gamma_neg=4, margin=0.05)


def any_power(logits: Tensor, targets: Tensor) -> Tensor:
    return asymmetric_loss(logits, targets, gamma_pos=0.5, gamma_neg=2.5, margin=0.05)


def eager() -> list[Rival]:
    """The first one is what the others are divided by."""
    timm = AsymmetricLossMultiLabel(gamma_pos=1, gamma_neg=4, clip=0.05)
    return [
        Rival("BCEWithLogits", binary_cross_entropy_with_logits),
        Rival("timm asymmetric", timm),
        Rival("paper's form", published_form),
        Rival("paper's form, in place", published_form_in_place),
        Rival("torchvision focal", lambda logits, targets: sigmoid_focal_loss(logits, targets, reduction="mean")),
        Rival("ours, plain torch", ours, "torch"),
        Rival("ours", ours),
        Rival("ours, defaults", asymmetric_loss),
        Rival("ours, powers 0.5 and 2.5", any_power),
        Rival("ours, bool targets", asymmetric_loss, targets=torch.bool),
        Rival("ours, uint8 targets", asymmetric_loss, targets=torch.uint8),
        Rival("ours, focal", focal_loss),
        Rival("ours, cross-entropy", binary_cross_entropy),
    ]


def ours_with_fewer_instructions(best: int) -> list[Rival]:
    """The native kernel as an older processor would run it."""
    names = ("plain", "avx2", "avx512")[:best]
    return [Rival(f"ours, defaults, {name}", asymmetric_loss, f"native-{name}") for name in names]


def compiled() -> list[Rival]:
    """Whole graphs by torch.compile, which takes about ten seconds for each at its first call."""
    rivals = {
        "BCEWithLogits": binary_cross_entropy_with_logits,
        "timm asymmetric": AsymmetricLossMultiLabel(gamma_pos=1, gamma_neg=4, clip=0.05),
        "paper's form": published_form,
    }
    kept = [Rival(f"{name}, compiled", torch.compile(loss)) for name, loss in rivals.items()]
    return [*kept, Rival("ours, compiled", torch.compile(lambda logits, targets: ours(logits, targets)))]


def on_a_gpu(*, compiled: bool) -> list[Rival]:
    """Those that matter on a GPU. Each compiled one is a function of its own: graphs are kept by function."""
    timm = AsymmetricLossMultiLabel(gamma_pos=1, gamma_neg=4, clip=0.05)
    rivals = [
        Rival("BCEWithLogits", binary_cross_entropy_with_logits),
        Rival("timm asymmetric", timm),
        Rival("ours, plain torch", ours, "torch"),
        Rival("ours, Triton", ours, "triton"),
        Rival("ours, Triton, bool targets", ours, "triton", targets=torch.bool),
    ]
    if not compiled:
        return rivals
    return [
        *rivals,
        Rival("BCEWithLogits, compiled", torch.compile(binary_cross_entropy_with_logits)),
        Rival("timm asymmetric, compiled", torch.compile(timm)),
        Rival("ours, plain torch, compiled", torch.compile(lambda logits, targets: ours(logits, targets)), "torch"),
        Rival("ours, Triton, compiled", torch.compile(lambda logits, targets: ours(logits, targets)), "triton"),
    ]
