"""Losses for unknown labels: ignore them, take them for negatives, or choose one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor

from lopsided.losses.asymmetric import asymmetric_loss
from lopsided.losses.base import Loss, as_function
from lopsided.losses.checks import check_frequencies, check_inputs, check_number, check_shares

Unknown = Literal["ignore", "negative", "selective"]
"""What an unknown label is taken for; ``selective`` is ``ignore`` or ``negative``, label by label."""

_IDLE = {  # settings without effect under each choice for unknown labels
    "ignore": ("top_k", "gamma_unknown", "frequency_threshold", "frequencies"),
    "negative": ("top_k", "frequency_threshold", "frequencies"),
}


class PartialAsymmetricLoss(Loss):
    r"""Asymmetric loss in which unknown labels are negatives with a focusing power of their own, or cost nothing.

    Without a mask it is the asymmetric loss, and settings of unknown labels are refused. Unknown targets are not read;
    unknown logits may be NaN with ``"ignore"`` alone. The mean is over what costs. Defaults are those of the authors'
    code but for ``unknown`` (there negative), ``detach_focus`` (there True) and ``reduction`` (there sum).

    Args:
        gamma_pos: Focusing power of positives, >= 0.
        gamma_neg: Focusing power of known negatives, >= 0.
        gamma_unknown: Focusing power of unknown labels that are taken for negatives, >= 0 (default 2).
        margin: Probability below which a negative costs nothing, in [0, 1).
        unknown: What unknown labels are taken for: ignore, negative, or selective (default), which ignores the
            likeliest of them and the frequent labels and takes the rest for negatives.
        top_k: Number of unknown labels per sample that selective ignores, the likeliest of the batch, >= 0 (default 5).
        frequencies: Estimated share of samples with each label, in [0, 1], shape ``(labels,)``, or None.
        frequency_threshold: Share of the samples that have a label, as far as known, above which selective ignores it
            where it is unknown, in [0, 1] (default 0.05 where ``frequencies`` are given; else all labels are alike).
        detach_focus: Take the focusing power as a constant in the gradient, as the authors' code does.
        reduction: ``"none"``, ``"mean"``, ``"sum"`` or ``"batchmean"``.

    >>> criterion = PartialAsymmetricLoss(top_k=1, reduction="none")
    >>> criterion(torch.tensor([[2.0, -1.0]]), torch.zeros(1, 2), mask=torch.zeros(1, 2, dtype=torch.bool))
    tensor([[0.0000, 0.0227]])

    Source: Ben-Baruch et al., CVPR 2022, arXiv 2110.10955, class-aware selective loss and P-ASL.
    """

    frequencies: Tensor | None

    def __init__(
        self,
        *,
        gamma_pos: float = 0.0,
        gamma_neg: float = 1.0,
        gamma_unknown: float | None = None,
        margin: float = 0.0,
        unknown: Unknown | None = None,
        top_k: int | None = None,
        frequencies: Sequence[float] | Tensor | None = None,
        frequency_threshold: float | None = None,
        detach_focus: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        self.gamma_pos = check_number("gamma_pos", gamma_pos, at_least=0.0)
        self.gamma_neg = check_number("gamma_neg", gamma_neg, at_least=0.0)
        self.margin = check_number("margin", margin, at_least=0.0, below=1.0)
        self.detach_focus = detach_focus
        self.unknown, self.top_k, self.gamma_unknown = unknown, top_k, gamma_unknown
        self.frequency_threshold = frequency_threshold
        shares = None if frequencies is None else torch.as_tensor(frequencies)
        if shares is not None:
            check_shares(shares, inside=False)
        self.register_buffer("frequencies", shares, persistent=False)
        of_unknown = {"unknown": unknown, "top_k": top_k, "gamma_unknown": gamma_unknown, "frequencies": frequencies}
        of_unknown["frequency_threshold"] = frequency_threshold
        self._given = [name for name, value in of_unknown.items() if value is not None]
        self._check_unknown()

    def forward(
        self, logits: Tensor, targets: Tensor, *, mask: Tensor | None = None, weight: Tensor | None = None
    ) -> Tensor:
        """Loss of a batch; ``mask`` is True where the label is known."""
        check_inputs(logits, targets, mask=mask, weight=weight)
        if self.frequencies is not None:
            check_frequencies(self.frequencies, logits, inside=False)
        costly, gamma = mask, self.gamma_neg
        if mask is None:
            for name in self._given:
                raise ValueError(f"expected mask= beside {name}, to say which labels are known, got {name} alone")
        elif self.unknown != "ignore":
            known = mask.expand(logits.shape)
            costly = torch.ones_like(known) if self.unknown == "negative" else self._selected(logits, known)
            targets = targets.masked_fill(~known, 0)
            gamma = torch.where(known, gamma, 2.0 if self.gamma_unknown is None else self.gamma_unknown)
        return asymmetric_loss(
            logits,
            targets,
            gamma_pos=self.gamma_pos,
            gamma_neg=gamma,
            margin=self.margin,
            mask=costly,
            weight=weight,
            detach_focus=self.detach_focus,
            reduction=self.reduction,
        )

    def _selected(self, logits: Tensor, known: Tensor) -> Tensor:
        """True where a label costs something under ``"selective"``."""
        scores = logits.detach().masked_fill(known, -torch.inf).flatten()
        samples = scores.numel() // max(logits.shape[-1], 1) if logits.dim() else 1
        top_k = 5 if self.top_k is None else self.top_k
        chosen = scores.topk(min(top_k * samples, scores.numel())).indices  # wherever in the batch they are
        likely = torch.zeros_like(scores, dtype=torch.bool).scatter(0, chosen, True)
        costly = known | ~likely.view(logits.shape)
        if self.frequencies is None:
            return costly
        rare = self.frequencies <= (0.05 if self.frequency_threshold is None else self.frequency_threshold)
        return costly & (known | rare)

    def _check_unknown(self) -> None:
        """Refuse values out of range, and settings that would have no effect."""
        if self.unknown is not None and self.unknown not in get_args(Unknown):
            raise ValueError(f"expected unknown to be one of {', '.join(get_args(Unknown))}, got {self.unknown!r}")
        if self.gamma_unknown is not None:
            check_number("gamma_unknown", self.gamma_unknown, at_least=0.0)
        if self.top_k is not None:
            if isinstance(self.top_k, bool) or not isinstance(self.top_k, int):
                raise TypeError(f"expected top_k to be a whole number, got {type(self.top_k).__name__}")
            check_number("top_k", self.top_k, at_least=0)
        if self.frequency_threshold is not None:
            check_number("frequency_threshold", self.frequency_threshold, at_least=0.0, at_most=1.0)
        idle, why = _IDLE.get(self.unknown or "selective", ()), f"with unknown={self.unknown!r}"
        if not idle and self.frequencies is None:
            idle, why = ("frequency_threshold",), "without frequencies"
        for name in idle:
            if name in self._given:
                raise ValueError(f"expected no {name} {why}, got one: it would have no effect")


partial_asymmetric_loss = as_function(PartialAsymmetricLoss, "partial_asymmetric_loss")
""":class:`PartialAsymmetricLoss` as a function, which takes its settings by name beside ``mask`` and ``weight``."""
