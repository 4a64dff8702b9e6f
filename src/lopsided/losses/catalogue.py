"""The losses that a run can be trained with: what each is called, what it takes, and what it needs to know.

To add a loss, write its module in ``comparisons/`` and one entry here. The options of the command line with their help,
the titles and symbols of reports, the colours, the sweep over losses and the way back to probabilities follow from it.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from lopsided.losses.declared import Setting, declared

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Training:
    """What is known of the training split.

    Args:
        num_labels: Number of labels.
        positives: Samples that have each label, or None where nobody counted.
        num_samples: Samples, likewise.
        known: Samples of which each label is known, or None where it is known of all.
        given: Settings that the user gave, by name.
    """

    num_labels: int
    positives: Sequence[int] | None = None
    num_samples: int | None = None
    known: Sequence[int] | None = None
    given: Mapping[str, Any] = field(default_factory=dict)


def _nothing(_: Training) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Entry:
    """What the rest of the program knows of a loss.

    Args:
        name: What ``--loss.name`` calls it.
        title: What reports call it.
        place: Its module, ``package.file:Class``; found when it is needed, since one of them stands above this package.
        settings: What a user may set, by the name of the constructor's argument: the symbol that reports write before
            the value (empty: they leave it out), or, of a switch, the words that they add where it is on.
        fixed: Other arguments of the constructor.
        needs: Arguments of the constructor that come from the training split; raises LookupError with what is missing.
        recalibration: How logits of a well-fitted network become probabilities: ``family`` of gamma_pos, gamma_neg and
            margin (eq. 5), ``shift`` by what its module keeps under that name, ``sigmoid``, or None where nobody knows.
        takes_soft: Whether targets may lie between 0 and 1.
        takes_weights: Whether it is a sum over elements, each of which may weigh more or less.
        measures_gap: Whether it steers by the gap of each batch, which must then be told who is a positive.
    """

    name: str
    title: str
    place: str
    settings: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=lambda: {"reduction": "batchmean"})
    needs: Callable[[Training], dict[str, Any]] = _nothing
    recalibration: Literal["family", "shift", "sigmoid"] | None = None
    takes_soft: bool = True
    takes_weights: bool = True
    measures_gap: bool = False

    @property
    def in_family(self) -> bool:
        """Whether gamma_pos, gamma_neg and margin make it: then it has curves, and many runs can be trained as one."""
        return self.recalibration == "family"

    @property
    def module(self) -> type[nn.Module]:
        """The class of the loss."""
        path, _, name = self.place.partition(":")
        return vars(importlib.import_module(path))[name]

    @property
    def doc(self) -> str:
        """The docstring of the class."""
        return declared(self.place).doc

    @property
    def parameters(self) -> dict[str, Setting]:
        """The settings as the constructor declares them, with their defaults, in the order of ``settings``."""
        found = declared(self.place).settings
        return {name: found[name] for name in self.settings}

    def build(self, given: Mapping[str, Any], training: Training) -> nn.Module:
        """The loss.

        Args:
            given: Settings by name; those left out take the constructor's defaults.
            training: What is known of the training split.

        Raises:
            ValueError: A setting is out of range, or the loss needs a count that is not known.
        """
        try:
            needed = self.needs(dataclasses.replace(training, given=given))
        except LookupError as error:
            raise ValueError(f"expected {error.args[0]} for loss.name={self.name}, got none") from None
        return self.module(**self.fixed, **needed, **given)


def _samples(training: Training) -> int:
    if training.num_samples is None:
        raise LookupError("the number of training samples")
    return training.num_samples


def _labels_if_per_label(training: Training) -> dict[str, Any]:
    return {"num_labels": training.num_labels} if training.given.get("per_label") else {}


def _epoch_samples(training: Training) -> dict[str, Any]:
    return {"epoch_samples": _samples(training)}


def _positives(training: Training) -> dict[str, Any]:
    if training.positives is None:
        raise LookupError("the number of positives of each label")
    return {"positives": training.positives}


def _frequencies(training: Training) -> dict[str, Any]:
    """Laplace's rule: a label that none or all of the samples have is neither impossible nor certain. Of samples of
    which it is unknown, it says nothing."""
    positives, samples = _positives(training)["positives"], _samples(training)
    known = training.known or [samples] * training.num_labels
    return {"frequencies": [(count + 1) / (of + 2) for count, of in zip(positives, known, strict=True)]}


def _frequencies_if_class_aware(training: Training) -> dict[str, Any]:
    return {} if training.given.get("frequency_threshold") is None else _frequencies(training)


_FAMILY = {"gamma_pos": "γ+", "gamma_neg": "γ−", "margin": "m", "detach_focus": "focus detached"}

_ENTRIES = (
    Entry(
        "cross_entropy",
        "cross-entropy",
        "lopsided.losses.cross_entropy:FocalLoss",
        fixed={"gamma": 0.0, "reduction": "batchmean"},
        recalibration="family",
    ),
    Entry(
        "focal",
        "focal",
        "lopsided.losses.cross_entropy:FocalLoss",
        {"gamma": "γ", "detach_focus": "focus detached"},
        recalibration="family",
    ),
    Entry("asymmetric", "asymmetric", "lopsided.losses.asymmetric:AsymmetricLoss", _FAMILY, recalibration="family"),
    Entry(
        "adaptive",
        "adaptive",
        "lopsided.asymmetry.adaptive:AdaptiveAsymmetricLoss",
        {
            **_FAMILY,
            "target_gap": "target",
            "rate": "λ",
            "momentum": "",
            "separation": "k",
            "growth": "",
            "full_margin_at": "",
            "per_label": "one γ− per label",
        },
        needs=_labels_if_per_label,
        recalibration="family",
        measures_gap=True,
    ),
    Entry(
        "hill",
        "Hill",
        "lopsided.losses.comparisons.hill:HillLoss",
        {"gamma": "γ", "offset": "λ", "logit_margin": "m of logits"},
    ),
    Entry(
        "splc",
        "SPLC",
        "lopsided.losses.comparisons.splc:SPLCLoss",
        {"gamma": "γ", "logit_margin": "m of logits", "threshold": "τ", "start": "start"},
        needs=_epoch_samples,
    ),
    Entry(
        "polynomial",
        "asymmetric polynomial",
        "lopsided.losses.comparisons.polynomial:AsymmetricPolynomialLoss",
        {**_FAMILY, "linear_pos": "a", "quadratic_pos": "b", "linear_neg": "c"},
    ),
    Entry("zlpr", "ZLPR", "lopsided.losses.comparisons.zlpr:ZLPRLoss", takes_weights=False),
    Entry(
        "two_way",
        "two-way",
        "lopsided.losses.comparisons.two_way:TwoWayLoss",
        {"temperature_pos": "T+", "temperature_neg": "T−"},
        fixed={"reduction": "mean"},
        takes_soft=False,
        takes_weights=False,
    ),
    Entry(
        "distribution_balanced",
        "distribution-balanced",
        "lopsided.losses.comparisons.distribution_balanced:DistributionBalancedLoss",
        {"gamma": "γ", "floor": "α", "steepness": "β", "centre": "μ", "tolerance": "λ", "bias": "κ"},
        needs=_frequencies,
    ),
    Entry(
        "partial",
        "P-ASL",
        "lopsided.losses.comparisons.partial:PartialAsymmetricLoss",
        {
            **_FAMILY,
            "gamma_unknown": "γ unknown",
            "unknown": "unknown",
            "top_k": "top k",
            "frequency_threshold": "frequent from",
        },
        needs=_frequencies_if_class_aware,
    ),
    Entry(
        "robust",
        "robust asymmetric",
        "lopsided.losses.comparisons.robust:RobustAsymmetricLoss",
        {name: symbol for name, symbol in _FAMILY.items() if name != "detach_focus"}
        | {"offset": "λ", "linear_pos": "a", "quadratic_pos": "b"},
    ),
    Entry(
        "weighted",
        "weighted cross-entropy",
        "lopsided.losses.comparisons.weighted:WeightedCrossEntropyLoss",
        {"power": "κ", "cap": "W", "pos_weight": "w"},
        needs=_frequencies,
        recalibration="shift",
    ),
    Entry(
        "logit_adjusted",
        "logit-adjusted",
        "lopsided.losses.comparisons.logit_adjusted:LogitAdjustedLoss",
        {"strength": "τ"},
        needs=_frequencies,
        recalibration="shift",
    ),
    Entry(
        "class_balanced",
        "class-balanced",
        "lopsided.losses.comparisons.class_balanced:ClassBalancedLoss",
        {"beta": "β"},
        needs=_positives,
        recalibration="sigmoid",
    ),
)

CATALOGUE: dict[str, Entry] = {entry.name: entry for entry in _ENTRIES}
"""Every loss by its name, cross-entropy first, losses to compare with last."""

OTHER_NAMES = {"asl": "asymmetric", "bce": "cross_entropy"}
"""What other libraries call them."""
