"""lopsided calibrate RUN."""

from __future__ import annotations

from pathlib import Path

from lopsided.cli.parser import Parser
from lopsided.data import read_source


def calibrate(arguments: list[str]) -> int:
    """Fit a calibration and say what it changed."""
    parser = Parser(
        "calibrate",
        "Fit a run's probabilities to its validation split. Without this verb they are what the settings of its loss "
        "say in closed form, which takes no data, or the sigmoid where the loss has no such form. Thresholds that were "
        "chosen before are removed.",
        examples=("lopsided calibrate runs/adaptive", "lopsided calibrate runs/adaptive --method isotonic"),
    )
    parser.add_argument("run", type=str, help="folder of the run")
    parser.add_argument(
        "--method",
        type=str,
        default="platt",
        choices=["platt", "isotonic", "temperature"],
        help="platt (scale and shift of each label; default), isotonic (a rising line of each), temperature (a number)",
    )
    parser.add_argument("--split", type=str, default="val", help="what to fit on (default: val)")
    given = parser.parse_args(arguments)

    from lopsided.training import RunFolder
    from lopsided.training.calibrate import FEW
    from lopsided.training.calibrate import calibrate as fit

    run = RunFolder(Path(given.run))
    config = run.config()
    data = read_source(config.source, config.data, seed=config.seed, label_names=run.labels())
    had_thresholds = run.thresholds_file.exists()
    found = fit(run, data, method=given.method, split=given.split)
    print(f"wrote {run.calibration_file}: {found['method']} on {found['split']}")
    if found["few"]:
        print(f"fewer than {FEW} positives or negatives there, so with the fit of all labels: {named(found['few'])}")
    if had_thresholds:
        print(f"removed {run.thresholds_file}, which was chosen for other probabilities")
    print(f"next: lopsided thresholds {run.path}; lopsided evaluate {run.path}")
    return 0


def named(labels: list[str], *, most: int = 12) -> str:
    """The first labels by name and the number of the rest.

    >>> named(["cat", "dog", "yak"], most=2)
    'cat, dog and 1 more'
    """
    rest = f" and {len(labels) - most} more" if len(labels) > most else ""
    return ", ".join(labels[:most]) + rest
