"""Images that could not be opened: counted, named, and written down with the reason."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path

import torch.distributed as dist
from lightning_fabric import Fabric
from torch import Tensor

from lopsided.data import Data, UnreadableImage
from lopsided.runs.json_files import write_whole


class UnreadableLog:
    """Collects the images that batches could not open, and tells of them after the epoch in which they were met.

    Args:
        data: The images.
        path: The CSV file with path and reason of each; not written as long as there are none.
        known: Rows that are known to be unreadable before training.
    """

    def __init__(self, data: Data, path: Path, known: list[int]) -> None:
        self.data, self.path = data, path
        self.rows, self.told = set(known), set[int]()

    def keep(self, batch: dict[str, Tensor]) -> None:
        """Keep the batch's."""
        if "unreadable" in batch:
            self.rows.update(batch["unreadable"].tolist())

    def tell(self, fabric: Fabric) -> None:
        """Write those of all ranks."""
        if fabric.world_size > 1:
            parts: list[set[int]] = [set()] * fabric.world_size
            dist.all_gather_object(parts, self.rows)
            self.rows = set().union(*parts)
        if fabric.is_global_zero and self.rows > self.told:
            write_unreadable(self.data, self.path, sorted(self.rows))
            print(describe(self.data, sorted(self.rows), listed=self.path), file=sys.stderr)
        self.told = set(self.rows)


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
