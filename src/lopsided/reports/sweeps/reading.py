"""A sweep's folder, read into what its figures and its page need."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lopsided.reports.figures.style import LOOKS
from lopsided.reports.naming import describe_loss, look_of
from lopsided.runs.config import LossOptions
from lopsided.runs.formats import check_format

_TEXTS = ("setting", "loss", "baseline")


@dataclass(frozen=True)
class SettingResult:
    """What a setting came to, from summary.csv and rows.parquet; shares in [0, 1], nan where there is no number.

    Args:
        label: The loss and its numbers.
        look: Key of its colour and dash.
        numbers: Columns of summary.csv.
        baseline: Name of the setting that differences are to.
        of_seeds: Test mAP of each seed's run.
    """

    setting: str
    label: str
    look: str
    missing: float
    numbers: dict[str, float]
    baseline: str
    at_edge: bool
    of_seeds: tuple[float, ...]

    @property
    def is_baseline(self) -> bool:
        """Whether the others are measured against it."""
        return self.setting == self.baseline


@dataclass(frozen=True)
class SweepResults:
    """A sweep that was run.

    Args:
        about: Contents of sweep.json.
        results: Of each share of hidden positives and setting.
    """

    about: dict[str, Any]
    results: tuple[SettingResult, ...]

    @property
    def name(self) -> str:
        """gamma_neg, margin, combination, adaptive or losses."""
        return self.about["name"]

    @property
    def shares(self) -> list[float]:
        """Shares of hidden positives, in their order."""
        return list(dict.fromkeys(result.missing for result in self.results))

    def at(self, missing: float) -> list[SettingResult]:
        """The results at one share of hidden positives."""
        return [result for result in self.results if result.missing == missing]


def read_sweep(folder: Path) -> SweepResults:
    """Read what ``lopsided sweep`` wrote.

    Raises:
        ValueError: The folder holds no sweep, or one of a newer version.
    """
    import pyarrow.parquet as pq

    for name in ("sweep.json", "summary.csv", "rows.parquet"):
        if not (folder / name).is_file():
            raise ValueError(f"expected {folder} to be the folder of a sweep, got one without {name}")
    about = json.loads((folder / "sweep.json").read_text(encoding="utf-8"))
    check_format(folder / "sweep.json", about.get("environment", {}).get("format"))
    losses = {setting["name"]: LossOptions(**setting["loss"]) for setting in about["settings"]}
    runs = pq.read_table(folder / "rows.parquet").to_pylist()
    with (folder / "summary.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    return SweepResults(about, tuple(_result(line, losses[line["setting"]], runs) for line in lines))


def _result(line: dict[str, str], loss: LossOptions, runs: list[dict[str, Any]]) -> SettingResult:
    look, missing = look_of(loss), float(line["missing"])
    rate = float(line["learning_rate"])
    return SettingResult(
        setting=line["setting"],
        label=describe_loss(loss),
        look=look if look in LOOKS else "asymmetric",
        missing=missing,
        numbers={
            name: float(text) if text else math.nan for name, text in line.items() if name not in (*_TEXTS, "at_edge")
        },
        baseline=line["baseline"],
        at_edge=line["at_edge"] == "True",
        of_seeds=tuple(
            run["test_mAP"]
            for run in runs
            if run["setting"] == line["setting"] and run["stage"] == "final" and run["missing"] == missing
            if math.isclose(run["learning_rate"], rate, rel_tol=1e-5) and run["test_mAP"] is not None
        ),
    )
