"""Eq. 9: gamma_neg follows a target gap while the network trains.

The paper prints the rule as ``gamma_neg + rate * (gap - target_gap)``. The gap grows with gamma_neg, so that rule runs
away from its target; here it is ``gamma_neg + rate * (target_gap - gap)``. A negative rate gives the printed one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from lopsided.asymmetry.probability_gap import Gap, gap_of, gap_sums, sum_over_ranks
from lopsided.losses.asymmetric import checked_settings
from lopsided.losses.base import Loss
from lopsided.losses.checks import Focus, check_inputs, check_number
from lopsided.losses.formula import GAMMA_NEG, GAMMA_POS, MARGIN
from lopsided.losses.kernels import loss_and_gap
from lopsided.losses.kernels.call import Call

TARGET_GAP, RATE, MOMENTUM, BOUNDS = 0.1, 0.7, 0.7, (0.0, 20.0)
"""The rule where nothing else is said; :class:`AdaptiveAsymmetricLoss` says what each is."""


class AdaptiveState(NamedTuple):
    """What the rule carries from step to step; a value, never changed in place."""

    gamma_neg: Tensor  # shape () or (labels,), >= 0
    sums: Tensor  # running average of gap_sums, shape (4,) or (4, labels)


def init(*, gamma_neg: float = GAMMA_NEG, num_labels: int | None = None) -> AdaptiveState:
    """State before the first step: one gamma_neg, or one for each of ``num_labels``."""
    shape = () if num_labels is None else (num_labels,)
    return AdaptiveState(torch.full(shape, float(gamma_neg)), torch.zeros(4, *shape))


def update(
    state: AdaptiveState,
    sums: Tensor,
    *,
    target_gap: Focus = TARGET_GAP,
    rate: Focus = RATE,
    momentum: Focus = MOMENTUM,
    lowest: float = BOUNDS[0],
    highest: float = BOUNDS[1],
) -> AdaptiveState:
    r"""One step of eq. 9, with its sign turned and the gap averaged over recent batches.

    .. math:: \gamma_- \leftarrow \gamma_- + \lambda (\Delta p_{target} - \Delta p)

    Args:
        state: State so far.
        sums: :func:`lopsided.asymmetry.gap_sums` of the batch, over all ranks.
        target_gap: Gap to reach, in [-1, 1], a number or a tensor of the shape of gamma_neg.
        rate: Step size lambda, in units of gamma_neg per unit of gap and step; negative for the rule as printed;
            likewise.
        momentum: Share of the running average that stays at each step, in [0, 1); likewise.
        lowest: Lower bound of gamma_neg.
        highest: Upper bound of gamma_neg.

    Returns: The next state; gamma_neg stays where the batch has no positives or no negatives, or is not finite.

    >>> update(init(), torch.tensor([0.5, 1.0, 4.0, 5.0]), rate=1.0).gamma_neg
    tensor(2.4000)

    Source: Ridnik et al., ICCV 2021, eq. 9.
    """
    averaged = momentum * state.sums + (1 - momentum) * sums.to(state.sums)
    moved = (state.gamma_neg + rate * (target_gap - gap_of(averaged).gap)).clamp(lowest, highest)
    counts = (sums[1] > 0) & (sums[3] > 0) & averaged.isfinite().all(dim=0)
    return AdaptiveState(
        torch.where(counts, moved, state.gamma_neg),
        torch.where(counts, averaged, state.sums),
    )


def read(state: AdaptiveState) -> Tensor:
    """The focusing power of negatives to use now, shape () or (labels,)."""
    return state.gamma_neg


class AdaptiveAsymmetricLoss(Loss):
    """Asymmetric loss whose ``gamma_neg`` moves in ``train()`` until the gap is the target, and rests in ``eval()``.

    Each training batch is costed with the present ``gamma_neg``, which then takes one step of eq. 9. It lives in a
    buffer, so it is saved with the model; it never makes the host wait; with several ranks the gap is that of all.
    gamma_pos and margin are numbers, or tensors that broadcast to the logits. The paper gives no rate; of those tried
    (EXPERIMENTS.md), 0.1 lags, 1 may swing, 2 does.

    Args:
        target_gap: Gap between confidence on positives and on negatives to reach, in [-1, 1].
        gamma_neg: Focusing power of negatives to start from, >= 0, within ``bounds``.
        gamma_pos: Focusing power of positives, >= 0.
        margin: Probability below which a negative costs nothing, in [0, 1).
        rate: Step size of eq. 9, in units of gamma_neg per unit of gap and step; negative gives the printed rule,
            which runs away.
        momentum: Share of the gap's running average that stays at each step, in [0, 1).
        bounds: Lowest and highest gamma_neg.
        per_label: Keep one gamma_neg for each label.
        num_labels: Number of labels, with ``per_label`` and only with it.
        detach_focus: Take the focusing power as a constant in the gradient.
        reduction: ``"none"``, ``"mean"``, ``"sum"`` or ``"batchmean"``.

    >>> criterion = AdaptiveAsymmetricLoss(target_gap=0.1, rate=1.0)
    >>> _ = criterion(torch.zeros(2, 3), torch.tensor([[1, 0, 0], [0, 0, 0]]))
    >>> criterion.gamma_neg
    tensor(2.1000)

    Source: Ridnik et al., ICCV 2021, eq. 9.
    """

    gamma_pos: Focus
    margin: Focus
    gamma_neg: Tensor
    gap_sums: Tensor

    def __init__(
        self,
        *,
        target_gap: float = TARGET_GAP,
        gamma_neg: float = GAMMA_NEG,
        gamma_pos: Focus = GAMMA_POS,
        margin: Focus = MARGIN,
        rate: float = RATE,
        momentum: float = MOMENTUM,
        bounds: tuple[float, float] = BOUNDS,
        per_label: bool = False,
        num_labels: int | None = None,
        detach_focus: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        if not 0 <= bounds[0] <= gamma_neg <= bounds[1]:
            raise ValueError(f"expected gamma_neg to lie within bounds {bounds}, the lower one >= 0, got {gamma_neg}")
        if per_label != (num_labels is not None):
            raise ValueError(
                f"expected per_label and num_labels together, got per_label={per_label}, num_labels={num_labels}"
            )
        self.keep("gamma_pos", gamma_pos)
        self.keep("margin", margin, below=1.0)
        self.target_gap = check_number("target_gap", target_gap, at_least=-1.0, at_most=1.0)
        self.rate = check_number("rate", rate)
        self.momentum = check_number("momentum", momentum, at_least=0.0, below=1.0)
        self.bounds, self.per_label, self.num_labels, self.detach_focus = bounds, per_label, num_labels, detach_focus
        state = init(gamma_neg=gamma_neg, num_labels=num_labels)
        self.keep("gamma_neg", state.gamma_neg, persistent=True)
        self.register_buffer("gap_sums", state.sums)

    def forward(
        self, logits: Tensor, targets: Tensor, *, mask: Tensor | None = None, weight: Tensor | None = None
    ) -> Tensor:
        """Loss of a batch; see :func:`lopsided.losses.asymmetric_loss`."""
        check_inputs(logits, targets, mask=mask, weight=weight)
        settings = checked_settings(logits, self.gamma_pos, self.gamma_neg, self.margin, self.detach_focus)
        want_slope, want_gap = logits.requires_grad and torch.is_grad_enabled(), self.training and not self.per_label
        call = Call(logits, targets, settings, mask, weight, self.reduction, want_slope, want_gap)
        loss, sums = loss_and_gap(call)
        if self.training:
            if sums is None:
                sums = gap_sums(logits, targets, mask=mask, per_label=self.per_label)
            self.follow(sum_over_ranks(sums))
        return loss

    def gap(self) -> Gap:
        """The running average of the gap that the rule acts on; nan before the first batch."""
        return gap_of(self.gap_sums)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> AdaptiveAsymmetricLoss:
        """Move with the model, but not to half precision: small steps of gamma_neg would be lost there."""
        before = self.gamma_neg, self.gap_sums
        super()._apply(fn, recurse)
        if self.gamma_neg.dtype in (torch.float16, torch.bfloat16):
            self.gamma_neg, self.gap_sums = (part.to(self.gamma_neg.device) for part in before)
        return self

    @torch.no_grad()
    def follow(self, sums: Tensor) -> None:
        """Take a step of the rule, as every call in ``train()`` does by itself.

        Args:
            sums: :func:`lopsided.asymmetry.gap_sums` of the batch, over all ranks, shape ``(4,)`` or ``(4, labels)``.
        """
        state = update(
            AdaptiveState(self.gamma_neg, self.gap_sums),
            sums,
            target_gap=self.target_gap,
            rate=self.rate,
            momentum=self.momentum,
            lowest=self.bounds[0],
            highest=self.bounds[1],
        )
        # New tensors: one written in place would be read again, changed, by the backward pass of a compiled graph.
        self.gamma_neg, self.gap_sums = state.gamma_neg, state.sums
