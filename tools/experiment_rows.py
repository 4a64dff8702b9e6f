"""The rows of docs/experiments/data, and what of them becomes a point of a figure."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from marks import Point

EXPERIMENTS = Path(__file__).parents[1] / "docs" / "experiments"

Row = dict[str, str]


def rows(name: str, **wanted: str) -> list[Row]:
    """Rows of one file whose columns hold what is wanted."""
    with (EXPERIMENTS / "data" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if all(row[key] == value for key, value in wanted.items())]


def digest(names: Iterable[str]) -> str:
    """SHA-256 over files of rows."""
    content = b"".join((EXPERIMENTS / "data" / f"{name}.csv").read_bytes() for name in names)
    return hashlib.sha256(content).hexdigest()


def difference(found: Sequence[Row]) -> Point | None:
    """The 95 % interval of a difference, and its middle."""
    if not found or not (row := _one(found))["low"]:
        return None
    low, high = float(row["low"]), float(row["high"])
    return Point((low + high) / 2, low, high, row.get("outermost") == "yes")


def value(found: Sequence[Row]) -> Point | None:
    """What was measured, with the standard deviation over seeds where there is one."""
    if not found:
        return None
    row = _one(found)
    at, spread = float(row["value"]), float(row.get("sd") or 0)
    return Point(at, at - spread, at + spread, row.get("outermost") == "yes")


def _one(found: Sequence[Row]) -> Row:
    """The newest of rows that differ in their date alone."""
    newest = [row for row in found if row["date"] == max(row["date"] for row in found)]
    if len(newest) != 1:
        raise ValueError(f"expected one row, got {len(newest)}: {newest}")
    return newest[0]
