"""What a sweep leaves in its folder, for people and for other programs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from lopsided.experiments.plan import Sweep, planned
from lopsided.experiments.rows import Key, Row, write_rows
from lopsided.experiments.statistics import Result, results, write_results
from lopsided.runs.environment import environment
from lopsided.runs.json_files import write_json


def write_outputs(sweep: Sweep, rows: Mapping[Key, Row], folder: Path) -> list[Result]:
    """Write rows.parquet (every run), summary.csv (every setting) and sweep.json (what was asked for).

    Args:
        sweep: The experiment.
        rows: All runs of its study; runs it did not ask for, such as other seeds, are left out.
        folder: Where to write.
    """
    folder.mkdir(parents=True, exist_ok=True)
    asked = [rows[point.key] for point in planned(sweep, rows)]
    found = results(sweep, rows)
    write_rows(folder / "rows.parquet", sorted(asked, key=lambda row: row.key), sweep.settings)
    write_results(folder / "summary.csv", found)
    about = dataclasses.asdict(sweep)
    about["settings"] = [
        {"name": setting.name, "value": setting.value, "loss": {"name": setting.loss.name, **setting.loss.given()}}
        for setting in sweep.settings
    ]
    about["learning_rates"], about["weight_decays"] = sweep.axes.rates.values, sweep.axes.decays.values
    write_json(folder / "sweep.json", {**about, "environment": environment()})
    return found
