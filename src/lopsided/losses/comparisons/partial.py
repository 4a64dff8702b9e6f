"""Losses for labels that nobody knows: ignore them, take them for negatives, or choose one by one."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

from lopsided.losses.asymmetric import asymmetric_loss, check_inputs
from lopsided.losses.checks import check_frequencies, check_number, check_reduction, check_shares

Unknown = Literal["ignore", "negative", "selective"]
"""What an unknown label is taken for; ``selective`` is ``ignore`` or ``negative``, label by label."""


def partial_asymmetric_loss(
    logits: Tensor,
    targets: Tensor,
    *,
    gamma_pos: float = 0.0,
    gamma_neg: float = 1.0,
    gamma_unknown: float | None = None,
    margin: float = 0.0,
    unknown: Unknown | None = None,
    top_k: int | None = None,
    frequencies: Tensor | None = None,
    frequency_threshold: float | None = None,
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
        gamma_unknown: Focusing power of unknown labels that are taken for negatives, >= 0 (default 2).
        margin: Probability below which a negative costs nothing, in [0, 1).
        unknown: ``"ignore"``: none costs anything; ``"negative"``: all are negatives; ``"selective"`` (default): all
            but the ``top_k`` per sample (default 5) likeliest in the whole batch, and but frequent labels.
        frequencies: Estimated share of samples with each label, in [0, 1], shape ``(labels,)``, or None to do without.
        frequency_threshold: Labels more frequent than this are ignored where unknown, in [0, 1] (default 0.05).
        mask: bool, True where the label is known, broadcasts to ``logits``; without it the loss is the asymmetric one,
            and settings of unknown labels are refused. Only logits that ``"ignore"`` ignores may be NaN.
        weight, detach_focus, reduction: As in :func:`lopsided.losses.asymmetric_loss`; the mean is over what costs.

    Returns: Loss in nats, a scalar or the shape of ``logits`` for ``"none"``; at least float32.

    >>> z, known = torch.zeros(1, 2), torch.tensor([[True, False]])
    >>> partial_asymmetric_loss(z, torch.zeros(1, 2), mask=known, unknown="negative", reduction="none")
    tensor([[0.3466, 0.1733]])

    Source: Ben-Baruch et al., CVPR 2022, arXiv 2110.10955, class-aware selective loss and P-ASL.
    """
    check_inputs(logits, targets, mask=mask, weight=weight, reduction=reduction, read_targets=False)
    _check_family(gamma_pos, gamma_neg, margin)
    given = _Given(unknown, top_k, gamma_unknown, frequencies, frequency_threshold)
    _check_unknown(given)
    if frequencies is not None:
        check_frequencies(frequencies, logits, inside=False)
    costly, gamma = mask, gamma_neg
    if mask is None:
        _refuse_without_mask(given)
    elif unknown != "ignore":
        known = mask.expand(logits.shape)
        costly = torch.ones_like(known) if unknown == "negative" else _costly(logits, known, given)
        targets = targets.masked_fill(~known, 0)
        gamma = torch.where(known, gamma_neg, 2.0 if gamma_unknown is None else gamma_unknown)
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
        gamma_unknown: Focusing power of unknown labels that are taken for negatives, >= 0 (default 2).
        margin: Probability below which a negative costs nothing, in [0, 1).
        unknown: What unknown labels are taken for: ignore, negative, or selective (default), which is one or the other.
        top_k: Likeliest unknown labels per sample, over the batch, that selective ignores, >= 0 (default 5).
        frequencies: Estimated share of samples with each label, in [0, 1], shape ``(labels,)``, or None.
        frequency_threshold: Labels more frequent than this ``"selective"`` ignores where unknown, in [0, 1]
            (default 0.05).
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
        gamma_unknown: float | None = None,
        margin: float = 0.0,
        *,
        unknown: Unknown | None = None,
        top_k: int | None = None,
        frequencies: Tensor | None = None,
        frequency_threshold: float | None = None,
        detach_focus: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        _check_family(gamma_pos, gamma_neg, margin)
        _check_unknown(_Given(unknown, top_k, gamma_unknown, frequencies, frequency_threshold))
        self.gamma_pos, self.gamma_neg, self.gamma_unknown = gamma_pos, gamma_neg, gamma_unknown
        self.margin, self.top_k = margin, top_k
        self.unknown: Unknown | None = unknown
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
        given = {"unknown": self.unknown, "top_k": self.top_k, "gamma_unknown": self.gamma_unknown}
        of_unknown = "".join(f", {name}={value!r}" for name, value in given.items() if value is not None)
        return f"gamma_pos={self.gamma_pos}, gamma_neg={self.gamma_neg}, margin={self.margin}{of_unknown}"


