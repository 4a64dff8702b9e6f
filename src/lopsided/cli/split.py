"""lopsided split SOURCE --out FILE."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from argparse import ArgumentTypeError
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lopsided.cli.parser import Parser, file_to_write, probability
from lopsided.cli.printing import counted, named, say, table
from lopsided.data.catalogue import SOURCES
from lopsided.data.options import DataOptions
from lopsided.files.errors import DataError

if TYPE_CHECKING:
    import numpy as np

    from lopsided.data import Data

_VAL, _TEST = 0.1, 0.2
_NAMED = 3  # labels of a row


def main(arguments: list[str]) -> int:
    """Write a data set with new splits and print how near each comes to its share."""
    parser = _parser()
    given = parser.parse_args(arguments)
    options = _options(parser, given)
    shares = _shares(parser, given)

    import numpy as np

    from lopsided.data import read_source
    from lopsided.data.splits.stratification import reached, stratify
    from lopsided.data.splits.together import check_parts, kept_together
    from lopsided.data.writing.writer import inputs_for, write_data

    data, out = read_source(given.source, options, seed=given.seed), Path(given.out)
    inputs = inputs_for(data, out)  # refused before the work, where they cannot be written
    items = kept_together(data, near=_near(parser, given, data))
    check_parts(items, len(shares), name=data.name)
    parts = stratify(data.labels.positives, list(shares.values()), items=items, seed=given.seed)
    about = reached(data.labels, parts, shares) | _about_items(data, items)
    _refuse_empty(data, about)
    write_data(dataclasses.replace(data, splits=np.array(list(shares))[parts]), out, inputs=inputs)
    if given.json:
        print(json.dumps(about, ensure_ascii=False))
    else:
        _print(data, about, out)
    return 0


def _parser() -> Parser:
    parser = Parser(
        "split",
        "Share samples out to train, val and test, so that each has its share of every label; groups and copies stay "
        "together.",
        examples=(
            "lopsided split digits --out digits.npz",
            "lopsided split listing:photos/labels.csv --val 0.1 --test 0.2 --out photos/split.csv",
            'lopsided split listing:xrays/labels.csv --group "Patient ID" --near --out xrays/split.csv',
            "lopsided split arff:data/bibtex --folds 5 --out folds.csv",
        ),
    )
    parser.add_argument("source", help=f"{', '.join(SOURCES[:-1])} or {SOURCES[-1]}; its own splits are ignored")
    parser.add_argument("--out", type=_out, required=True, help=".csv for images, .npz or .csv for tables")
    parser.add_argument("--val", type=probability, help=f"share of the samples (default: {_VAL})")
    parser.add_argument("--test", type=probability, help=f"share of the samples (default: {_TEST})")
    parser.add_argument("--folds", type=int, help="instead of shares: splits fold0, fold1, … of equal size")
    parser.add_argument(
        "--group", type=str, help="column of groups, such as patients, as --data.group_column (default: by its name)"
    )
    parser.add_argument(
        "--near", action="store_true", help="keep images that look alike together, or texts that are nearly copies"
    )
    parser.add_argument("--data", type=DataOptions, default=DataOptions(validation_share=0))
    parser.add_argument("--seed", type=int, default=0, help="decides the order of equals, and the scenes of digits")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser


def _options(parser: Parser, given: Any) -> DataOptions:
    options: DataOptions = parser.checked(lambda: parser.instantiate(given)).data
    if options.validation_share or options.missing or options.unknown:
        parser.error(
            "expected --data.validation_share, --data.missing and --data.unknown only with lopsided train, got one here"
        )
    if options.test_share or options.fold is not None:
        parser.error("--data.test_share and --data.fold are for training: say --test, or --folds")
    if given.group is None:
        return options
    if options.group_column not in (None, given.group):
        parser.error(f"expected --group or --data.group_column, got both: {given.group} and {options.group_column}")
    return dataclasses.replace(options, group_column=given.group)


def _near(parser: Parser, given: Any, data: Data) -> np.ndarray | None:
    """What is alike, if it is asked for."""
    if not given.near:
        return None
    if (sketches := data.sketches()) is not None:
        from lopsided.data.texts.near_copies import near_copy_ids

        return near_copy_ids(sketches)
    if data.inputs().kind != "images":
        parser.error(f"--near has no effect with the source {given.source}: it is for images and texts")

    from lopsided.data import check_images
    from lopsided.data.images.near_duplicates import near_duplicate_ids

    check = check_images(data, workers=min(8, os.cpu_count() or 1) if data.opens_files else 0)
    if check.unreadable:
        first, reason = next(iter(check.unreadable.items()))
        print(
            f"lopsided split: {len(check.unreadable)} images cannot be opened and are like no other, such as "
            f"{data.sample_name(first)}: {reason}",
            file=sys.stderr,
        )
    return near_duplicate_ids(check.hashes)


def _about_items(data: Data, items: np.ndarray) -> dict[str, Any]:
    """``sets_kept_together``: how many sets of several samples stayed together; ``groups``: how many, if there are."""
    import numpy as np

    about = {"sets_kept_together": int(np.count_nonzero(np.bincount(items) > 1))}
    return about if data.groups is None else about | {"groups": len(np.unique(data.groups))}


def _refuse_empty(data: Data, about: dict[str, Any]) -> None:
    """Refuse a split without samples: a share is small beside what must stay together."""
    empty = [name for name, part in about["splits"].items() if not part["samples"]]
    if empty:
        raise DataError(
            f"{data.name}: expected a sample in each split, got none in {empty[0]}: its share is too small for "
            f"{len(data)} samples of which {about['sets_kept_together']} sets stay together; say a larger one"
        )


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
    from lopsided.data.checks.remarks import recognised
    from lopsided.data.writing.writer import group_option, weight_option

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
        *recognised(data),
        table(("split", "samples", "share", "labels deviate by", "share of the worst labels"), rows),
    )
    if rare := [f"{label} ({count})" for label, count in about["too_rare_for_every_split"].items()]:
        print(f"too few positives to be in every split: {named(rare)}")
    if together := about["sets_kept_together"]:
        why = "groups and copies" if "groups" in about else "copies"
        print(f"kept together: {together} sets of samples ({why})")
    options = [option for option in (group_option(data, out), weight_option(data, out)) if option]
    print(f"wrote {out}" + (f", to be read with {' '.join(options)}" if options else ""))
