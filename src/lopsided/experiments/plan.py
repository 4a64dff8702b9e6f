"""What a sweep is, which runs it needs, and which of them come next."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from lopsided.data import DataOptions
from lopsided.data.derived.hidden import Hidden
from lopsided.experiments.axes import Axes, Pair, decays_of, rates_around, search
from lopsided.experiments.rows import Key, Point, Row
from lopsided.experiments.settings import Setting
from lopsided.models import ModelOptions
from lopsided.runs.config import TrainingOptions

__all__ = ["Sweep"]

Rows = Mapping[Key, Row]


@dataclass(frozen=True)
class Sweep:
    """One experiment.

    Args:
        name: gamma_neg, margin, combination, adaptive, losses or unknown.
        source: The data, as ``lopsided train`` takes it.
        settings: What is compared, see :func:`lopsided.experiments.settings.settings_of`.
        seeds: Number of runs of each setting, >= 1; their seeds are 0, 1, ...
        trials: Learning rates tried for each setting on the validation split, >= 1: four times apart, around
            ``training.learning_rate``.
        missing: Shares of the training positives to hide, in [0, 1); validation and test keep theirs.
        data: What to do with the data while reading it.
        model: Network.
        training: Budget; of it the learning rate is the middle of those that are tried.
        decays: Weight decays tried with each learning rate, >= 0; without any, that of ``training`` alone.
        widen: How many numbers more are tried beyond each end of an axis, one after the other, for a setting whose best
            is the outermost one, >= 0. An axis of one number stays as it is.
        unknown: Shares of the training labels to make unknown, in [0, 1), each with each share of ``missing``.
    """

    name: str
    source: str
    settings: tuple[Setting, ...]
    seeds: int = 5
    trials: int = 4
    missing: tuple[float, ...] = (0.0,)
    data: DataOptions = field(default_factory=DataOptions)
    model: ModelOptions = field(default_factory=ModelOptions)
    training: TrainingOptions = field(default_factory=TrainingOptions)
    decays: tuple[float, ...] = ()
    widen: int = 2
    unknown: tuple[float, ...] = (0.0,)

    def __post_init__(self) -> None:
        for name, least in (("seeds", 1), ("trials", 1), ("widen", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"expected {name} to be at least {least}, got {getattr(self, name)}")
        for name in ("missing", "unknown"):
            _check_shares(name, getattr(self, name))
            if getattr(self.data, name):
                raise ValueError(f"expected no data.{name} in a sweep, got {getattr(self.data, name)}: give --{name}")
        if not all(0 <= decay < math.inf for decay in self.decays):
            raise ValueError(f"expected decays to be at least 0, got {', '.join(map(str, self.decays))}")
        _check_once("decays to name each weight decay", self.decays)
        if len({setting.name for setting in self.settings}) < len(self.settings):
            raise ValueError(
                f"expected settings to have different names, got {', '.join(s.name for s in self.settings)}"
            )

    @property
    def study_name(self) -> str:
        """What the name of its study begins with, before the digest of the data: sweeps that differ in source, network
        or budget never share one; more settings, seeds, trials, decays or shares are added to the one that is there."""
        groups = {name: _not_usual(getattr(self, name)) for name in ("data", "model", "training")}
        groups["training"].pop("workers", None)
        decides = json.dumps({"source": self.source, **groups}, sort_keys=True)
        return f"lopsided-{self.name}-{hashlib.sha256(decides.encode()).hexdigest()[:12]}"

    @property
    def rates(self) -> list[float]:
        """The learning rates that are tried at first, ascending, to three digits."""
        return list(self.axes.rates.values)

    @property
    def axes(self) -> Axes:
        """The pairs of learning rate and weight decay that are tried for every setting at first."""
        return Axes(
            rates_around(self.training.learning_rate, trials=self.trials, widen=self.widen),
            decays_of(self.decays or (self.training.weight_decay,), widen=self.widen),
        )

    @property
    def hidden(self) -> list[Hidden]:
        """How much of the training labels is hidden, each share with each."""
        return [Hidden(*shares) for shares in itertools.product(self.missing, self.unknown)]


def _check_shares(name: str, shares: Sequence[float]) -> None:
    if not shares or not all(0 <= share < 1 for share in shares):
        raise ValueError(f"expected {name} to be shares in [0, 1), got {', '.join(map(str, shares))}")
    _check_once(f"{name} to name each share", shares)


def _check_once(what: str, numbers: Sequence[float]) -> None:
    if len(set(numbers)) < len(numbers):
        raise ValueError(f"expected {what} once, got {', '.join(f'{number:g}' for number in numbers)}")


def _not_usual(options: Any) -> dict[str, Any]:
    """The options that differ from their defaults, so that a name stays the same where another option is added."""
    usual = dataclasses.asdict(type(options)())
    return {name: value for name, value in dataclasses.asdict(options).items() if value != usual[name]}


@dataclass(frozen=True)
class Choice:
    """What was chosen for a setting on the validation split, as far as it is known.

    Args:
        setting: Its name.
        axes: The pairs that are tried for it.
        pair: The best of them, or None as long as not all were tried.
    """

    setting: str
    axes: Axes
    pair: Pair | None

    @property
    def edges(self) -> tuple[str, ...]:
        """The axes on which the best is the outermost one, so that one beyond may be better."""
        return () if self.pair is None else self.axes.edges(self.pair)


def choices(sweep: Sweep, rows: Rows, hidden: Hidden) -> list[Choice]:
    """For each setting the learning rate and weight decay with the highest mean validation mAP over the seeds.

    A pair at which a run diverged is taken only where all have one. The test split plays no part.

    Args:
        sweep: The experiment.
        rows: Runs that were made.
        hidden: How much of the training labels they did not see.
    """
    return [_choice(sweep, rows, hidden, setting) for setting in sweep.settings]


def _choice(sweep: Sweep, rows: Rows, hidden: Hidden, setting: Setting) -> Choice:
    def value(pair: Pair) -> float | None:
        keys = [Point(setting, hidden, seed, pair, "tune").key for seed in range(sweep.seeds)]
        if not all(key in rows for key in keys):
            return None
        found = [rows[key].val_mAP for key in keys]
        return fmean(found) if all(map(math.isfinite, found)) else -1.0

    if len(sweep.axes) == 1:  # nothing is to be chosen
        return Choice(setting.name, sweep.axes, next(iter(sweep.axes)))
    return Choice(setting.name, *search(sweep.axes, value))


def planned(sweep: Sweep, rows: Rows) -> list[Point]:
    """All runs of the sweep, as far as they are known: where the best lies outermost, further ones follow."""
    found = []
    for hidden in sweep.hidden:
        chosen = choices(sweep, rows, hidden)
        if len(sweep.axes) > 1:
            found += [
                Point(setting, hidden, seed, pair, "tune")
                for seed in range(sweep.seeds)
                for setting, choice in zip(sweep.settings, chosen, strict=True)
                for pair in choice.axes
            ]
        found += _final(sweep, chosen, hidden)
    return found


def points(sweep: Sweep, rows: Rows) -> list[Point]:
    """The runs that can be made now; the final ones of a share come when all is chosen for it."""
    return [point for point in planned(sweep, rows) if point.key not in rows]


def num_left(sweep: Sweep, rows: Rows) -> int:
    """How many runs are still to be made, as far as is known, including those that must wait for others."""
    waiting = sum(any(one.pair is None for one in choices(sweep, rows, hidden)) for hidden in sweep.hidden)
    return len(points(sweep, rows)) + waiting * len(sweep.settings) * sweep.seeds


def num_made(sweep: Sweep, rows: Rows) -> int:
    """How many runs of the sweep are there."""
    return sum(point.key in rows for point in planned(sweep, rows))


def final_rows(sweep: Sweep, rows: Rows) -> list[Row]:
    """The rows that the results are made of: of each setting and seed the one at the chosen pair."""
    final = (point for hidden in sweep.hidden for point in _final(sweep, choices(sweep, rows, hidden), hidden))
    return [rows[point.key] for point in final]


def _final(sweep: Sweep, chosen: Sequence[Choice], hidden: Hidden) -> list[Point]:
    """The final runs; none as long as something is to be chosen."""
    pairs = [choice.pair for choice in chosen]
    return [
        Point(setting, hidden, seed, pair, "final")
        for seed in range(sweep.seeds)
        for setting, pair in zip(sweep.settings, pairs, strict=True)
        if pair is not None and None not in pairs
    ]
