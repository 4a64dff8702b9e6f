"""A sweep's folder, read into what its figures and its page need."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lopsided.data.derived.hidden import Hidden
from lopsided.reports.figures.style import LOOKS
from lopsided.reports.naming import TITLES, describe_loss, look_of
from lopsided.runs.config import LossOptions
from lopsided.runs.formats import check_format
from lopsided.runs.loss.criterion import unknown_labels_of

_TEXTS = ("setting", "loss", "baseline", "at_edge", "edges")


@dataclass(frozen=True)
class SettingResult:
    """What a setting came to, from summary.csv and rows.parquet; shares in [0, 1], nan where there is no number.

    Args:
        label: The loss and its numbers; its name alone at its defaults, where no other setting has that loss.
        look: Key of its colour and dash.
        hidden: How much of the training labels its runs did not see.
        numbers: Columns of summary.csv.
        edges: Axes on which the best was the outermost that was tried.
        baseline: Name of the setting that differences are to.
        unknown_labels: What its loss does with labels that are known to be unknown.
        of_seeds: Test mAP of each seed's run.
    """

    setting: str
    label: str
    look: str
    hidden: Hidden
    numbers: dict[str, float]
    baseline: str
    edges: str
    unknown_labels: str
    of_seeds: tuple[float, ...]

    @property
    def at_edge(self) -> bool:
        """Whether the best was the outermost that was tried, on one axis or both."""
        return bool(self.edges)

    @property
    def is_baseline(self) -> bool:
        """Whether the others are measured against it."""
        return self.setting == self.baseline


@dataclass(frozen=True)
class SweepResults:
    """A sweep that was run.

    Args:
        about: Contents of sweep.json.
        results: Of each share of hidden labels and setting.
    """

    about: dict[str, Any]
    results: tuple[SettingResult, ...]

    @property
    def name(self) -> str:
        """gamma_neg, margin, combination, adaptive, losses or unknown."""
        return self.about["name"]

    @property
    def weight_decays(self) -> list[float]:
        """Those that were tried for each setting at first; older versions knew one for all."""
        return self.about.get("weight_decays") or [self.about["training"]["weight_decay"]]

    @property
    def shares(self) -> list[Hidden]:
        """How much of the training labels was hidden, in the order of the results."""
        return list(dict.fromkeys(result.hidden for result in self.results))

    def at(self, hidden: Hidden) -> list[SettingResult]:
        """The results with so much hidden."""
        return [result for result in self.results if result.hidden == hidden]


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
    labels = _labels(losses)
    runs = pq.read_table(folder / "rows.parquet").to_pylist()
    with (folder / "summary.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    results = tuple(
        _result(_of_any_version(line, about), losses[line["setting"]], labels[line["setting"]], runs) for line in lines
    )
    return SweepResults(about, results)


def _of_any_version(line: dict[str, str], about: dict[str, Any]) -> dict[str, str]:
    """A line of summary.csv with the columns that older versions did not write."""
    usual = {"unknown": "0", "weight_decay": str(about["training"]["weight_decay"]), "tried": str(about["trials"])}
    return {**usual, "edges": "learning rate" if line["at_edge"] == "True" else "", **line}


def _labels(losses: dict[str, LossOptions]) -> dict[str, str]:
    names = [loss.name for loss in losses.values()]
    return {
        setting: TITLES[look_of(loss)] if names.count(loss.name) == 1 and not loss.given() else describe_loss(loss)
        for setting, loss in losses.items()
    }


def _result(line: dict[str, str], loss: LossOptions, label: str, runs: list[dict[str, Any]]) -> SettingResult:
    look, hidden = look_of(loss), Hidden(float(line["missing"]), float(line["unknown"]))
    pair = {name: float(line[name]) for name in ("learning_rate", "weight_decay")}
    mine = [run for run in runs if run["setting"] == line["setting"] and run["stage"] == "final"]
    return SettingResult(
        setting=line["setting"],
        label=label,
        look=look if look in LOOKS else "asymmetric",
        hidden=hidden,
        numbers={name: float(text) if text else math.nan for name, text in line.items() if name not in _TEXTS},
        baseline=line["baseline"],
        edges=line["edges"],
        unknown_labels=unknown_labels_of(loss),
        of_seeds=tuple(
            run["test_mAP"]
            for run in mine
            if (run["missing"], run.get("unknown", 0.0)) == hidden and run["test_mAP"] is not None
            # Older versions wrote no weight decay, which was the same for all runs.
            if all(math.isclose(run.get(name, value), value, rel_tol=1e-5) for name, value in pair.items())
        ),
    )
