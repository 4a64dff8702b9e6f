"""Images that could not be opened: counted, named, and written down with the reason."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from lopsided.data import Data, UnreadableImage
from lopsided.runs.json_files import write_whole


def write_unreadable(data: Data, path: Path, rows: list[int]) -> None:
    """A CSV file with the path and the reason of each."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["path", "reason"])
    writer.writerows([data.sample_name(row), _error(data, row).reason] for row in rows)
    write_whole(path, text.getvalue())


def describe(data: Data, rows: list[int], *, listed: Path | None = None) -> str:
    """One line: how many could not be opened, and the first of them with the reason.

    Args:
        data: The images.
        rows: Numbers of those that could not be opened, at least one.
        listed: File that lists them all.
    """
    count = "1 image" if len(rows) == 1 else f"{len(rows)} images"
    text = f"{count} of {len(data)} could not be opened and count for nothing; the first: {_error(data, rows[0])}"
    return text + (f"; all in {listed}" if listed else "")


def _error(data: Data, row: int) -> UnreadableImage:
    """What another try to open it comes to."""
    try:
        data.image(row, size=1)
    except UnreadableImage as error:
        return error
    return UnreadableImage("it can be opened now", path=data.sample_name(row))
