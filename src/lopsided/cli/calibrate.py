"""lopsided calibrate RUN or scores:FILE."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lopsided.cli import own_scores
from lopsided.cli.parser import Parser
from lopsided.cli.printing import named


def main(arguments: list[str]) -> int:
    """Fit a calibration and say what it changed."""
    parser = Parser(
        "calibrate",
        "Fit a run's probabilities to its validation split, or to other data. Without this verb they are what the "
        "settings of its loss say in closed form, which takes no data, or the sigmoid where the loss has no such form. "
        "Thresholds that were chosen before are removed.",
        examples=(
            "lopsided calibrate runs/adaptive --method isotonic",
            "lopsided calibrate runs/adaptive table:newer.csv --split train",
            "lopsided calibrate scores:forest.csv --scores probabilities --out forest.json",
        ),
    )
    parser.add_run(
        source="data to use instead of the run's own, taken whole; of scores, where their truth is", scores=True
    )
    parser.add_argument(
        "--method",
        type=str,
        default="platt",
        choices=["platt", "isotonic", "temperature"],
        help="platt (scale and shift of each label; default), isotonic (a rising line of each), temperature (a number)",
    )
    parser.add_argument("--split", type=str, help="what to fit on (default: val, of SOURCE else its only split)")
    parser.add_keep()
    own_scores.add_scores(parser, out="of scores:FILE: file to write (default: FILE.calibration.json)")
    given = parser.parse_args(arguments)
    if own_scores.check_options(parser, given, unfit=("no_keep",)):
        found, path = own_scores.calibrate(given)
        _say(found, path)
        print(f"next: lopsided thresholds {given.run} --scores {given.scores} --calibration {path}")
        return 0

    from lopsided.inference.calibrate import calibrate as fit
    from lopsided.runs.own_data import data_for, validation_split
    from lopsided.training import RunFolder

    run = RunFolder(Path(given.run))
    data = data_for(run, given.source)
    split = given.split or validation_split(data, own=given.source is None)
    had_thresholds = run.thresholds_file.exists()
    found = fit(run, data, method=given.method, split=split, source=given.source, keep=not given.no_keep)
    _say(found, run.calibration_file)
    if had_thresholds:
        print(f"removed {run.thresholds_file}, which was chosen for other probabilities")
    print(f"next: lopsided thresholds {run.path}; lopsided evaluate {run.path}")
    return 0


def _say(found: dict[str, Any], path: Path) -> None:
    from lopsided.inference.calibrate import FEW

    print(f"wrote {path}: {found['method']} on {where(found)}")
    if found["few"]:
        print(f"fewer than {FEW} positives or negatives there, so with the fit of all labels: {named(found['few'])}")


def where(found: dict[str, Any]) -> str:
    """What a calibration or thresholds were made on.

    >>> where({"split": "val"}), where({"split": "val", "source": "table:new.csv"})
    ('val', 'val of table:new.csv')
    """
    return f"{found['split']} of {found['source']}" if "source" in found else found["split"]
