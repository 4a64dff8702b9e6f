"""What a search is: the data, what may be chosen, and the budget."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from lopsided.data.options import DataOptions
from lopsided.experiments.tuning.space import LOSSES, SETTINGS, Candidate
from lopsided.files.errors import did_you_mean
from lopsided.losses.catalogue import OTHER_NAMES
from lopsided.models.options import ModelOptions
from lopsided.runs.config import Config, TrainingOptions

__all__ = ["Search"]

Pruner = Literal["halving", "hyperband", "none"]

TRIALS = 40
"""Of a search that is given no budget."""

_CHOSEN = ("learning_rate", "weight_decay")  # options of training that the search chooses itself
_ONE_PROCESS = ("devices", "machines")


@dataclass(frozen=True)
class Search:
    """A search for the best configuration on some data, judged by validation mAP.

    Args:
        source: The data, as ``lopsided train`` takes it.
        losses: Names of the losses to choose among, of ``lopsided.losses.catalogue``; by default ``LOSSES``.
        trials: Configurations to try, those of all workers together, >= 1; by default 40 if there are no hours either.
        hours: Time after which no trial begins, > 0.
        epochs: Numbers of epochs to choose among; by default those of ``training`` alone.
        rates: Lowest and highest learning rate; by default what suits the network.
        decays: Lowest and highest weight decay, > 0; likewise.
        pruner: halving (successive halving by epochs), hyperband or none: which trials that are made one by one end
            early. On features many trials train as one model, and none ends early.
        seed: Decides every random choice, as that of ``lopsided train``, >= 0.
        data: What to do with the data while reading it.
        model: Network.
        training: All that is not chosen.

    Raises:
        ValueError: A value is out of range, named twice, or not for a search.
    """

    source: str
    losses: tuple[str, ...] = LOSSES
    trials: int | None = None
    hours: float | None = None
    epochs: tuple[int, ...] = ()
    rates: tuple[float, float] | None = None
    decays: tuple[float, float] | None = None
    pruner: Pruner = "halving"
    seed: int = 0
    data: DataOptions = field(default_factory=DataOptions)
    model: ModelOptions = field(default_factory=ModelOptions)
    training: TrainingOptions = field(default_factory=TrainingOptions)

    def __post_init__(self) -> None:
        _check_losses(self.losses)
        if self.trials is not None and self.trials < 1:
            raise ValueError(f"expected trials to be at least 1, got {self.trials}")
        if self.hours is not None and not 0 < self.hours < math.inf:
            raise ValueError(f"expected hours to be above 0, got {self.hours:g}")
        for count in self.epochs:
            if count < 1:
                raise ValueError(f"expected epochs to be at least 1, got {count}")
        if len(set(self.epochs)) < len(self.epochs):
            raise ValueError(f"expected epochs to be named once each, got {', '.join(map(str, self.epochs))}")
        for name, bounds in (("rates", self.rates), ("decays", self.decays)):
            if bounds is not None and not 1e-12 <= bounds[0] <= bounds[1] <= 1e12:
                raise ValueError(
                    f"expected {name} to be a lowest and a highest value from 1e-12 to 1e+12, got "
                    f"{bounds[0]:g},{bounds[1]:g}"
                )
        if self.pruner not in get_args(Pruner):
            raise ValueError(f"expected pruner to be one of {', '.join(get_args(Pruner))}, got {self.pruner!r}")
        self._check_training()
        Config(source=self.source, seed=self.seed)  # refuses a seed that no run can have

    def _check_training(self) -> None:
        usual = TrainingOptions()
        for name, instead in zip(_CHOSEN, ("rates", "decays"), strict=True):
            if (value := getattr(self.training, name)) != getattr(usual, name):
                raise ValueError(f"expected no training.{name}, which is chosen, got {value:g}: give --{instead}")
        for name in _ONE_PROCESS:
            if (value := getattr(self.training, name)) != 1:
                raise ValueError(
                    f"expected training.{name} to be 1, got {value}: start a worker on each, with one --storage"
                )

    @property
    def limit(self) -> int | None:
        """Most trials of all workers together; None where only time ends the search."""
        return TRIALS if self.trials is None and self.hours is None else self.trials

    @property
    def epoch_choices(self) -> tuple[int, ...]:
        """Numbers of epochs to choose among, ascending."""
        return tuple(sorted(self.epochs)) or (self.training.epochs,)

    def config(self, candidate: Candidate) -> Config:
        """The configuration with which ``lopsided train`` makes a candidate."""
        training = dataclasses.replace(
            self.training,
            epochs=candidate.epochs,
            learning_rate=candidate.learning_rate,
            weight_decay=candidate.weight_decay,
        )
        return Config(
            source=self.source,
            data=self.data,
            model=self.model,
            loss=candidate.loss,
            training=training,
            seed=self.seed,
        )

    @property
    def decides(self) -> dict[str, Any]:
        """Everything that decides what is searched, as JSON; more trials and hours are added to what is there."""
        training = _given(self.training)
        training.pop("workers", None)
        if self.epochs:
            training.pop("epochs", None)
        return {
            "source": self.source,
            "losses": sorted(self.losses),
            "epochs": list(self.epoch_choices),
            "rates": None if self.rates is None else list(self.rates),
            "decays": None if self.decays is None else list(self.decays),
            "pruner": self.pruner,
            "seed": self.seed,
            **{f"data.{name}": value for name, value in _given(self.data).items()},
            **{f"model.{name}": value for name, value in _given(self.model).items()},
            **{f"training.{name}": value for name, value in training.items()},
        }

    @property
    def study_name(self) -> str:
        """What the name of its study begins with, before the digest of the data."""
        decides = json.dumps(self.decides, sort_keys=True)
        return f"lopsided-tune-{hashlib.sha256(decides.encode()).hexdigest()[:12]}"


def _given(options: Any) -> dict[str, Any]:
    """The options that differ from their defaults, so that a name stays the same where another option is added."""
    usual = dataclasses.asdict(type(options)())
    return {name: value for name, value in dataclasses.asdict(options).items() if value != usual[name]}


def _check_losses(losses: tuple[str, ...]) -> None:
    for name in losses:
        if name not in SETTINGS:
            raise ValueError(
                f"expected losses to be of {', '.join(SETTINGS)}, got {name!r:.40}"
                f"{did_you_mean(OTHER_NAMES.get(name, name), SETTINGS)}"
            )
    if not losses or len(set(losses)) < len(losses):
        raise ValueError(f"expected losses to be named once each, got {', '.join(losses) or 'none'}")
