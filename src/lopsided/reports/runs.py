"""A run folder, read into what figures and pages need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lopsided.data import DataError
from lopsided.reports.naming import look_of, run_labels
from lopsided.runs.config import Config
from lopsided.runs.folder import COLUMNS, RunFolder

VALIDATION = tuple(name for name in COLUMNS if name.startswith("val_"))
STEP = tuple(name for name in COLUMNS if name not in VALIDATION)


@dataclass(frozen=True, eq=False)
class Run:
    """What a run recorded so far.

    Args:
        folder: Its files.
        config: Its configuration.
        label: What tells it from the others it was read with.
        look: Key of its colour and dash.
        steps: float64 of each column, shape (steps,); nan where nothing or no number was written.
        validations: The same for each validation; ``epoch`` and ``step`` too.
        evaluation: What ``lopsided evaluate`` wrote, or None.
    """

    folder: RunFolder
    config: Config
    label: str
    look: str
    steps: dict[str, np.ndarray]
    validations: dict[str, np.ndarray]
    evaluation: dict[str, Any] | None

    @property
    def split(self) -> str:
        """The split that was evaluated; test before that."""
        return str((self.evaluation or {}).get("split", "test"))

    @property
    def threshold(self) -> float:
        """The probability above which the evaluation takes a label as predicted; 0.5 before that."""
        threshold = (self.evaluation or {}).get("threshold")
        return float(threshold) if isinstance(threshold, int | float) and 0 <= threshold <= 1 else 0.5

    @property
    def chosen(self) -> dict[str, Any] | None:
        """How the evaluation's thresholds were chosen; None where it took one number."""
        chosen = (self.evaluation or {}).get("thresholds")
        return chosen if isinstance(chosen, dict) else None

    @property
    def chosen_here(self) -> list[str]:
        """What was chosen on the split that was evaluated: of weights, thresholds and calibration."""
        if self.evaluation is None:
            return []
        chosen = self.evaluation.get("chosen_on_this_split")
        if isinstance(chosen, list):
            return [str(name) for name in chosen]
        found = ["weights"] if self.split in ("train", "val") else []  # an older evaluation does not say
        return found + (["thresholds"] if self.chosen and self.chosen.get("split") == self.split else [])

    @property
    def digits(self) -> int:
        """Decimals of a percentage that the evaluated samples justify: none below 100 samples."""
        samples = (self.evaluation or {}).get("samples")
        return 0 if isinstance(samples, int) and samples < 100 else 1

    @property
    def threshold_words(self) -> str:
        """The threshold for a sentence: ``0.5``, or ``its threshold, chosen on val``."""
        if self.chosen is None:
            return f"{self.threshold:g}"
        whose = "the threshold of the label" if self.chosen.get("per_label") else f"{self.threshold:.2g}"
        return f"{whose}, chosen on {self.chosen.get('split', 'val')}"

    def last(self, column: str) -> float:
        """The last finite value of a step's or a validation's column; nan if there is none."""
        values = self.validations[column] if column in VALIDATION else self.steps[column]
        finite = values[np.isfinite(values)]
        return float(finite[-1]) if len(finite) else float("nan")

    def last_step(self) -> int:
        """Number of the last step or validation that was written; 0 before the first, at least 1 after."""
        steps = np.concatenate([self.steps["step"], self.validations["step"]])
        return int(np.nanmax(steps)) if np.isfinite(steps).any() else 0


def read_runs(paths: Sequence[Path]) -> tuple[Run, ...]:
    """Read run folders; each gets a label that tells it from the others.

    Args:
        paths: Folders of runs, at least one; one that is named twice is read once.

    Raises:
        ValueError: There are none, or one of them holds no run.
    """
    folders = [RunFolder(path) for path in {Path(path).resolve(): Path(path) for path in paths}.values()]
    if not folders:
        raise ValueError("expected the folder of at least one run, got none")
    configs = [folder.config() for folder in folders]
    labels = run_labels(configs, [folder.path.resolve().name for folder in folders])
    return tuple(_read(*parts) for parts in zip(folders, configs, labels, strict=True))


def _read(folder: RunFolder, config: Config, label: str) -> Run:
    rows = folder.rows()
    table = {name: np.array([_number(row.get(name, "")) for row in rows]) for name in COLUMNS}
    is_step = np.array([_is_filled(row, STEP) for row in rows], dtype=bool)
    is_validation = np.array([_is_filled(row, VALIDATION) for row in rows], dtype=bool)
    return Run(
        folder=folder,
        config=config,
        label=label,
        look=look_of(config.loss),
        steps={name: table[name][is_step] for name in STEP},
        validations={name: table[name][is_validation] for name in ("epoch", "step", *VALIDATION)},
        evaluation=_evaluation(folder),
    )


def _is_filled(row: dict[str, str], columns: tuple[str, ...]) -> bool:
    return any(row.get(name) for name in columns if name not in ("epoch", "step"))


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        return float("nan")
    return number if np.isfinite(number) else float("nan")


def _evaluation(folder: RunFolder) -> dict[str, Any] | None:
    try:
        found = folder.evaluation()
        groups = [(found or {}).get(name, {}) for name in ("top3", "calibration", "thresholds")]
        return found if all(isinstance(group, dict | None) for group in groups) else None
    except DataError:  # half a file is as good as none: evaluate again
        return None
