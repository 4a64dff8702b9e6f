"""lopsided inspect SOURCE."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import sys
from typing import TYPE_CHECKING, Any

from lopsided.cli.parser import Parser
from lopsided.cli.printing import counted, named, say, table
from lopsided.data.catalogue import SOURCES
from lopsided.data.options import DataOptions

if TYPE_CHECKING:
    from lopsided.data import Data, ImageCheck
    from lopsided.data.texts.tokens import TokenPreparation

_SHOWN = 10  # files named on a terminal
_NAMED = 6  # labels named on a line


def main(arguments: list[str]) -> int:
    """Print what a data set holds."""
    parser = _parser()
    given = parser.parse_args(arguments)
    options = parser.checked(lambda: parser.instantiate(given)).data

    from lopsided.data import read_source, summarise
    from lopsided.data.checks.summary import always_true, set_aside

    data = read_source(given.source, options, seed=given.seed)
    as_it_lies = data
    if options.validation_share:
        as_it_lies = read_source(given.source, dataclasses.replace(options, validation_share=0), seed=given.seed)
    encoder = _encoder(parser, given, data)
    if given.check_images and not data.opens_files:
        parser.error(f"expected --check-images only with a source of image files, got {given.source}")
    summary = summarise(data)
    for line in summary["notes"]:
        print(f"lopsided inspect: {line}", file=sys.stderr)
    if data.columns is not None:
        summary["columns"] = dict(data.columns)
    share = options.validation_share or DataOptions().validation_share
    summary["set_aside_for_validation"] = set_aside(as_it_lies, share=share, seed=given.seed)
    summary["labels_always_true"] = {split: always_true(data, split) for split in data.split_names}
    if lengths := data.lengths_described():
        summary["lengths"] = lengths
    if given.check_images:
        from lopsided.data import check_images

        summary |= _checked(data, check_images(data, workers=min(8, os.cpu_count() or 1)))
    summary |= _near_copies(data)
    if encoder is not None:
        about = {"model": given["model.name"], "max_length": encoder.max_length}
        summary["cut_off"] = about | {"texts": encoder.num_cut_off(data)}
    if given.json:
        print(json.dumps(summary, ensure_ascii=False))
    else:
        _print(data, summary)
    return 0


def _parser() -> Parser:
    parser = Parser(
        "inspect",
        "What a data set holds, as it lies on disk: splits, labels, imbalance, samples in two splits.",
        examples=(
            "lopsided inspect digits",
            "lopsided inspect listing:photos/labels.csv --check-images",
            "lopsided inspect arff:data/bibtex --json",
            "lopsided inspect text:packages.jsonl --model.name all-minilm-l6-v2",
        ),
    )
    parser.add_argument("source", help=f"{', '.join(SOURCES[:-1])} or {SOURCES[-1]}")
    parser.add_argument("--data", type=DataOptions, default=DataOptions(validation_share=0))
    parser.add_argument("--seed", type=int, default=0, help="decides the scenes of digits")
    parser.add_argument(
        "--check-images", action="store_true", help="open every image: name broken ones, find near-duplicates in splits"
    )
    parser.add_argument(
        "--model.name", type=str, help="text encoder, as train takes it: say how many texts it reads in part only"
    )
    parser.add_argument("--model.max_length", type=int, help="tokens that it reads (default: as train)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    return parser


def _checked(data: Data, check: ImageCheck) -> dict[str, Any]:
    """``unreadable``: path and reason of each; ``near_duplicates_in_two_splits``: pairs of paths."""
    from lopsided.data import near_duplicates_in_two_splits

    pairs = near_duplicates_in_two_splits(check.hashes, data.splits)
    return {
        "unreadable": {data.sample_name(row): reason for row, reason in check.unreadable.items()},
        "near_duplicates_in_two_splits": [[data.sample_name(row) for row in pair] for pair in pairs.tolist()],
    }


def _near_copies(data: Data) -> dict[str, Any]:
    """``near_duplicates_in_two_splits`` of texts: pairs of their names."""
    if len(data.split_names) < 2 or (sketches := data.sketches()) is None:
        return {}
    from lopsided.data.texts.near_copies import near_copies_in_two_splits

    pairs = near_copies_in_two_splits(sketches, data.splits).tolist()
    return {"near_duplicates_in_two_splits": [[data.sample_name(row) for row in pair] for pair in pairs]}


def _encoder(parser: Parser, given: Any, data: Data) -> TokenPreparation | None:
    """What makes tokens of texts for the encoder that is named, if one is."""
    name, max_length = given["model.name"], given["model.max_length"]
    if name is None:
        if max_length is not None:
            parser.error(f"expected --model.max_length with --model.name, got {max_length} alone")
        return None
    from lopsided.data.texts.tokens import TokenPreparation
    from lopsided.models import ModelOptions
    from lopsided.models.texts.files import PACKAGED, is_encoder
    from lopsided.runs.preparations import fit_preparation

    if data.inputs().kind != "texts":
        parser.error(f"expected --model.name only with a source of texts, got {given.source}")
    options = parser.checked(lambda: ModelOptions(name=name, max_length=max_length))
    if not is_encoder(name):
        parser.error(
            f"expected --model.name to be a text encoder such as {PACKAGED}, got {name}, which cuts nothing off"
        )
    found = fit_preparation(options, data)
    assert isinstance(found, TokenPreparation)
    return found


def _print(data: Data, summary: dict[str, Any]) -> None:
    from lopsided.data.checks.remarks import recognised

    splits = [
        (
            name,
            part["samples"],
            f"{part['positives_per_sample']:.2f}",
            part["labels_without_positives"],
            part["unknown"],
        )
        for name, part in summary["splits"].items()
    ]
    say(
        f"{data.name}: {counted(len(data), 'sample')}, {data.described()}, {counted(summary['labels'], 'label')}\n",
        *recognised(data),
        table(("split", "samples", "labels a sample", "labels without positives", "unknown"), splits),
        *(f"{unit} of a text: {_shown(lengths)}" for unit, lengths in summary.get("lengths", {}).items()),
        *_about_weights(summary),
        *_about_tokens(summary),
        *_about_measuring(summary),
    )
    import numpy as np

    from lopsided.data import imbalance

    first = data.split_names[0]
    ratios = imbalance(data, first)
    order = np.argsort(ratios, kind="stable")
    labels = [
        (data.labels.names[row], f"{ratios[row]:.1f}" if math.isfinite(ratios[row]) else "no positives")
        for row in order.tolist()
    ]
    if len(labels) > 10:
        labels[5:-5] = [("...", "...")]
    say(f"most and least frequent labels in {first}", table(("label", "negatives per positive"), labels))
    for line in _about_leaks(summary):
        print(line)
    if "unreadable" in summary:
        _print_unreadable(summary["unreadable"])
    if "near_duplicates_in_two_splits" in summary:
        _print_near(summary["near_duplicates_in_two_splits"], "text" if "lengths" in summary else "image")


def _shown(lengths: dict[str, int]) -> str:
    smallest, median, most, largest = (f"{length:,}" for length in lengths.values())
    return f"{smallest} to {largest}, half have at most {median}, 95 % at most {most}"


def _about_weights(summary: dict[str, Any]) -> list[str]:
    if (weights := summary.get("weights")) is None:
        return []
    return [
        f"samples weigh from {weights['smallest']:g} to {weights['largest']:g} in the training loss, "
        f"{weights['mean']:.3g} on average"
    ]


def _about_tokens(summary: dict[str, Any]) -> list[str]:
    if (cut := summary.get("cut_off")) is None:
        return []
    samples = sum(part["samples"] for part in summary["splits"].values())
    return [
        f"{cut['model']} reads {cut['max_length']} tokens: {cut['texts']:,} of {samples:,} texts "
        f"({cut['texts'] / samples:.1%}) are longer and are cut off there"
    ]


def _about_measuring(summary: dict[str, Any]) -> list[str]:
    """What training will set aside, which samples evaluation will measure on, and which labels say nothing there."""
    lines, splits = [], summary["splits"]
    if aside := summary["set_aside_for_validation"]:
        kept = aside["of"] - aside["samples"]
        lines.append(
            f"no val split: lopsided train sets {aside['samples']} of the {aside['of']} training samples aside for it "
            f"(--data.validation_share {aside['share']:g}, by the seed) and trains on {kept}; "
            f"labels without positives in that part: {aside['labels_without_positives']}"
        )
    if "train" in splits and "test" not in splits:
        lines.append(
            "no test split: lopsided evaluate measures on val, which chooses weights and thresholds: optimistic"
        )
    for split, names in summary["labels_always_true"].items():
        if names:
            shown = named(names, most=_NAMED)
            lines.append(f"always true in {split}, which makes an average precision of 1: {shown}")
    for split, part in splits.items():
        if split != "train" and part["labels_without_positives"]:
            measured = summary["labels"] - part["labels_without_positives"]
            lines.append(f"mAP on {split} is the mean over the {measured} of {summary['labels']} labels with positives")
    return lines


def _about_leaks(summary: dict[str, Any]) -> list[str]:
    """How many contents, and how many groups, lie in two splits."""
    leaks = summary["in_two_splits"]
    lines = ["no sample occurs in two splits" if not leaks else f"{leaks} different samples occur in two splits"]
    if "groups" in summary:
        parted = summary["groups_in_two_splits"]
        lines.append(f"{parted or 'none'} of {summary['groups']} groups lie in two splits")
    return lines


def _print_unreadable(broken: dict[str, str]) -> None:
    print("every image can be opened" if not broken else f"{counted(len(broken), 'image')} cannot be opened:")
    _print_some([f"{path}: {reason}" for path, reason in broken.items()])


def _print_near(pairs: list[list[str]], what: str) -> None:
    look, share = ("looks", "shares") if len(pairs) == 1 else ("look", "share")
    found, nothing = f"{look} like one of an earlier split:", "no images of two splits look alike"
    if what == "text":
        from lopsided.data.texts.near_copies import SIMILARITY

        found = f"{share} {SIMILARITY:.0%} or more of all runs of five characters with one of an earlier split:"
        nothing = f"no texts of two splits share {SIMILARITY:.0%} or more of their runs of five characters"
    print(f"{counted(len(pairs), what)} {found}" if pairs else nothing)
    _print_some([f"{sample}, like {earlier}" for earlier, sample in pairs])


def _print_some(lines: list[str]) -> None:
    for line in lines[:_SHOWN]:
        print(f"  {line}")
    if len(lines) > _SHOWN:
        print(f"  and {len(lines) - _SHOWN} more (--json names all)")
