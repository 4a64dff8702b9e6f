"""Results that others published, as data: published.csv beside this file, a line for each number."""

from __future__ import annotations

import csv
from dataclasses import dataclass, fields
from pathlib import Path

__all__ = ["Published", "published", "published_table"]

FILE = Path(__file__).with_name("published.csv")


@dataclass(frozen=True)
class Published:
    """One number, as its source has it; empty where the source does not say.

    Args:
        data: Data set.
        backbone: Network.
        resolution: Height and width of the images, pixels.
        loss: What it was trained with.
        metric: What was measured, in percent.
        value: The number, as text with its digits; the lowest of several.
        highest: The highest of several.
        remark: What to know about it.
        source: Who published it.
    """

    data: str
    backbone: str
    resolution: str
    loss: str
    metric: str
    value: str
    highest: str
    remark: str
    source: str


def published() -> list[Published]:
    """Every published number, in the order of the file.

    >>> first = published()[0]
    >>> first.data, first.backbone, first.loss, first.metric, first.value
    ('MS-COCO', 'TResNet-L', 'asymmetric', 'mAP', '86.6')
    """
    with FILE.open(newline="", encoding="utf-8") as file:
        return [Published(**line) for line in csv.DictReader(file)]


def published_table() -> str:
    """The numbers as a Markdown table, which the documentation shows."""
    names = [field.name for field in fields(Published) if field.name != "highest"]
    lines = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    for one in published():
        cells = [getattr(one, name) for name in names]
        if one.highest:
            cells[names.index("value")] = f"{one.value} to {one.highest}"
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
