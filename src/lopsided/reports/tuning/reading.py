"""A search's folder, read into what its figures and its page need."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lopsided.runs.config import LossOptions
from lopsided.runs.formats import check_format
from lopsided.runs.reading import read_json

_NUMBERS = ("val_mAP", "learning_rate", "weight_decay", "epochs", "epochs_made", "best_epoch", "seconds")


@dataclass(frozen=True)
class TrialResult:
    """A trial that ended, from trials.csv; nan where there is no number.

    Args:
        number: Of the trial, from 0; those of killed workers have left gaps.
        state: complete, pruned or diverged.
        loss: The loss with its settings.
        numbers: Columns by name.
    """

    number: int
    state: str
    loss: LossOptions
    numbers: dict[str, float]

    @property
    def is_complete(self) -> bool:
        """Whether it was trained to its end."""
        return self.state == "complete"

    def value_of(self, parameter: str) -> float:
        """The value of a parameter by its name in the study, such as ``learning_rate`` or ``asymmetric.margin``."""
        loss, dot, setting = parameter.partition(".")
        if not dot:
            return self.numbers[parameter]
        return float(self.loss.given().get(setting, math.nan)) if self.loss.name == loss else math.nan


@dataclass(frozen=True)
class Tuning:
    """A search that was made.

    Args:
        folder: Where it is.
        about: Contents of tune.json.
        trials: In their order.
    """

    folder: Path
    about: dict[str, Any]
    trials: tuple[TrialResult, ...]

    @property
    def best(self) -> TrialResult:
        """The one with the highest validation mAP."""
        return next(trial for trial in self.trials if trial.number == self.about["best"]["trial"])

    @property
    def complete(self) -> list[TrialResult]:
        """Those that were trained to their end."""
        return [trial for trial in self.trials if trial.is_complete]


def read_tuning(folder: Path) -> Tuning:
    """Read what ``lopsided tune`` wrote.

    Raises:
        ValueError: The folder holds no search that came to its end, or one of a newer version.
    """
    for name in ("tune.json", "trials.csv"):
        if not (folder / name).is_file():
            raise ValueError(f"expected {folder} to be the folder of a search that has ended, got one without {name}")
    about = read_json(folder / "tune.json")
    check_format(folder / "tune.json", about.get("format"))
    with (folder / "trials.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    return Tuning(folder, about, tuple(_trial(line) for line in lines))


def _trial(line: dict[str, str]) -> TrialResult:
    settings = {
        name.removeprefix("loss."): float(text) for name, text in line.items() if name.startswith("loss.") and text
    }
    return TrialResult(
        number=int(line["trial"]),
        state=line["state"],
        loss=LossOptions(name=line["loss"], **settings),
        numbers={name: float(line[name]) if line[name] else math.nan for name in _NUMBERS},
    )
