"""lopsided report RUN... or scores:FILE."""

from __future__ import annotations

from pathlib import Path

from lopsided.cli import own_scores
from lopsided.cli.parser import Parser, file_to_write


def main(arguments: list[str]) -> int:
    """Write one page out of one or many runs."""
    parser = Parser(
        "report",
        "One page that opens offline: metrics, the gap and gamma_neg over training, examples.",
        examples=(
            "lopsided report runs/adaptive",
            "lopsided report runs/a runs/b --out both.html",
            "lopsided report scores:forest.csv --scores probabilities",
        ),
    )
    parser.add_argument(
        "runs", nargs="+", type=str, help="folders of runs, or scores:FILE alone, the scores of any program"
    )
    parser.add_argument("--out", type=file_to_write, help="file to write (default: report.html in the first run)")
    parser.add_argument("--source", type=str, help="of scores:FILE: where their truth is (default: in the file)")
    parser.add_argument(
        "--split", type=str, help="of scores:FILE: which split (default: test, else val, else the only one)"
    )
    own_scores.add_scores(parser, made=("calibration", "thresholds"))
    given = parser.parse_args(arguments)
    given.run = next(filter(own_scores.is_scores, given.runs), given.runs[0])
    given.threshold = None
    if own_scores.is_scores(given.run) and len(given.runs) > 1:
        parser.error(f"expected one file of scores, or folders of runs, got {given.run} among {len(given.runs)}")
    if own_scores.check_options(parser, given, unfit=() if own_scores.is_scores(given.run) else ("out",)):
        print(f"wrote {own_scores.report(given)}")
        return 0
    for name in ("source", "split"):
        if getattr(given, name) is not None:
            parser.error(f"--{name} has no effect with a run, {given.run}: it is for scores:FILE")

    from lopsided.reports import write_report
    from lopsided.training import RunFolder

    runs = [Path(run) for run in given.runs]
    for run in runs:
        RunFolder(run).config()  # refuse what is no run before any work
    page = write_report(runs, Path(given.out) if given.out else runs[0] / "report.html")
    print(f"wrote {page}")
    return 0
