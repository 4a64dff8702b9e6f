"""lopsided predict RUN FILES... or SOURCE."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lopsided.cli.parser import Parser, file_to_write
from lopsided.cli.printing import counted
from lopsided.data.catalogue import is_source

if TYPE_CHECKING:
    from lopsided.data import Data
    from lopsided.inference.processes import Processes
    from lopsided.training import RunFolder


def main(arguments: list[str]) -> int:
    """Write probabilities and say where."""
    parser = _parser()
    given = parser.parse_args(arguments)
    sources = [text for text in given.data if is_source(text) and not Path(text).exists()]
    _check(parser, given, sources)

    from lopsided.inference.processes import started
    from lopsided.inference.scoring import computed
    from lopsided.training import RunFolder

    run = RunFolder(Path(given.run))
    run.config()  # refuses what is no run, before processes are started
    with started(devices=given.devices or 1, machines=given.machines or 1) as processes:
        if processes.is_first:
            return _write(run, sources, processes, given)
        processes.serve(lambda: (run, _data(run, given, is_one_source=bool(sources))), computed)
    return 0


def _write(run: RunFolder, sources: list[str], processes: Processes, given: Any) -> int:
    from lopsided.inference.predict import predict as write
    from lopsided.inference.processes import shared
    from lopsided.inference.top import predict_top
    from lopsided.runs.unreadable import describe

    data = _data(run, given, is_one_source=bool(sources))
    if given.text and not given.out:
        return _print(run, data, given)
    out = Path(given.out) if given.out else run.path / "predictions.parquet"
    keep = not given.no_keep and (bool(sources) or not given.data)  # files by name are looked at once
    source = sources[0] if sources else None
    with shared(processes, data):
        if given.top_k is not None:
            count, unreadable = predict_top(run, data, out, top_k=given.top_k, split=given.split)
            what = f"{counted(count, 'sample')}, {given.top_k} labels of each,"
        else:
            count, unreadable = write(
                run, data, out, split=given.split, threshold=given.threshold, source=source, keep=keep
            )
            what = counted(count, "row")
    if unreadable:
        print(f"lopsided predict: {describe(data, unreadable)}", file=sys.stderr)
    print(f"wrote {what} to {out}")
    return int(len(unreadable) == count)  # a broken image among others is no failure, nothing but broken ones is


def _parser() -> Parser:
    parser = Parser(
        "predict",
        "Predicted labels and the probability of each label, one row a sample, to Parquet or CSV.",
        examples=(
            "lopsided predict runs/pets holiday.jpg pictures/ --out holiday.csv",
            "lopsided predict runs/bibtex table:new.csv --out new.parquet",
            "lopsided predict runs/packages new.jsonl --out new.csv",
            'lopsided predict runs/packages --text "A game of chess."',
            "lopsided predict runs/adaptive --split val",
        ),
    )
    parser.add_run()
    parser.add_argument(
        "data",
        nargs="*",
        help="image files and folders of them, a file of texts, or one source, whose labels are not needed "
        "(default: the run's own)",
    )
    parser.add_argument(
        "--text", type=str, action="append", help="a text, whose labels are printed; may be given several times"
    )
    parser.add_argument("--split", type=str, help="which split (default: test, else val, else the only one)")
    parser.add_threshold()
    parser.add_keep()
    parser.add_devices()
    parser.add_argument(
        "--top-k", type=int, help="write the most probable labels alone, a row for each, without those of less chance"
    )
    parser.add_argument(
        "--out",
        type=file_to_write,
        help="file to write, .parquet or .csv (default: RUN/predictions.parquet; with --text, none)",
    )
    return parser


def _check(parser: Parser, given: Any, sources: list[str]) -> None:
    if sources and len(given.data) > 1:
        parser.error(f"expected image files, or one source alone, got {sources[0]} among {len(given.data)}")
    if given.text and given.data:
        parser.error(f"expected texts by --text or other data, got both: {given.data[0]}")
    if given.top_k is not None and given.threshold is not None:
        parser.error(f"expected --top-k or --threshold, got both: {given.top_k} and {given.threshold}")
    if given.text and (given.devices or given.machines):
        parser.error(f"expected --devices with files or a source, got it with --text: {given.text[0]}")
    if given.top_k is not None and given.text:
        parser.error(f"expected --top-k or --text, got both: {given.top_k} and {given.text[0]}")


def _print(run: RunFolder, data: Data, given: Any) -> int:
    from lopsided.files.errors import quoted
    from lopsided.inference.predict import likeliest

    for text, labels in zip(given.text, likeliest(run, data, threshold=given.threshold), strict=True):
        print(f"{quoted(text)}: {labels}")
    return 0


def _data(run: RunFolder, given: Any, *, is_one_source: bool) -> Data:
    from lopsided.data import loose_images, loose_texts
    from lopsided.data.readers.columns.file import SUFFIXES
    from lopsided.runs.own_data import data_for

    run.config()  # refuse what is no run
    texts: list[str] = given.data
    if given.text:
        return loose_texts(given.text, label_names=run.labels())
    if not texts or is_one_source:
        return data_for(run, texts[0] if texts else None)
    if len(texts) == 1 and Path(texts[0]).suffix.lower() in SUFFIXES and run.preparation_folder.is_dir():
        return data_for(run, f"text:{texts[0]}")
    return loose_images([Path(text) for text in texts], label_names=run.labels())
