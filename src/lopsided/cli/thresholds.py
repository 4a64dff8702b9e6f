"""lopsided thresholds RUN or scores:FILE."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lopsided.cli import own_scores
from lopsided.cli.calibrate import where
from lopsided.cli.parser import Parser
from lopsided.cli.printing import counted, named, say, table

_SHOWN = 40  # labels of a table on a terminal
_SHARES = ("precision", "recall", "f1")


def main(arguments: list[str]) -> int:
    """Choose thresholds, keep them in the run and print them."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if (given.rule == "f1") != (given.at_least is None):
        parser.error(f"expected --at-least with --rule precision or recall, and only there, got --rule {given.rule}")
    if given.at_least is not None and not 0 < given.at_least <= 1:
        parser.error(f"expected --at-least to lie in (0, 1], got {given.at_least}")

    if own_scores.check_options(parser, given, unfit=("no_keep",)):
        _say(*own_scores.choose(given), as_json=given.json)
        return 0

    from lopsided.inference.thresholds import choose
    from lopsided.runs.own_data import data_for, validation_split
    from lopsided.training import RunFolder

    run = RunFolder(Path(given.run))
    data = data_for(run, given.source)
    split = given.split or validation_split(data, own=given.source is None)
    found = choose(
        run,
        data,
        rule=given.rule,
        at_least=given.at_least,
        per_label=given.per_label,
        split=split,
        source=given.source,
        keep=not given.no_keep,
    )
    _say(found, run.thresholds_file, as_json=given.json)
    return 0


def _say(found: dict[str, Any], path: Path, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        _print(found, path)


def _parser() -> Parser:
    parser = Parser(
        "thresholds",
        "Choose, on the validation split or on other data, the probability above which a label is predicted. "
        "predict, evaluate and export then apply it; without this verb, or once thresholds.json is removed from the "
        "run, it is 0.5.",
        examples=(
            "lopsided thresholds runs/adaptive --per-label",
            "lopsided thresholds runs/adaptive --rule precision --at-least 0.9",
            "lopsided thresholds runs/adaptive table:newer.csv --split train",
            "lopsided thresholds scores:forest.csv --scores probabilities --per-label",
        ),
    )
    parser.add_run(
        source="data to use instead of the run's own, taken whole; of scores, where their truth is", scores=True
    )
    parser.add_argument(
        "--rule",
        type=str,
        default="f1",
        choices=["f1", "precision", "recall"],
        help="best F1 (default); the most recall with precision --at-least; the most precision with recall --at-least",
    )
    parser.add_argument("--at-least", type=float, help="precision or recall to keep, in (0, 1]")
    parser.add_argument(
        "--per-label", action="store_true", help="one for each label; those of rare labels stay near the common one"
    )
    parser.add_argument("--split", type=str, help="what to choose on (default: val, of SOURCE else its only split)")
    parser.add_keep()
    out = "of scores:FILE: file to write (default: FILE.thresholds.json)"
    own_scores.add_scores(parser, made=("calibration",), out=out)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser


def _print(found: dict[str, Any], path: Path) -> None:
    from lopsided.inference.calibrate import FEW

    rows = [
        (name, row["positives"], f"{row['threshold']:.3g}", *(f"{100 * row[key]:.1f}" for key in _SHARES))
        for name, row in sorted(found["labels"].items(), key=lambda item: -item[1]["positives"])
    ]
    say(
        f"on {where(found)}, in per cent:",
        table(("label", "positives", "threshold", "precision", "recall", "F1"), rows[:_SHOWN]),
    )
    if len(rows) > _SHOWN:
        print(f"and {len(rows) - _SHOWN} rarer labels")
    print(f"for all labels together: {found['common']:.3g}")
    if not found["reached"]:
        print(f"no threshold for all labels has a {found['rule']} of {found['at_least']:g}")
    if found["short"]:
        aim = f"{found['rule']} of {found['at_least']:g}"
        print(f"{aim} is not reached by {counted(len(found['short']), 'label')}: {named(found['short'])}")
    if found["few"]:
        print(f"fewer than {FEW} positives, so trust these least: {named(found['few'])}")
    print(f"wrote {path}")