class _Given(NamedTuple):
    """What is said about unknown labels; None takes the default."""

    unknown: Unknown | None
    top_k: int | None
    gamma_unknown: float | None
    frequencies: Tensor | None
    frequency_threshold: float | None

    def names(self) -> list[str]:
        return [name for name, value in zip(self._fields, self, strict=True) if value is not None]


def _costly(logits: Tensor, known: Tensor, given: _Given) -> Tensor:
    """True where a label costs something under ``"selective"``."""
    costly = known | ~_likely(logits, known, 5 if given.top_k is None else given.top_k)
    if given.frequencies is None:
        return costly
    rare = given.frequencies <= (0.05 if given.frequency_threshold is None else given.frequency_threshold)
    return costly & (known | rare)


def _likely(logits: Tensor, known: Tensor, top_k: int) -> Tensor:
    """True for the unknown elements of the highest logits, ``top_k`` per sample but wherever in the batch they are."""
    scores = logits.detach().masked_fill(known, -torch.inf).flatten()
    samples = scores.numel() // max(logits.shape[-1], 1) if logits.dim() else 1
    chosen = scores.topk(min(top_k * samples, scores.numel())).indices
    likely = torch.zeros_like(scores, dtype=torch.bool).scatter(0, chosen, True)
    return likely.view(logits.shape) & ~known


def _check_family(gamma_pos: float, gamma_neg: float, margin: float) -> None:
    check_number("gamma_pos", gamma_pos, at_least=0.0)
    check_number("gamma_neg", gamma_neg, at_least=0.0)
    check_number("margin", margin, at_least=0.0, below=1.0)


def _check_unknown(given: _Given) -> None:
    """Refuse values out of range, and settings that others leave without effect."""
    if given.unknown is not None and given.unknown not in get_args(Unknown):
        raise ValueError(f"expected unknown to be one of {', '.join(get_args(Unknown))}, got {given.unknown!r}")
    if given.gamma_unknown is not None:
        check_number("gamma_unknown", given.gamma_unknown, at_least=0.0)
    if given.top_k is not None:
        if isinstance(given.top_k, bool) or not isinstance(given.top_k, int):
            raise TypeError(f"expected top_k to be a whole number, got {type(given.top_k).__name__}")
        check_number("top_k", given.top_k, at_least=0)
    if given.frequency_threshold is not None:
        check_number("frequency_threshold", given.frequency_threshold, at_least=0.0, at_most=1.0)
    if isinstance(given.frequencies, Tensor):
        check_shares(given.frequencies, inside=False)
    idle: tuple[str, ...] = ()
    if given.unknown == "ignore":
        idle = ("top_k", "gamma_unknown", "frequencies", "frequency_threshold")
    elif given.unknown == "negative":
        idle = ("top_k", "frequencies", "frequency_threshold")
    elif given.frequencies is None:
        idle = ("frequency_threshold",)
    for name in idle:
        if name in given.names():
            why = "without frequencies" if given.unknown in (None, "selective") else f"with unknown={given.unknown!r}"
            raise ValueError(f"{name} has no effect {why}: leave it out")


def _refuse_without_mask(given: _Given) -> None:
    for name in given.names():
        raise ValueError(
            f"{name} has no effect without mask=, which says which labels are known: give one, or leave {name} out"
        )
