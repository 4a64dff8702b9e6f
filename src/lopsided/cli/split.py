"""lopsided split SOURCE --out FILE."""

from __future__ import annotations

import dataclasses
import json
from argparse import ArgumentTypeError
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lopsided.cli.parser import Parser, file_to_write, probability
from lopsided.cli.printing import counted, named, say, table
from lopsided.data.catalogue import SOURCES
from lopsided.data.options import DataOptions

if TYPE_CHECKING:
    from lopsided.data import Data

_VAL, _TEST = 0.1, 0.2
_NAMED = 3  # labels of a row


def main(arguments: list[str]) -> int:
    """Write a data set with new splits and print how near each comes to its share."""
    parser = Parser(
        "split",
        "Share samples out to train, val and test, so that each has its share of every label; copies stay together.",
        examples=(
            "lopsided split digits --out digits.npz",
            "lopsided split listing:photos/labels.csv --val 0.1 --test 0.2 --out photos/split.csv",
            "lopsided split arff:data/bibtex --folds 5 --out folds.csv",
        ),
    )
    parser.add_argument("source", help=f"{', '.join(SOURCES[:-1])} or {SOURCES[-1]}; its own splits are ignored")
    parser.add_argument("--out", type=_out, required=True, help=".csv for images, .npz or .csv for tables")
    parser.add_argument("--val", type=probability, help=f"share of the samples (default: {_VAL})")
    parser.add_argument("--test", type=probability, help=f"share of the samples (default: {_TEST})")
    parser.add_argument("--folds", type=int, help="instead of shares: splits fold0, fold1, … of equal size")
    parser.add_argument("--data", type=DataOptions, default=DataOptions(validation_share=0))
    parser.add_argument("--seed", type=int, default=0, help="decides the order of equals, and the scenes of digits")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    given = parser.parse_args(arguments)
    options = parser.checked(lambda: parser.instantiate(given)).data
    if options.validation_share or options.missing:
        parser.error(
            "expected --data.validation_share and --data.missing only with lopsided train, got one of them here"
        )
    shares = _shares(parser, given)

    import numpy as np

    from lopsided.data import read_source
    from lopsided.data.contents.leakage import content_ids
    from lopsided.data.stratification import joined, reached, stratify
    from lopsided.data.writing.writer import inputs_for, write_data

    data, out = read_source(given.source, options, seed=given.seed), Path(given.out)
    inputs = inputs_for(data, out)  # refused before the work, where they cannot be written
    items = joined(content_ids(data))
    parts = stratify(data.labels.positives, list(shares.values()), items=items, seed=given.seed)
    write_data(dataclasses.replace(data, splits=np.array(list(shares))[parts]), out, inputs=inputs)
    about = reached(data.labels, parts, shares)
    if given.json:
        print(json.dumps(about, ensure_ascii=False))
    else:
        _print(data, about, out)
    return 0


def _out(text: str) -> str:
    if Path(text).suffix.lower() not in (".csv", ".npz"):
        raise ArgumentTypeError(f"expected a name that ends in .csv or .npz, got {text}")
    return file_to_write(text)


def _shares(parser: Parser, given: Any) -> dict[str, float]:
    """Of each split, above 0."""
    if given.seed < 0:
        parser.error(f"expected --seed to be at least 0, got {given.seed}")
    if given.folds is not None:
        if given.val is not None or given.test is not None:
            parser.error("expected --folds, or --val and --test, got both")
        if given.folds < 2:
            parser.error(f"expected --folds to be at least 2, got {given.folds}")
        return {f"fold{fold}": 1 / given.folds for fold in range(given.folds)}
    val = _VAL if given.val is None else given.val
    test = _TEST if given.test is None else given.test
    if not 0 < val + test < 1:
        parser.error(f"expected the sum of --val and --test to lie above 0 and below 1, got {val} and {test}")
    shares = {"train": 1 - val - test, "val": val, "test": test}
    return {name: share for name, share in shares.items() if share}


def _print(data: Data, about: dict[str, Any], out: Path) -> None:
    rows = [
        (
            name,
            part["samples"],
            f"{part['share']:.4f}",
            f"{part['mean_deviation']:.4f}",
            "\n".join(f"{label} {share:.4f}" for label, share in list(part["worst_labels"].items())[:_NAMED]),
        )
        for name, part in about["splits"].items()
    ]
    say(
        f"{data.name}: {counted(len(data), 'sample')}, {counted(len(data.labels.names), 'label')}\n",
        table(("split", "samples", "share", "labels deviate by", "share of the worst labels"), rows),
    )
    if rare := [f"{label} ({count})" for label, count in about["too_rare_for_every_split"].items()]:
        print(f"too few positives to be in every split: {named(rare)}")
    print(f"wrote {out}")
