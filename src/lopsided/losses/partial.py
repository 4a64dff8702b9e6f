"""Losses for labels that nobody knows: ignore them, take them for negatives, or choose one by one."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from lopsided.losses.asymmetric import asymmetric_loss, check_inputs
from lopsided.losses.checks import check_frequencies, check_number, check_reduction

Unknown = Literal["ignore", "negative", "selective"]
"""What an unknown label is taken for; ``selective`` is ``ignore`` or ``negative``, label by label."""


def partial_asymmetric_loss(
    logits: Tensor,
    targets: Tensor,
    *,
    gamma_pos: float = 0.0,
    gamma_neg: float = 1.0,
    gamma_unknown: float = 2.0,
    margin: float = 0.0,
    unknown: Unknown = "selective",
    top_k: int = 5,
    frequencies: Tensor | None = None,
    frequency_threshold: float = 0.05,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    detach_focus: bool = False,
    reduction: str = "mean",
) -> Tensor:
    r"""Asymmetric loss in which unknown labels are negatives with a focusing power of their own, or cost nothing.

    Args:
        logits: Scores before the sigmoid, shape ``(..., labels)``, floating point.
        targets: Share of the positive class in [0, 1], shape of ``logits``; not read where unknown.
        gamma_pos: Focusing power of positives, >= 0. ``gamma_neg``: of known negatives.
        gamma_unknown: Focusing power of unknown labels that are taken for negatives, >= 0.
        margin: Probability below which a negative costs nothing, in [0, 1).
        unknown: ``"ignore"``: none costs anything; ``"negative"``: all are negatives; ``"selective"``: all but the
            ``top_k`` per sample, >= 0, that the network finds likeliest in the whole batch, and but frequent labels.
        frequencies: Estimated share of samples with each label, in [0, 1], shape ``(labels,)``, or None to do without.
        frequency_threshold: Labels more frequent than this are ignored where unknown, in [0, 1].
        mask: bool, True where the label is known, broadcasts to ``logits``. Only logits that are ignored by
            ``"ignore"`` may be NaN.
        weight, detach_focus, reduction: As in :func:`lopsided.losses.asymmetric_loss`; the mean is over what costs.

    Returns: Loss in nats, a scalar or the shape of ``logits`` for ``"none"``; at least float32.

    >>> z, known = torch.zeros(1, 2), torch.tensor([[True, False]])
    >>> partial_asymmetric_loss(z, torch.zeros(1, 2), mask=known, unknown="negative", reduction="none")
    tensor([[0.3466, 0.1733]])

    Source: Ben-Baruch et al., CVPR 2022, arXiv 2110.10955, class-aware selective loss and P-ASL.
    """
    check_inputs(logits, targets, mask=mask, weight=weight, reduction=reduction, read_targets=False)
    _check_settings(gamma_pos, gamma_neg, gamma_unknown, margin, unknown, top_k, frequency_threshold)
    if frequencies is not None:
        check_frequencies(frequencies, logits)
    costly, gamma = mask, gamma_neg
    if mask is not None and unknown != "ignore":
        known = mask.expand(logits.shape)
        costly = torch.ones_like(known)
        if unknown == "selective":
            costly = known | ~_likely(logits, known, top_k)
            if frequencies is not None:
                costly = costly & (known | (frequencies <= frequency_threshold))
        targets = targets.masked_fill(~known, 0)
        gamma = torch.where(known, gamma_neg, gamma_unknown)
    return asymmetric_loss(
        logits,
        targets,
        gamma_pos=gamma_pos,
        gamma_neg=gamma,
        margin=margin,
        mask=costly,
        weight=weight,
        detach_focus=detach_focus,
        reduction=reduction,
    )


class PartialAsymmetricLoss(nn.Module):
    """Module form of :func:`lopsided.losses.partial_asymmetric_loss`.

    Args:
        gamma_pos: Focusing power of positives, >= 0.
        gamma_neg: Focusing power of known negatives, >= 0.
        gamma_unknown: Focusing power of unknown labels that are taken for negatives, >= 0.
        margin: Probability below which a negative costs nothing, in [0, 1).
        unknown: ``"ignore"``, ``"negative"`` or ``"selective"``.
        top_k: Likeliest unknown labels per sample, over the batch, that ``"selective"`` ignores, >= 0.
        frequencies: Estimated share of samples with each label, in [0, 1], shape ``(labels,)``, or None.
        frequency_threshold: Labels more frequent than this ``"selective"`` ignores where unknown, in [0, 1].
        detach_focus: Take the focusing power as a constant in the gradient.
        reduction: ``"none"``, ``"mean"``, ``"sum"`` or ``"batchmean"``.

    >>> criterion = PartialAsymmetricLoss(top_k=1, reduction="none")
    >>> criterion(torch.tensor([[2.0, -1.0]]), torch.zeros(1, 2), mask=torch.zeros(1, 2, dtype=torch.bool))
    tensor([[0.0000, 0.0227]])
    """

    frequencies: Tensor | None

    def __init__(
        self,
        gamma_pos: float = 0.0,
        gamma_neg: float = 1.0,
        gamma_unknown: float = 2.0,
        margin: float = 0.0,
        *,
        unknown: Unknown = "selective",
        top_k: int = 5,
        frequencies: Tensor | None = None,
        frequency_threshold: float = 0.05,
        detach_focus: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        _check_settings(gamma_pos, gamma_neg, gamma_unknown, margin, unknown, top_k, frequency_threshold)
        self.gamma_pos, self.gamma_neg, self.gamma_unknown = gamma_pos, gamma_neg, gamma_unknown
        self.margin, self.top_k = margin, top_k
        self.unknown: Unknown = unknown
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.frequency_threshold, self.detach_focus = frequency_threshold, detach_focus
        self.reduction = check_reduction(reduction)

    def forward(
        self, logits: Tensor, targets: Tensor, *, mask: Tensor | None = None, weight: Tensor | None = None
    ) -> Tensor:
        """Loss of a batch; see :func:`lopsided.losses.partial_asymmetric_loss`."""
        return partial_asymmetric_loss(
            logits,
            targets,
            gamma_pos=self.gamma_pos,
            gamma_neg=self.gamma_neg,
            gamma_unknown=self.gamma_unknown,
            margin=self.margin,
            unknown=self.unknown,
            top_k=self.top_k,
            frequencies=self.frequencies,
            frequency_threshold=self.frequency_threshold,
            mask=mask,
            weight=weight,
            detach_focus=self.detach_focus,
            reduction=self.reduction,
        )

    def extra_repr(self) -> str:
        """Show the settings where a model is printed."""
        powers = f"gamma_pos={self.gamma_pos}, gamma_neg={self.gamma_neg}, gamma_unknown={self.gamma_unknown}"
        return f"{powers}, margin={self.margin}, unknown={self.unknown!r}, top_k={self.top_k}"


def _likely(logits: Tensor, known: Tensor, top_k: int) -> Tensor:
    """True for the unknown elements of the highest logits, ``top_k`` per sample but wherever in the batch they are."""
    scores = logits.detach().masked_fill(known, -torch.inf).flatten()
    samples = scores.numel() // max(logits.shape[-1], 1) if logits.dim() else 1
    chosen = scores.topk(min(top_k * samples, scores.numel())).indices
    likely = torch.zeros_like(scores, dtype=torch.bool).scatter(0, chosen, True)
    return likely.view(logits.shape) & ~known


def _check_settings(
    gamma_pos: float,
    gamma_neg: float,
    gamma_unknown: float,
    margin: float,
    unknown: str,
    top_k: int,
    frequency_threshold: float,
) -> None:
    for name, value in (("gamma_pos", gamma_pos), ("gamma_neg", gamma_neg), ("gamma_unknown", gamma_unknown)):
        check_number(name, value, at_least=0.0)
    check_number("margin", margin, at_least=0.0, below=1.0)
    if isinstance(top_k, bool) or not isinstance(top_k, int):
        raise TypeError(f"top_k must be a whole number, got {type(top_k).__name__}")
    check_number("top_k", top_k, at_least=0)
    check_number("frequency_threshold", frequency_threshold, at_least=0.0)
    if unknown not in get_args(Unknown):
        raise ValueError(f"unknown must be one of {', '.join(get_args(Unknown))}, got {unknown!r}")
