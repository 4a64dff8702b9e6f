"""Draw the last run in results/losses.csv for one shape as docs/images/speed.png.

python benchmarks/draw.py [SHAPE]
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

ROOT = Path(__file__).parents[1]
OURS, OTHERS, LIMIT = "#2a6f97", "#b8b8b8", "#e0a458"


def last_run(shape: str) -> list[dict[str, str]]:
    with (ROOT / "benchmarks" / "results" / "losses.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["shape"] == shape]
    if not rows:
        raise SystemExit(f"results/losses.csv has no line of shape {shape}: run benchmarks/losses.py first")
    return [row for row in rows if row["date"] == rows[-1]["date"] and row["dtype"] == rows[-1]["dtype"]]


def colour(name: str) -> str:
    if name.startswith("limit"):
        return LIMIT
    return OURS if name.startswith("ours") else OTHERS


def draw(rows: list[dict[str, str]], path: Path) -> None:
    rows = sorted(rows, key=lambda row: -float(row["ratio_best"]))
    names, ratios = [row["rival"] for row in rows], [float(row["ratio_best"]) for row in rows]
    figure, axes = plt.subplots(figsize=(7.5, 0.28 * len(rows) + 1.2), layout="constrained")
    axes.barh(names, ratios, color=[colour(name) for name in names])
    for place, (ratio, row) in enumerate(zip(ratios, rows, strict=True)):
        memory = "" if row["rival"].startswith("limit") else f"   {float(row['peak']):.0f} × memory"
        axes.text(ratio * 1.04, place, f"{ratio:.2f}{memory}", va="center", fontsize=8)
    axes.set_xscale("log")
    axes.set_xlim(right=max(ratios) * 4)
    axes.axvline(1, color="black", linewidth=0.8)
    where = rows[0]
    axes.set_xlabel(f"time of forward and backward, BCEWithLogits = 1 ({where['shape']}, {where['dtype']})", fontsize=9)
    axes.set_title(f"{where['device']}, {where['threads']} threads, {where['versions'].split(' timm')[0]}", fontsize=9)
    axes.tick_params(axis="y", labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)


if __name__ == "__main__":
    target = ROOT / "docs" / "images" / "speed.png"
    draw(last_run(sys.argv[1] if len(sys.argv) > 1 else "448x9605"), target)
    print(f"written to {target}")
