"""lopsided inspect SOURCE."""

from __future__ import annotations

import json
import math

import numpy as np

from lopsided.cli.parser import Parser
from lopsided.data import DataOptions, Table, imbalance, read_source, summarise


def inspect(arguments: list[str]) -> int:
    """Print what a data set holds."""
    parser = Parser(
        "inspect",
        "What a data set holds, as it lies on disk: splits, labels, imbalance, samples in two splits.",
        examples=("lopsided inspect digits", "lopsided inspect arff:data/bibtex --json"),
    )
    parser.add_argument("source", help="digits, table:FILE or arff:STEM")
    parser.add_argument("--data", type=DataOptions, default=DataOptions(validation_share=0))
    parser.add_argument("--seed", type=int, default=0, help="decides the scenes of digits")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    given = parser.parse_args(arguments)
    options = parser.checked(lambda: parser.instantiate(given)).data
    table = read_source(given.source, options, seed=given.seed)
    summary = summarise(table)
    if given.json:
        print(json.dumps(summary))
    else:
        _print(table, summary)
    return 0


def _print(data: Table, summary: dict) -> None:
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table as Grid

    console = Console()
    inputs = " x ".join(map(str, data.input_shape))
    console.print(
        f"[bold]{escape(data.name)}[/bold]: {len(data)} samples, inputs {inputs}, {summary['labels']} labels\n"
    )
    splits = Grid(box=box.SIMPLE_HEAD)
    for name in ("split", "samples", "labels a sample", "labels without positives", "unknown"):
        splits.add_column(name, justify="left" if name == "split" else "right")
    for name, part in summary["splits"].items():
        cells = (
            part["samples"],
            f"{part['positives_per_sample']:.2f}",
            part["labels_without_positives"],
            part["unknown"],
        )
        splits.add_row(escape(name), *map(str, cells))
    console.print(splits)

    first = data.split_names[0]
    ratios = imbalance(data, first)
    order = np.argsort(ratios, kind="stable")
    rows = order if len(order) <= 10 else np.concatenate([order[:5], order[-5:]])
    console.print(f"most and least frequent labels in {escape(first)}")
    labels = Grid(box=box.SIMPLE_HEAD)
    labels.add_column("label")
    labels.add_column("negatives per positive", justify="right")
    for place, row in enumerate(rows):
        if place == 5 and len(order) > 10:
            labels.add_row("...", "...")
        ratio = f"{ratios[row]:.1f}" if math.isfinite(ratios[row]) else "no positives"
        labels.add_row(escape(data.labels.names[row]), ratio)
    console.print(labels)
    leaks = summary["in_two_splits"]
    verdict = "no sample occurs in two splits" if not leaks else f"{leaks} different samples occur in two splits"
    console.print(verdict)
