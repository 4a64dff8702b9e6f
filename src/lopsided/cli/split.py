"""lopsided split SOURCE --out FILE."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np

from lopsided.cli.parser import Parser, file_to_write
from lopsided.data import DataOptions, read_source
from lopsided.data.contents.leakage import content_ids
from lopsided.data.source import SOURCES
from lopsided.data.stratification import joined, stratify
from lopsided.data.writer import write_data

_NAMED = 6  # labels named on a line


def main(arguments: list[str]) -> int:
    """Write a data set with new splits."""
    parser = Parser(
        "split",
        "Share samples out to train, val and test, so that each has its share of every label; copies stay together.",
        examples=(
            "lopsided split digits --out digits.npz",
            "lopsided split listing:photos/labels.csv --val 0.1 --test 0.2 --out photos/split.csv",
            "lopsided split arff:data/bibtex --folds 5 --out folds.npz",
        ),
    )
    parser.add_argument("source", help=f"{', '.join(SOURCES[:-1])} or {SOURCES[-1]}; its own splits are ignored")
    parser.add_argument("--out", type=file_to_write, required=True, help=".csv for images, .npz or .csv for tables")
    parser.add_argument("--val", type=float, default=0.1, help="share of the samples, at least 0")
    parser.add_argument("--test", type=float, default=0.2, help="share of the samples, at least 0")
    parser.add_argument("--folds", type=int, help="in place of shares: splits fold0, fold1, … of equal size")
    parser.add_argument("--data", type=DataOptions, default=DataOptions(validation_share=0))
    parser.add_argument("--seed", type=int, default=0, help="decides the order of equals")
    parser.add_argument("--json", action="store_true", help="print JSON instead of lines")
    given = parser.parse_args(arguments)
    options = dataclasses.replace(parser.checked(lambda: parser.instantiate(given)).data, validation_share=0)
    if given.folds is not None and given.folds < 2:
        parser.error(f"expected --folds to be at least 2, got {given.folds}")
    if not (given.val >= 0 and given.test >= 0 and given.val + given.test < 1):
        parser.error(f"expected --val and --test to be at least 0, together below 1, got {given.val} and {given.test}")
    if given.seed < 0:
        parser.error(f"expected --seed to be at least 0, got {given.seed}")
    if given.folds:
        shares = {f"fold{fold}": 1 / given.folds for fold in range(given.folds)}
    else:
        shares = {"train": 1 - given.val - given.test, "val": given.val, "test": given.test}
        shares = {name: share for name, share in shares.items() if share}
        if len(shares) < 2:
            parser.error("expected --val or --test above 0, got 0 and 0")
    data = read_source(given.source, options, seed=given.seed)
    items = joined(content_ids(data))
    parts = stratify(data.labels.positives, list(shares.values()), items=items, seed=given.seed)
    write_data(dataclasses.replace(data, splits=np.array(list(shares))[parts]), Path(given.out))

    total = data.labels.positives_per_label()
    reached = {}
    for part, (name, share) in enumerate(shares.items()):
        there = np.asarray(data.labels.positives[np.flatnonzero(parts == part)].sum(axis=0)).ravel()
        off = np.abs(there / np.maximum(total, 1) - share)[total > 0]
        worst = np.flatnonzero(total > 0)[np.argsort(-off, kind="stable")[:_NAMED]]
        reached[name] = {
            "samples": int(np.count_nonzero(parts == part)),
            "share": float((parts == part).mean()),
            "mean_deviation_of_labels": float(off.mean()) if len(off) else 0.0,
            "worst_labels": [data.labels.names[label] for label in worst],
        }
    rare = [data.labels.names[label] for label in np.flatnonzero((total > 0) & (total < len(shares)))]
    if given.json:
        print(json.dumps({"splits": reached, "too_rare_for_every_split": rare}, ensure_ascii=False))
        return 0
    for name, part in reached.items():
        print(
            f"{name}: {part['samples']} samples, share {part['share']:.4f}; labels deviate by "
            f"{part['mean_deviation_of_labels']:.4f} on average, most {', '.join(part['worst_labels'])}"
        )
    if rare:
        more = f" and {len(rare) - _NAMED} more" if len(rare) > _NAMED else ""
        print(f"too rare to be in every split: {', '.join(rare[:_NAMED])}{more}")
    return 0
