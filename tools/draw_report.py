"""The picture at the top of README and docs, and what it shows as numbers, from a run of the demo.

lopsided demo --out runs/demo && python tools/draw_report.py runs/demo

tests/docs/test_report_picture.py makes the words and numbers again from docs/images/report.json and fails when they are
no longer those of the picture: then run this again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from lopsided.cli.demo import LOSSES
from lopsided.metrics.catalogue import of_group
from lopsided.reports import write_report
from lopsided.reports.runs import Run, read_runs
from lopsided.reports.summary import summary, warnings_about
from lopsided.reports.tables import metric_rows

IMAGES = Path(__file__).parents[1] / "docs" / "images"
SIZE = (1200, 1785)


def words_of(runs: tuple[Run, ...]) -> dict[str, Any]:
    """What stands at the top of a page: its last sentence, its warnings and its table."""
    return {
        "result": summary(runs, None).split(". ")[-1],
        "warnings": warnings_about(runs),
        "columns": [metric.title for metric in of_group("usual")],
        "rows": {
            row.label: [("*" * cell.is_best) + cell.text for cell in row.cells]
            for row in metric_rows(runs, of_group("usual"))
        },
    }


def main() -> None:
    """Draw the picture and write its numbers beside it."""
    parser = argparse.ArgumentParser(description="Draw docs/images/report.png from the folder of a demo.")
    parser.add_argument("demo", type=Path, help="folder of lopsided demo, evaluated with this version")
    demo = parser.parse_args().demo
    folders = [demo / name for name in LOSSES]
    page = write_report(folders, demo / "report.html")
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        parser.error("wanted a browser: the Debian package chromium")
    picture = IMAGES / "report.png"
    window = ",".join(map(str, SIZE))
    options = ["--headless", "--no-sandbox", "--hide-scrollbars", f"--window-size={window}", f"--screenshot={picture}"]
    subprocess.run([browser, *options, page.resolve().as_uri()], check=True, capture_output=True)
    runs = read_runs(folders)
    content = {
        "picture": hashlib.sha256(picture.read_bytes()).hexdigest(),
        "shown": words_of(runs),
        "runs": {name: _kept(run) for name, run in zip(LOSSES, runs, strict=True)},
    }
    (IMAGES / "report.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _kept(run: Run) -> dict[str, Any]:
    evaluation = run.evaluation or {}
    kept = {name: value for name, value in evaluation.items() if name not in ("calibration", "top3")}
    at_zero = float(np.mean(run.steps["gamma_neg"] < 0.05)) if run.look == "adaptive_printed" else None
    rate = run.config.training.learning_rate
    return {"evaluation": kept, "learning_rate": rate, "gap": run.last("gap"), "gamma_neg_at_zero": at_zero}


if __name__ == "__main__":
    main()
