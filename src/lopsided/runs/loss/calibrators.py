"""From a run's logits to probabilities: the bias of its loss undone, and where asked for, fitted to validation data."""

from __future__ import annotations

import copy
from typing import Any, Literal, TypeAlias, TypeVar

import torch
from torch import Tensor, nn

from lopsided.asymmetry import AdaptiveAsymmetricLoss
from lopsided.losses.catalogue import CATALOGUE
from lopsided.losses.checks import Focus
from lopsided.losses.elements import both_sides
from lopsided.losses.recalibration import recalibrated_sides
from lopsided.runs.loss.criterion import build_criterion
from lopsided.runs.loss.options import LossOptions

Method = Literal["temperature", "platt", "isotonic"]

M = TypeVar("M", bound=nn.Module)

CLOSED_FORM = "closed form"
"""The method of a run whose loss has a known bias, which is undone without data."""

KEPT = 1e-6
"""Share of the sigmoid in every probability: where a calibration makes scores equal, as below a margin, their order
stays, at the cost of a difference that nobody sees."""


class ClosedForm(nn.Module):
    """The true probability behind a logit of a well-fitted network, from the settings of its loss alone.

    Args:
        gamma_pos: Focusing power of positives, a number or a tensor of shape ``(labels,)``.
        gamma_neg: Focusing power of negatives, likewise; of an adaptive loss, the one of the saved weights.
        margin: Margin, likewise.
        detach_focus: Whether the focusing power was a constant in the gradient.
        shift: What to add to logits first, shape ``(labels,)``; None for nothing.

    >>> ClosedForm(0.0, 2.0, 0.2, False)(torch.tensor([[0.0, 2.0]]))
    tensor([[0.1462, 0.7259]])
    """

    gamma_neg: Focus
    margin: Focus
    shift: Tensor | None

    def __init__(
        self, gamma_pos: Focus, gamma_neg: Focus, margin: Focus, detach_focus: bool, *, shift: Tensor | None = None
    ) -> None:
        super().__init__()
        self.register_buffer("shift", shift, persistent=False)
        self.gamma_pos, self.detach_focus = gamma_pos, detach_focus
        for name, value in (("gamma_neg", gamma_neg), ("margin", margin)):
            if isinstance(value, Tensor) and value.dim():
                self.register_buffer(name, value.detach().clone(), persistent=False)
            else:
                setattr(self, name, float(value))

    def forward(self, logits: Tensor) -> Tensor:
        """Probabilities, shape of ``logits``; they rise with the logit."""
        return in_order(self._sides(logits)[0], logits)

    def log_odds(self, logits: Tensor) -> Tensor:
        """Logits of these probabilities, finite and apart from one another also where those round to 0 or 1."""
        logits = logits.float()
        sides = zip(self._sides(logits), both_sides(logits), strict=True)
        one, other = (torch.log(_mixed(side, kept).clamp(min=1e-37)) for side, kept in sides)
        return one - other

    def _sides(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        return recalibrated_sides(
            logits if self.shift is None else logits + self.shift,
            gamma_pos=self.gamma_pos,
            gamma_neg=self.gamma_neg,
            margin=self.margin,
            detach_focus=self.detach_focus,
        )


class Temperature(nn.Module):
    """The log-odds of the closed form, divided by one number: a network that is too sure of itself is made less so."""

    def __init__(self, closed: ClosedForm, temperature: float) -> None:
        super().__init__()
        self.closed, self.temperature = closed, temperature

    def forward(self, logits: Tensor) -> Tensor:
        """Probabilities, shape of ``logits``; they rise with the logit."""
        return in_order(both_sides(self.closed.log_odds(logits) / self.temperature)[0], logits)


class Platt(nn.Module):
    """The sigmoid of each label's logit, scaled and shifted.

    Args:
        scale: Above 0, shape ``(labels,)``.
        shift: Shape ``(labels,)``.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, scale: Tensor, shift: Tensor) -> None:
        super().__init__()
        self.register_buffer("scale", scale, persistent=False)
        self.register_buffer("shift", shift, persistent=False)

    def forward(self, logits: Tensor) -> Tensor:
        """Probabilities, shape of ``logits``; they rise with the logit."""
        return in_order(both_sides(logits.float() * self.scale + self.shift)[0], logits)


class Isotonic(nn.Module):
    """A rising line through knots, for each label, level before the first and after the last.

    Args:
        logits: Of the knots, rising, shape ``(labels, knots)``; a label with fewer knots repeats its last.
        probabilities: At the knots, rising, of the same shape.
    """

    logits: Tensor
    rises: Tensor
    lowest: Tensor

    def __init__(self, logits: Tensor, probabilities: Tensor) -> None:
        super().__init__()
        self.register_buffer("logits", logits, persistent=False)
        self.register_buffer("rises", probabilities.diff(dim=1), persistent=False)
        self.register_buffer("lowest", probabilities[:, 0].clone(), persistent=False)

    def forward(self, logits: Tensor) -> Tensor:
        """Probabilities, shape of ``logits``; they rise with the logit."""
        widths = self.logits.diff(dim=1).clamp(min=1e-12)
        passed = ((logits.float().unsqueeze(-1) - self.logits[:, :-1]) / widths).clamp(0, 1)  # of each piece
        return in_order((self.lowest + (passed * self.rises).sum(dim=-1)).clamp(0, 1), logits)


Calibrator: TypeAlias = ClosedForm | Temperature | Platt | Isotonic


def for_labels(calibrator: M, part: slice) -> M:
    """A calibrator for logits of some neighbouring labels alone."""
    found = copy.copy(calibrator)
    vars(found)["_buffers"] = {
        name: value if value is None or not value.dim() else value[part] for name, value in calibrator._buffers.items()
    }
    vars(found)["_modules"] = {name: for_labels(child, part) for name, child in calibrator.named_children()}
    return found


def in_order(probabilities: Tensor, logits: Tensor) -> Tensor:
    """Probabilities with one millionth of the sigmoid, which keeps different scores apart as far as float32 can."""
    return _mixed(probabilities, both_sides(logits.to(probabilities.dtype))[0])


def _mixed(probabilities: Tensor, kept: Tensor) -> Tensor:
    return probabilities + KEPT * (kept - probabilities)


def closed_form(options: LossOptions, weights: dict[str, Tensor], *, num_labels: int) -> ClosedForm:
    """What undoes the bias of a run's loss; nothing is known, and nothing undone, outside the asymmetric family.

    Args:
        options: The loss that it was trained with.
        weights: Of its checkpoint; an adaptive loss keeps among them its gamma_neg, and from which one on its margin is
            whole.
        num_labels: Number of labels.

    Raises:
        ValueError: The checkpoint lacks what its loss keeps.
    """
    entry = CATALOGUE[options.name]
    if entry.recalibration == "shift":
        shift = weights.get("criterion.shift")
        if shift is None or shift.shape != (num_labels,):
            raise ValueError(f"expected the checkpoint to hold the shift of loss.name={options.name}, got none")
        return ClosedForm(0.0, 0.0, 0.0, False, shift=shift.float())
    if not entry.in_family:
        return ClosedForm(0.0, 0.0, 0.0, False)
    criterion: Any = build_criterion(options, num_labels=num_labels)
    if isinstance(criterion, AdaptiveAsymmetricLoss):
        state = weights.get("criterion.gamma_neg")
        if state is None or state.shape != criterion.gamma_neg.shape:
            raise ValueError(
                "expected the checkpoint to hold the gamma_neg that the adaptive loss ended with, got none"
            )
        criterion.gamma_neg = state.float()
        # Before there was such a thing, the margin was whole throughout.
        criterion.full_margin_at = weights.get("criterion.full_margin_at", torch.zeros(())).float()
    return ClosedForm(criterion.gamma_pos, criterion.gamma_neg, criterion.present_margin, criterion.detach_focus)


def without_fit(options: LossOptions) -> str:
    """What makes probabilities of the logits of a run for which no calibration was fitted.

    >>> without_fit(LossOptions(name="asymmetric")), without_fit(LossOptions(name="hill"))
    ('closed form', 'sigmoid, nothing undone')
    """
    entry = CATALOGUE[options.name]
    if entry.recalibration is None:
        return "sigmoid, nothing undone"  # what biases these losses have is not known in closed form
    # Cross-entropy has neither focus nor margin.
    return CLOSED_FORM if entry.settings and entry.recalibration != "sigmoid" else "sigmoid, nothing to undo"


def method_of(calibrator: Calibrator, options: LossOptions) -> str:
    """The name of what makes probabilities of a run's logits, fitted or not."""
    return without_fit(options) if isinstance(calibrator, ClosedForm) else type(calibrator).__name__.lower()


def from_fit(closed: ClosedForm, fit: dict[str, Any], *, num_labels: int) -> Calibrator:
    """What ``calibrate`` fitted, from the content of calibration.json.

    Raises:
        KeyError, TypeError, ValueError: It is no such content, or not of so many labels.
    """
    match fit["method"]:
        case "temperature":
            return Temperature(closed, float(fit["temperature"]))
        case "platt":
            return Platt(*(_numbers(fit[name], num_labels) for name in ("scale", "shift")))
        case "isotonic":
            knots = fit["knots"]
            if [*map(len, knots["logits"])] != [*map(len, knots["probabilities"])]:
                raise ValueError("expected the knots to have as many probabilities as logits, got others")
            return Isotonic(*(_padded(knots[name], num_labels) for name in ("logits", "probabilities")))
        case other:
            raise ValueError(f"expected the method to be temperature, platt or isotonic, got {other!r:.40}")


def _numbers(values: Any, num_labels: int) -> Tensor:
    found = torch.tensor(values, dtype=torch.float32)
    if not found.dim() or len(found) != num_labels or not found.isfinite().all():
        raise ValueError(f"expected finite numbers for {num_labels} labels, got a shape of {tuple(found.shape)}")
    return found


def _padded(rows: list[list[float]], num_labels: int) -> Tensor:
    longest = max(map(len, rows))
    return _numbers([row + row[-1:] * (longest - len(row)) for row in rows], num_labels)
