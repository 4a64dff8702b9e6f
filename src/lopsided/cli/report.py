"""lopsided report RUN..."""

from __future__ import annotations

from pathlib import Path

from lopsided.cli.parser import Parser, file_to_write


def main(arguments: list[str]) -> int:
    """Write one page out of one or many runs."""
    parser = Parser(
        "report",
        "One page that opens offline: metrics, the gap and gamma_neg over training, examples.",
        examples=("lopsided report runs/adaptive", "lopsided report runs/a runs/b --out both.html"),
    )
    parser.add_argument("runs", nargs="+", type=str, help="folders of runs")
    parser.add_argument("--out", type=file_to_write, help="file to write (default: report.html in the first run)")
    given = parser.parse_args(arguments)

    from lopsided.reports import write_report
    from lopsided.training import RunFolder

    runs = [Path(run) for run in given.runs]
    for run in runs:
        RunFolder(run).config()  # refuse what is no run before any work
    page = write_report(runs, Path(given.out) if given.out else runs[0] / "report.html")
    print(f"wrote {page}")
    return 0
