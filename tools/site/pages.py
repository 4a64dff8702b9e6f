"""Parts of the documentation that are made of what the repository holds: nothing of it is typed twice."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import tempfile
from pathlib import Path

from lopsided.cli.main import HELP, main
from lopsided.reports import write_explorer

ROOT = Path(__file__).parents[2]
COLUMNS = "80"  # of a terminal that shows --help


def help_of(verb: str) -> str:
    """What `lopsided VERB --help` says, to be opened; of lopsided, what it says itself."""
    words = "lopsided --help" if verb == "lopsided" else f"lopsided {verb} --help"
    text = HELP if verb == "lopsided" else _help_of(verb)
    return f'<details markdown="1">\n<summary><code>{words}</code></summary>\n\n{_text(text)}\n\n</details>'


def speed_table() -> str:
    """The last run of benchmarks/losses.py as a table: a row for each rival, a column for each shape."""
    rows = _last_run(ROOT / "benchmarks" / "results" / "losses.csv")
    shapes = list(dict.fromkeys(row["shape"] for row in rows))
    cells: dict[str, dict[str, str]] = {}
    for row in rows:
        cells.setdefault(row["rival"], {})[row["shape"]] = f"{float(row['ratio_median']):.2f}"
    lines = [f"| | {' | '.join(shape.replace('x', ' × ') for shape in shapes)} |", f"|---|{'---:|' * len(shapes)}"]
    lines += [f"| {name} | {' | '.join(of.get(shape, '') for shape in shapes)} |" for name, of in cells.items()]
    return "\n".join([*lines, "", _where(rows[0])])


def metrics_table() -> str:
    """The last run of benchmarks/metrics.py as a table."""
    rows = _last_run(ROOT / "benchmarks" / "results" / "metrics.csv")
    lines = ["| | rival | milliseconds | ratio |", "|---|---|---:|---:|"]
    lines += [
        f"| {row['case']} | {row['rival']} | {float(row['ms']):.1f} | {float(row['ratio']):.1f} |" for row in rows
    ]
    return "\n".join([*lines, "", _where(rows[0])])


def explorer() -> str:
    """The page with sliders, as `lopsided curves --html` writes it."""
    with tempfile.TemporaryDirectory() as folder:
        return write_explorer(Path(folder) / "explorer.html").read_text(encoding="utf-8")


def _help_of(verb: str) -> str:
    said, columns = io.StringIO(), os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = COLUMNS
    try:
        with contextlib.redirect_stdout(said):
            if main([verb, "--help"]):
                raise RuntimeError(f"lopsided {verb} --help failed")
    finally:
        if columns is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = columns
    return said.getvalue()


def _text(text: str) -> str:
    return f"```text\n{text.rstrip()}\n```"


def _last_run(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    last = rows[-1]
    return [row for row in rows if row["date"] == last["date"] and row.get("dtype") == last.get("dtype")]


def _where(row: dict[str, str]) -> str:
    return f"*{row['device']}, {row['capability']}, {row['threads']} threads, {row['versions']}; {row['date'][:10]}*"
