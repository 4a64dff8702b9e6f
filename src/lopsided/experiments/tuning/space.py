"""What a search may choose among: settings of losses, learning rates and weight decays, and where it begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lopsided.losses.catalogue import CATALOGUE
from lopsided.runs.loss.options import LossOptions

LOSSES = ("cross_entropy", "asymmetric", "adaptive", "two_way")
"""Losses of a search where no others are asked for: each was the best of some data in the evidence."""

Range = tuple[float, float, float]
"""Lowest value, highest value, and the step between two of them."""

SETTINGS: dict[str, dict[str, Range]] = {
    "cross_entropy": {},
    "focal": {"gamma": (0, 4, 0.5)},
    "asymmetric": {"gamma_neg": (0, 8, 0.5), "margin": (0, 0.5, 0.05)},
    "adaptive": {"target_gap": (0, 0.3, 0.05), "margin": (0, 0.5, 0.05)},
    "hill": {"gamma": (0, 4, 0.5), "logit_margin": (0, 2, 0.25)},
    "splc": {"gamma": (0, 4, 0.5), "logit_margin": (0, 2, 0.25), "threshold": (0.4, 0.9, 0.05)},
    "polynomial": {"gamma_neg": (0, 8, 0.5), "margin": (0, 0.5, 0.05), "quadratic_pos": (0, 4, 0.5)},
    "zlpr": {},
    "two_way": {"temperature_pos": (0.5, 8, 0.5), "temperature_neg": (0.5, 4, 0.5)},
    "distribution_balanced": {"gamma": (0, 4, 0.5), "tolerance": (1, 4, 0.5)},
    "partial": {"gamma_neg": (0, 8, 0.5), "margin": (0, 0.5, 0.05)},
    "robust": {"gamma_neg": (0, 8, 0.5), "margin": (0, 0.5, 0.05), "quadratic_pos": (0, 4, 0.5)},
    "weighted": {"power": (0, 1, 0.1), "cap": (1, 101, 5)},
    "logit_adjusted": {"strength": (0, 1, 0.1)},
    "class_balanced": {"beta": (0.9, 0.999, 0.003)},
}
"""Of each loss the settings that are searched; the others keep their defaults."""


Beginning = tuple[str, dict[str, float] | None, float, bool]
"""Loss, its settings (None: the defaults), share of the usual learning rate, and whether decay is heavy."""

_ON_FEATURES: tuple[Beginning, ...] = (
    ("cross_entropy", {}, 1, True),
    ("asymmetric", None, 1 / 4, False),
    ("asymmetric", {"gamma_neg": 1.0, "margin": 0.0}, 1, True),
    ("adaptive", None, 1 / 4, False),
    ("asymmetric", {"gamma_neg": 0.0, "margin": 0.4}, 1 / 4, False),  # bibtex
    ("two_way", None, 1 / 4, False),  # frozen features of drawings
    ("asymmetric", {"gamma_neg": 8.0, "margin": 0.0}, 1 / 4, False),  # corel5k
    ("cross_entropy", {}, 1, False),
)
_ON_WORDS: tuple[Beginning, ...] = (  # debtags, where one rate suits all
    ("asymmetric", None, 1, False),
    ("cross_entropy", {}, 1, True),
    ("adaptive", None, 1, False),
    ("asymmetric", {"gamma_neg": 0.0, "margin": 0.2}, 1, False),
    ("two_way", None, 1, False),
    ("asymmetric", {"gamma_neg": 1.0, "margin": 0.0}, 1, False),
)


@dataclass(frozen=True)
class Usual:
    """What suits a kind of network, as far as the evidence goes.

    Args:
        rates: Lowest and highest learning rate that is tried.
        decays: Lowest and highest weight decay that is tried.
        rate: Learning rate at which cross-entropy begins.
        light: Weight decay that hardly matters.
        heavy: Weight decay with which cross-entropy was best.
        first: Where a search begins; what was best most often comes first. All other losses begin at a share of the
            rate as small as the smallest there.
    """

    rates: tuple[float, float]
    decays: tuple[float, float]
    rate: float
    light: float
    heavy: float
    first: tuple[Beginning, ...] = _ON_FEATURES


_USUAL = {
    "linear": Usual((0.002, 0.512), (1e-4, 3.0), rate=0.128, light=1e-3, heavy=1.0),
    "mlp": Usual((5e-4, 0.128), (1e-4, 3.0), rate=0.016, light=1e-3, heavy=1.0),
    "sparse": Usual((2.5e-4, 0.032), (1e-6, 0.1), rate=4e-3, light=1e-4, heavy=1e-2, first=_ON_WORDS),
    "head": Usual((5e-4, 0.128), (1e-4, 3.0), rate=0.016, light=1e-3, heavy=0.3),
    "network": Usual((6e-5, 0.016), (1e-5, 0.5), rate=4e-3, light=1e-4, heavy=0.05),
}


def usual_of(network: str, *, inputs: str) -> Usual:
    """What suits a network.

    Args:
        network: Its name, such as ``linear``; ``head`` for one on frozen features, whose scale is the backbone's.
        inputs: Kind of its inputs, such as ``features`` or ``sparse``.
    """
    return _USUAL["sparse" if inputs == "sparse" else network if network in _USUAL else "network"]


@dataclass(frozen=True)
class Candidate:
    """One configuration of a search.

    Args:
        loss: The loss with its settings.
        learning_rate: Highest of its cycle.
        weight_decay: True weight decay.
        epochs: Passes over the training split.
    """

    loss: LossOptions
    learning_rate: float
    weight_decay: float
    epochs: int

    @property
    def params(self) -> dict[str, Any]:
        """The values by the names that they have in a study."""
        return {
            "loss": self.loss.name,
            **{f"{self.loss.name}.{name}": value for name, value in self.loss.given().items()},
            "learning_rate": self.learning_rate,
            "weight_decay": self.weight_decay,
            "epochs": self.epochs,
        }


def candidate_of(params: Mapping[str, Any]) -> Candidate:
    """The configuration that values of a study stand for, to three digits."""
    name = params["loss"]
    settings = {
        key.partition(".")[2]: _digits(value) for key, value in params.items() if key.partition(".")[0] == name != key
    }
    return Candidate(
        LossOptions(name=name, **settings),
        _digits(params["learning_rate"]),
        _digits(params["weight_decay"]),
        int(params["epochs"]),
    )


def first_candidates(
    losses: tuple[str, ...], usual: Usual, *, epochs: int, rates: tuple[float, float], decays: tuple[float, float]
) -> list[Candidate]:
    """Where a search begins: what the evidence found best somewhere, and the defaults of every other loss.

    Args:
        losses: Names of the losses of the search.
        usual: What suits the network.
        epochs: Passes over the training split.
        rates: Lowest and highest learning rate; what lies outside is brought to the nearer end.
        decays: Likewise of weight decay.
    """
    others = [name for name in losses if name not in {name for name, *_ in usual.first}]
    smallest = min(share for _, _, share, _ in usual.first)
    return [
        Candidate(
            LossOptions(name=name, **(_defaults(name) if settings is None else settings)),
            _within(rates, usual.rate * share),
            _within(decays, usual.heavy if is_heavy else usual.light),
            epochs,
        )
        for name, settings, share, is_heavy in (*usual.first, *((name, None, smallest, False) for name in others))
        if name in losses
    ]


def _defaults(name: str) -> dict[str, float]:
    """The defaults of a loss, brought to the nearest values that are searched."""
    found = {}
    for setting, (low, high, step) in SETTINGS[name].items():
        default = float(CATALOGUE[name].parameters[setting].default)
        found[setting] = _digits(low + step * round((min(max(default, low), high) - low) / step))
    return found


def _within(bounds: tuple[float, float], value: float) -> float:
    return _digits(min(max(value, bounds[0]), bounds[1]))


def _digits(value: float) -> float:
    return float(f"{value:.3g}")
