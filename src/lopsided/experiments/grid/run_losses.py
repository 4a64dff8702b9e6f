"""The losses of many runs on their stacked logits: one call for all members of the asymmetric family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lopsided.asymmetry import AdaptiveAsymmetricLoss, adaptive, gap_sums
from lopsided.losses import asymmetric_loss
from lopsided.losses.catalogue import CATALOGUE
from lopsided.runs.loss.criterion import build_criterion, gamma_neg_of
from lopsided.runs.loss.options import LossOptions


def sums_of_runs(logits: Tensor, targets: Tensor, *, mask: Tensor | None) -> Tensor:
    """What eq. 7 needs of each run, ``(4, runs)``, from logits and targets of shape ``(runs, samples, labels)``."""

    def of_run(logits: Tensor, targets: Tensor, mask: Tensor | None) -> Tensor:
        return gap_sums(logits, targets, mask=mask)

    return torch.vmap(of_run, in_dims=(0, 0, None if mask is None else 0), out_dims=1)(logits, targets, mask)


class RunLosses:
    """Costs the stacked logits of runs, each with its own loss, and moves the adaptive ones.

    Cross-entropy, focal, asymmetric and adaptive loss are one call with a gamma_pos, gamma_neg and margin for each run;
    any other loss, and the adaptive one with a gamma_neg for each label, is called run by run.

    Args:
        losses: One for each run.
        num_labels: Size of the logits' last dimension.
        device: Where the logits are.
        positives: Samples of the training split that have each label.
        num_samples: Samples of the training split.
        known: Of these, those of which each label is known.
        total_steps: Batches of the whole training.
    """

    def __init__(
        self,
        losses: Sequence[LossOptions],
        *,
        num_labels: int,
        device: torch.device,
        positives: Sequence[int] | None = None,
        num_samples: int | None = None,
        known: Sequence[int] | None = None,
        total_steps: int | None = None,
    ) -> None:
        counts = {"positives": positives, "num_samples": num_samples, "known": known}
        criteria: list[Any] = [build_criterion(loss, num_labels=num_labels, **counts).to(device) for loss in losses]
        for criterion in criteria:
            if isinstance(criterion, AdaptiveAsymmetricLoss):
                criterion.total_steps = total_steps
        self.device = device
        self.alone = {run: criteria[run] for run, loss in enumerate(losses) if not _in_family(loss)}
        shared = [run for run in range(len(criteria)) if run not in self.alone]
        self.families = [
            _Family([run for run in shared if bool(criteria[run].detach_focus) == detach], criteria, detach, device)
            for detach in sorted({bool(criteria[run].detach_focus) for run in shared})
        ]

    def __call__(self, logits: Tensor, targets: Tensor, *, mask: Tensor | None = None) -> Tensor:
        """Sum over the runs of the loss, which is summed over labels and averaged over samples.

        Args:
            logits: Shape ``(runs, samples, labels)``.
            targets: 0 or 1, the same shape.
            mask: True where the label is known, the same shape.
        """
        total = logits.new_zeros(())
        for family in self.families:
            total = total + family.cost(logits, targets, mask)
        for run, criterion in self.alone.items():
            total = total + criterion(logits[run], targets[run], mask=None if mask is None else mask[run])
        return total

    def gamma_neg(self, num_runs: int) -> Tensor:
        """The present focusing power of negatives of each run, shape ``(runs,)``."""
        values = torch.full((num_runs,), torch.nan, device=self.device)
        for family in self.families:
            values[family.runs] = family.gamma_neg.flatten()
        for run, criterion in self.alone.items():
            values[run] = gamma_neg_of(criterion, device=self.device)
        return values

    def kept_state(self, run: int) -> dict[str, Tensor]:
        """What a checkpoint of a run would hold of its loss, such as the present gamma_neg, scalar or of each label."""
        if run not in self.alone:
            (family,) = (family for family in self.families if (family.runs == run).any())
            place = (family.runs == run).nonzero().flatten()
            kept = {"gamma_neg": family.gamma_neg[place]}
            if (part := family.adaptive) is not None and (part.places == place).any():
                kept["full_margin_at"] = part.full_margin_at[part.places == place]
            return {f"criterion.{name}": value.flatten()[0].cpu() for name, value in kept.items()}
        kept = self.alone[run].state_dict(prefix="criterion.")
        return {name: value.detach().cpu().clone() for name, value in kept.items()}


class _Family:
    """Runs whose losses differ in numbers only."""

    def __init__(self, runs: Sequence[int], criteria: Sequence[Any], detach_focus: bool, device: torch.device) -> None:
        def of_each(values: Sequence[float]) -> Tensor:
            return torch.tensor(values, dtype=torch.float32, device=device)[:, None, None]

        numbers = [
            [float(value) for value in (c.gamma_pos, c.gamma_neg, c.present_margin)]
            for c in (criteria[i] for i in runs)
        ]
        self.runs = torch.tensor(runs, device=device)
        self.are_all = len(runs) == len(criteria)
        self.gamma_pos, self.gamma_neg, self.margin = (of_each(column) for column in zip(*numbers, strict=True))
        self.detach_focus = detach_focus
        self.adaptive = _adaptive_part([criteria[run] for run in runs], device)

    def cost(self, logits: Tensor, targets: Tensor, mask: Tensor | None) -> Tensor:
        if not self.are_all:
            logits, targets = logits[self.runs], targets[self.runs]
            mask = None if mask is None else mask[self.runs]
        loss = asymmetric_loss(
            logits,
            targets,
            gamma_pos=self.gamma_pos,
            gamma_neg=self.gamma_neg,
            margin=self.margin,
            mask=mask,
            detach_focus=self.detach_focus,
            reduction="sum",
        )
        if self.adaptive is not None:
            self._follow(self.adaptive, logits.detach(), targets, mask)
        return loss / logits.shape[1]

    def _follow(self, part: _AdaptivePart, logits: Tensor, targets: Tensor, mask: Tensor | None) -> None:
        places = part.places
        sums = sums_of_runs(logits[places], targets[places], mask=None if mask is None else mask[places])
        part.state = adaptive.update(
            part.state,
            sums,
            target_gap=part.target_gap,
            rate=adaptive.grown(part.rate, step=part.step, total_steps=part.total_steps, growth=part.growth),
            momentum=part.momentum,
            separation=part.separation,
            lowest=part.bounds[0],
            highest=part.bounds[1],
        )
        part.step += 1
        now = adaptive.read(part.state)
        margin = adaptive.narrowed(part.margin, gamma_neg=now, full_margin_at=part.full_margin_at)
        # The loss has just read what was there: that stays as it was.
        self.gamma_neg, self.margin = self.gamma_neg.clone(), self.margin.clone()
        self.gamma_neg[places], self.margin[places] = now[:, None, None], margin[:, None, None]


@dataclass
class _AdaptivePart:
    places: Tensor  # within the family
    state: adaptive.AdaptiveState
    target_gap: Tensor
    rate: Tensor
    momentum: Tensor
    separation: Tensor
    growth: Tensor
    margin: Tensor  # where it is whole
    full_margin_at: Tensor
    bounds: tuple[float, float]
    total_steps: int | None
    step: int = 0


def _adaptive_part(criteria: Sequence[Any], device: torch.device) -> _AdaptivePart | None:
    found = {place: one for place, one in enumerate(criteria) if isinstance(one, AdaptiveAsymmetricLoss)}
    if not found:
        return None
    rules = list(found.values())
    state = adaptive.AdaptiveState(
        torch.stack([rule.gamma_neg for rule in rules]), torch.stack([rule.gap_sums for rule in rules], dim=1)
    )
    return _AdaptivePart(
        places=torch.tensor(list(found), device=device),
        state=state,
        target_gap=torch.tensor([rule.target_gap for rule in rules], device=device),
        rate=torch.tensor([rule.rate for rule in rules], device=device),
        momentum=torch.tensor([rule.momentum for rule in rules], device=device),
        separation=torch.stack([rule.separation for rule in rules]),
        growth=torch.stack([rule.growth for rule in rules]),
        margin=torch.tensor([float(rule.margin) for rule in rules], device=device),
        full_margin_at=torch.stack([rule.full_margin_at for rule in rules]),
        bounds=rules[0].bounds,  # an option of the module alone: the same for all runs
        total_steps=rules[0].total_steps,
    )


def _in_family(loss: LossOptions) -> bool:
    """Whether three numbers make the loss; one gamma_neg for each label is more than that."""
    return CATALOGUE[loss.name].in_family and not loss.given().get("per_label", False)
