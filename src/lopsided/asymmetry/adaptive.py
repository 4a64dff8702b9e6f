"""Eq. 9: gamma_neg follows a target gap while the network trains.

The paper prints the rule as ``gamma_neg + rate * (gap - target_gap)``. The gap grows with gamma_neg, so that rule runs
away from its target; here it is ``gamma_neg + rate * (target_gap - gap)``. A negative rate gives the printed one.

A network that can't tell positives from negatives yet has a gap far below its target, and only a gamma_neg far too
high for later would close it. So each step is weighed by the separation, which is 0 for such a network, and where the
length of the training is known, steps grow with the share of it that is over. Where a low gamma_neg is enough, the
margin shrinks with it: without focusing, a margin alone lets negatives go that the network is not sure of.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lopsided.asymmetry.probability_gap import Gap, gap_of, gap_sums, sum_over_ranks
from lopsided.losses.asymmetric import checked_settings
from lopsided.losses.base import Loss
from lopsided.losses.checks import Focus, check_inputs, check_number, check_whole
from lopsided.losses.formula import GAMMA_NEG, GAMMA_POS, MARGIN
from lopsided.losses.kernels import loss_and_gap
from lopsided.losses.kernels.call import Call

TARGET_GAP, RATE, MOMENTUM, SEPARATION, GROWTH, BOUNDS = 0.1, 0.7, 0.7, 1.0, 1.0, (0.0, 20.0)
"""The rule where nothing else is said; :class:`AdaptiveAsymmetricLoss` says what each is."""


_NEW = ("separation", "growth", "full_margin_at", "steps")
"""What states of some earlier version lack."""


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
    separation: Focus = SEPARATION,
    lowest: float = BOUNDS[0],
    highest: float = BOUNDS[1],
) -> AdaptiveState:
    r"""One step of eq. 9, with its sign turned, weighed by the separation; both are averaged over recent batches.

    .. math:: \gamma_- \leftarrow \gamma_- + \lambda s^k (\Delta p_{target} - \Delta p), \quad
        s = \max(0, p_t^+ + p_t^- - 1)

    Args:
        state: State so far.
        sums: :func:`lopsided.asymmetry.gap_sums` of the batch, over all ranks.
        target_gap: Gap to reach, in [-1, 1], a number or a tensor of the shape of gamma_neg.
        rate: Step size lambda, in units of gamma_neg per unit of gap and step; negative for the rule as printed;
            likewise.
        momentum: Share of the running average that stays at each step, in [0, 1); likewise.
        separation: Power k of the separation s, >= 0, likewise; 0 gives eq. 9 with its sign turned and nothing else.
        lowest: Lower bound of gamma_neg.
        highest: Upper bound of gamma_neg.

    Returns: The next state; gamma_neg stays where the batch has no positives or no negatives, or is not finite.

    >>> update(init(), torch.tensor([0.5, 1.0, 4.0, 5.0]), rate=1.0, separation=1.0).gamma_neg
    tensor(2.1200)

    Source: Ridnik et al., ICCV 2021, eq. 9.
    """
    averaged = momentum * state.sums + (1 - momentum) * sums.to(state.sums)
    p_pos, p_neg, gap = gap_of(averaged)
    told_apart = (p_pos + p_neg - 1).clamp(min=0) ** separation  # 0 ** 0 is 1
    moved = (state.gamma_neg + rate * told_apart * (target_gap - gap)).clamp(lowest, highest)
    counts = (sums[1] > 0) & (sums[3] > 0) & averaged.isfinite().all(dim=0)
    return AdaptiveState(
        torch.where(counts, moved, state.gamma_neg),
        torch.where(counts, averaged, state.sums),
    )


def read(state: AdaptiveState) -> Tensor:
    """The focusing power of negatives to use now, shape () or (labels,)."""
    return state.gamma_neg


def grown(rate: Focus, *, step: Focus, total_steps: int | None, growth: Focus = GROWTH) -> Focus:
    r"""The step size of :func:`update` at a step of the training, ``rate`` in the mean over all of it.

    .. math:: \lambda (1 + g) \min\left(1, \frac{t + 1/2}{T}\right)^g

    Args:
        rate: Mean step size lambda.
        step: Steps t so far, >= 0.
        total_steps: Steps T of the whole training; None where nobody knows, and then all steps are alike.
        growth: Power g, >= 0; 0 makes all steps alike.

    >>> [round(grown(0.7, step=step, total_steps=4).item(), 3) for step in range(4)]
    [0.175, 0.525, 0.875, 1.225]
    """
    if total_steps is None:
        return rate
    share = torch.as_tensor((step + 0.5) / total_steps).clamp(max=1.0)  # at the middle of the step
    return rate * (1 + growth) * share**growth


def narrowed(margin: Focus, *, gamma_neg: Tensor, full_margin_at: Focus = GAMMA_NEG) -> Tensor:
    r"""The margin at a focusing power of negatives: smaller in proportion where that is low.

    .. math:: m \min(1, \gamma_- / \gamma_{full})

    Args:
        margin: Margin m of high focusing powers, in [0, 1).
        gamma_neg: Focusing power of negatives, shape () or (labels,).
        full_margin_at: The lowest focusing power at which the margin is whole; 0 leaves it whole everywhere.

    >>> narrowed(0.2, gamma_neg=torch.tensor([0.0, 0.5, 2.0, 4.0]))
    tensor([0.0000, 0.0500, 0.2000, 0.2000])
    """
    full = torch.as_tensor(full_margin_at, device=gamma_neg.device)
    return margin * torch.where(full > 0, (gamma_neg / full).clamp(max=1.0), 1.0)


class AdaptiveAsymmetricLoss(Loss):
    """Asymmetric loss whose ``gamma_neg`` moves in ``train()`` until the gap is the target, and rests in ``eval()``.

    Each training batch is costed with the present ``gamma_neg``, which then takes one step of :func:`update`. It lives
    in a buffer, so it is saved with the model, and so are ``separation``, ``growth`` and ``full_margin_at``: a state of
    an earlier version, which lacks some, goes on with 0 for these. It never makes the host wait; with several ranks the
    gap is that of all.

    The trainer sets ``total_steps``; it is an attribute as well.

    Args:
        target_gap: Gap between confidence on positives and on negatives to reach, in [-1, 1].
        gamma_neg: Focusing power of negatives to start from, >= 0, within ``bounds``.
        gamma_pos: Focusing power of positives, >= 0.
        margin: Probability below which a negative costs nothing, in [0, 1).
        full_margin_at: Lowest gamma_neg, >= 0, at which the margin is whole; below it the margin shrinks in proportion.
            0 leaves it whole everywhere.
        rate: Step size of eq. 9, in units of gamma_neg per unit of gap and step, in the mean over the training;
            negative gives the printed rule, which runs away.
        momentum: Share of the gap's running average that stays at each step, in [0, 1).
        separation: Power, >= 0, of how far positives and negatives are told apart, which weighs each step; 0 gives
            eq. 9 itself.
        growth: Power, >= 0, of the share of the training that is over, with which steps grow where its length is known;
            0 makes all steps alike.
        total_steps: Calls in ``train()`` of the whole training, >= 1; None where nobody knows.
        bounds: Lowest and highest gamma_neg.
        per_label: Keep one gamma_neg for each label.
        num_labels: Number of labels, with ``per_label`` and only with it.
        detach_focus: Take the focusing power as a constant in the gradient.
        reduction: ``"none"``, ``"mean"``, ``"sum"`` or ``"batchmean"``.

    >>> criterion = AdaptiveAsymmetricLoss(target_gap=0.1, separation=0.0)
    >>> _ = criterion(torch.zeros(2, 3), torch.tensor([[1, 0, 0], [0, 0, 0]]))
    >>> criterion.gamma_neg
    tensor(2.0700)

    Source: Ridnik et al., ICCV 2021, eq. 9.
    """

    gamma_pos: Focus
    margin: Focus
    gamma_neg: Tensor
    gap_sums: Tensor
    steps: Tensor  # calls in train() so far, shape ()
    separation: Tensor
    growth: Tensor
    full_margin_at: Tensor

    def __init__(
        self,
        *,
        target_gap: float = TARGET_GAP,
        gamma_neg: float = GAMMA_NEG,
        gamma_pos: Focus = GAMMA_POS,
        margin: Focus = MARGIN,
        full_margin_at: float = GAMMA_NEG,
        rate: float = RATE,
        momentum: float = MOMENTUM,
        separation: float = SEPARATION,
        growth: float = GROWTH,
        total_steps: int | None = None,
        bounds: tuple[float, float] = BOUNDS,
        per_label: bool = False,
        num_labels: int | None = None,
        detach_focus: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        _check_bounds(bounds)
        if not bounds[0] <= check_number("gamma_neg", gamma_neg) <= bounds[1]:
            raise ValueError(f"expected gamma_neg to lie within bounds {bounds}, got {gamma_neg}")
        if per_label != (num_labels is not None):
            raise ValueError(
                f"expected per_label and num_labels together, got per_label={per_label}, num_labels={num_labels}"
            )
        if num_labels is not None:
            num_labels = check_whole("num_labels", num_labels, at_least=1)
        self.keep("gamma_pos", gamma_pos)
        self.keep("margin", margin, below=1.0)
        self.total_steps = total_steps
        self.target_gap = check_number("target_gap", target_gap, at_least=-1.0, at_most=1.0)
        self.rate = check_number("rate", rate)
        self.momentum = check_number("momentum", momentum, at_least=0.0, below=1.0)
        self.bounds, self.per_label, self.num_labels, self.detach_focus = bounds, per_label, num_labels, detach_focus
        state = init(gamma_neg=gamma_neg, num_labels=num_labels)
        self.keep("gamma_neg", state.gamma_neg, persistent=True)
        self.register_buffer("gap_sums", state.sums)
        self.register_buffer("steps", torch.zeros(()))
        for name, value in (("separation", separation), ("growth", growth), ("full_margin_at", full_margin_at)):
            self.keep(name, torch.full((), check_number(name, value, at_least=0.0)), persistent=True)

    @property
    def total_steps(self) -> int | None:
        """Calls in ``train()`` of the whole training; None where nobody knows."""
        return self._total_steps

    @total_steps.setter
    def total_steps(self, total_steps: int | None) -> None:
        self._total_steps = None if total_steps is None else check_whole("total_steps", total_steps, at_least=1)

    @property
    def present_margin(self) -> Tensor:
        """The margin at the present gamma_neg, shape () or (labels,)."""
        return narrowed(self.margin, gamma_neg=self.gamma_neg, full_margin_at=self.full_margin_at)

    @property
    def present_rate(self) -> Focus:
        """The size of the next step."""
        return grown(self.rate, step=self.steps, total_steps=self.total_steps, growth=self.growth)

    def forward(
        self, logits: Tensor, targets: Tensor, *, mask: Tensor | None = None, weight: Tensor | None = None
    ) -> Tensor:
        """Loss of a batch; see :func:`lopsided.losses.asymmetric_loss`."""
        check_inputs(logits, targets, mask=mask, weight=weight)
        settings = checked_settings(logits, self.gamma_pos, self.gamma_neg, self.present_margin, self.detach_focus)
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
        before = {name: getattr(self, name) for name in (*_NEW, "gamma_neg", "gap_sums")}
        super()._apply(fn, recurse)
        if self.gamma_neg.dtype in (torch.float16, torch.bfloat16):
            device = self.gamma_neg.device
            for name, value in before.items():
                setattr(self, name, value.to(device))
        return self

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: Any, **kwargs: Any) -> None:
        """Take the state of an earlier version too, whose steps were alike, or whose margin was the same throughout."""
        for name in _NEW if f"{prefix}gamma_neg" in state_dict else ():
            state_dict.setdefault(f"{prefix}{name}", torch.zeros_like(getattr(self, name)))
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)

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
            rate=self.present_rate,
            momentum=self.momentum,
            separation=self.separation,
            lowest=self.bounds[0],
            highest=self.bounds[1],
        )
        # New tensors: one written in place would be read again, changed, by the backward pass of a compiled graph.
        self.gamma_neg, self.gap_sums, self.steps = state.gamma_neg, state.sums, self.steps + 1


def _check_bounds(bounds: tuple[float, float]) -> None:
    if not isinstance(bounds, (tuple, list)) or len(bounds) != 2:
        raise ValueError(f"expected bounds to be the lowest and the highest gamma_neg, got {bounds!r}")
    lowest = check_number("the lower one of bounds", bounds[0], at_least=0.0)
    check_number("the higher one of bounds", bounds[1], at_least=lowest)
