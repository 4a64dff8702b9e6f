"""What a sweep is, which runs it needs, and which of them come next."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from lopsided.data import DataOptions
from lopsided.experiments.rows import Key, Point, Row
from lopsided.experiments.settings import Setting
from lopsided.models import ModelOptions
from lopsided.runs.config import TrainingOptions

__all__ = ["Sweep"]

FACTOR = 4.0
"""Between a learning rate and the next one that is tried."""


@dataclass(frozen=True)
class Sweep:
    """One experiment.

    Args:
        name: gamma_neg, margin, combination, adaptive or losses.
        source: The data, as ``lopsided train`` takes it.
        settings: What is compared, see :func:`lopsided.experiments.settings.settings_of`.
        seeds: Number of runs of each setting, >= 1; their seeds are 0, 1, ...
        trials: Learning rates tried for each setting on the validation split, >= 1: FACTOR apart, around
            ``training.learning_rate``.
        missing: Shares of the training positives to hide, in [0, 1); validation and test keep theirs.
        data: What to do with the data while reading it.
        model: Network.
        training: Budget; of it the learning rate is the middle of those that are tried.
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

    def __post_init__(self) -> None:
        for name in ("seeds", "trials"):
            if getattr(self, name) < 1:
                raise ValueError(f"expected {name} to be at least 1, got {getattr(self, name)}")
        if not self.missing or not all(0 <= share < 1 for share in self.missing):
            raise ValueError(f"expected missing to be shares in [0, 1), got {', '.join(map(str, self.missing))}")
        if len(set(self.missing)) < len(self.missing):
            raise ValueError(
                f"expected missing to name each share once, got {', '.join(f'{x:g}' for x in self.missing)}"
            )
        if len({setting.name for setting in self.settings}) < len(self.settings):
            raise ValueError(
                f"expected settings to have different names, got {', '.join(s.name for s in self.settings)}"
            )
        if self.data.missing:
            raise ValueError(f"expected no data.missing in a sweep, got {self.data.missing}: give --missing")

    @property
    def study_name(self) -> str:
        """What the name of its study begins with, before the digest of the data: sweeps that differ in source, network
        or budget never share one; more settings, seeds, trials or missing shares are added to the one that is there."""
        groups = {name: _not_usual(getattr(self, name)) for name in ("data", "model", "training")}
        groups["training"].pop("workers", None)
        decides = json.dumps({"source": self.source, **groups}, sort_keys=True)
        return f"lopsided-{self.name}-{hashlib.sha256(decides.encode()).hexdigest()[:12]}"

    @property
    def rates(self) -> list[float]:
        """The learning rates that are tried, ascending, to three digits."""
        first = -((self.trials - 1) // 2)
        middle = self.training.learning_rate
        return [float(f"{middle * FACTOR**power:.3g}") for power in range(first, first + self.trials)]


def _not_usual(options: Any) -> dict[str, Any]:
    """The options that differ from their defaults, so that a name stays the same where another option is added."""
    usual = dataclasses.asdict(type(options)())
    return {name: value for name, value in dataclasses.asdict(options).items() if value != usual[name]}


def points(sweep: Sweep, rows: Mapping[Key, Row]) -> list[Point]:
    """The runs that can be made now; the final ones of a share come when its learning rates are chosen."""
    left = []
    for missing in sweep.missing:
        undone = _untuned(sweep, rows, missing)
        left += undone or [point for point in _final(sweep, rows, missing) if point.key not in rows]
    return left


def num_runs(sweep: Sweep) -> int:
    """How many runs the whole sweep takes."""
    one_stage = len(sweep.settings) * sweep.seeds * len(sweep.missing)
    return one_stage * (1 if sweep.trials == 1 else sweep.trials + 1)


def num_left(sweep: Sweep, rows: Mapping[Key, Row]) -> int:
    """How many runs are still to be made, including those that must wait for others."""
    waiting = sum(bool(_untuned(sweep, rows, missing)) for missing in sweep.missing)
    return len(points(sweep, rows)) + waiting * len(sweep.settings) * sweep.seeds


def chosen_rates(sweep: Sweep, rows: Mapping[Key, Row], *, missing: float) -> dict[str, float]:
    """For each setting the learning rate with the highest mean validation mAP over the seeds.

    A rate at which a run diverged is taken only where all have one. The test split plays no part.

    Args:
        sweep: The experiment.
        rows: Runs that were made, with all that tried a learning rate on this share.
        missing: Share of the training positives that were hidden.
    """
    if sweep.trials == 1:
        return {setting.name: sweep.rates[0] for setting in sweep.settings}

    def mean(setting: Setting, rate: float) -> float:
        found = [rows[setting.name, missing, seed, rate, "tune"].val_mAP for seed in range(sweep.seeds)]
        return fmean(found) if all(map(math.isfinite, found)) else -1.0

    return {
        setting.name: max(sweep.rates, key=lambda rate, setting=setting: mean(setting, rate))
        for setting in sweep.settings
    }


def final_rows(sweep: Sweep, rows: Mapping[Key, Row]) -> list[Row]:
    """The rows that the results are made of: of each setting and seed the one at the chosen learning rate."""
    return [rows[point.key] for missing in sweep.missing for point in _final(sweep, rows, missing)]


def _final(sweep: Sweep, rows: Mapping[Key, Row], missing: float) -> list[Point]:
    chosen = chosen_rates(sweep, rows, missing=missing)
    return [
        Point(setting, missing, seed, chosen[setting.name], "final")
        for seed in range(sweep.seeds)
        for setting in sweep.settings
    ]


def _untuned(sweep: Sweep, rows: Mapping[Key, Row], missing: float) -> list[Point]:
    if sweep.trials == 1:
        return []
    tuning = (
        Point(setting, missing, seed, rate, "tune")
        for seed in range(sweep.seeds)
        for setting in sweep.settings
        for rate in sweep.rates
    )
    return [point for point in tuning if point.key not in rows]
