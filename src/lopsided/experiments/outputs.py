"""What a sweep leaves in its folder, for people and for other programs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lopsided.experiments.out_folder import check_asked
from lopsided.experiments.plan import Sweep, planned
from lopsided.experiments.rows import Key, Row, write_rows
from lopsided.experiments.statistics import Result, results, write_results
from lopsided.runs.environment import environment
from lopsided.runs.formats import check_format
from lopsided.runs.json_files import write_json
from lopsided.runs.reading import read_json


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
    about["earlier_final_runs"] = _num_left_behind(rows.values(), asked)
    write_json(folder / "sweep.json", {**about, "environment": environment()})
    return found


def check_folder(sweep: Sweep, folder: Path) -> None:
    """Refuse a folder whose results another sweep would take the place of.

    Raises:
        ValueError: It holds the results of another sweep, or of a search.
    """
    if (folder / "tune.json").is_file():
        raise ValueError(
            f"expected a folder for a sweep, got {folder} with the results of a search: name another --out"
        )
    path = folder / "sweep.json"
    if not path.is_file():
        return
    kept = read_json(path)
    check_format(path, kept.get("environment", {}).get("format"))
    asked = json.loads(json.dumps(dataclasses.asdict(sweep), default=str))
    check_asked(_deciding(kept, kept), _deciding(asked, kept), what=f"the sweep in {folder}")


def _deciding(asked: dict[str, Any], kept: dict[str, Any]) -> dict[str, Any]:
    """What more runs are not simply added to, by name; options that the kept ones lack are newer than they are."""
    groups = {group: kept.get(group, {}).keys() - {"workers"} for group in ("data", "model", "training")}
    options = {f"{group}.{name}": asked[group].get(name) for group, names in groups.items() for name in sorted(names)}
    return {"the sweep": asked["name"], **options}


def _num_left_behind(rows: Iterable[Row], asked: Iterable[Row]) -> int:
    """How many runs of the settings asked for were measured on test with another pair than the one chosen now."""
    chosen = {_where(row): _pair(row) for row in asked if row.stage == "final"}
    return sum(row.stage == "final" and chosen.get(_where(row), _pair(row)) != _pair(row) for row in rows)


def _where(row: Row) -> tuple[str, float, float]:
    return row.setting, row.missing, row.unknown


def _pair(row: Row) -> tuple[float, float]:
    return row.learning_rate, row.weight_decay
