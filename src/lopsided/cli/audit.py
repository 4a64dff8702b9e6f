"""lopsided audit RUN or scores:FILE, SOURCE."""

from __future__ import annotations

import json
import shlex
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lopsided.cli import own_scores
from lopsided.cli.parser import Parser, file_to_write, folder_to_write
from lopsided.cli.printing import counted, say, table

if TYPE_CHECKING:
    from lopsided.data import Data

_SHOWN = 12  # labels of the table on a terminal


def main(arguments: list[str]) -> int:
    """Write the suspects and a page to go through them, or carry out what was decided there."""
    parser = _parser()
    given = parser.parse_args(arguments)
    _check(parser, given)
    if _are_scores(parser, given):
        return _of_scores(given)

    from lopsided.runs.lock import writing
    from lopsided.runs.own_data import is_own
    from lopsided.training import RunFolder

    run = RunFolder(Path(given.run))
    place = given.out or str(run.path / "audit")
    out = Path(file_to_write(place) if given.apply is not None else folder_to_write(place))
    own = given.source is None or is_own(run, given.source)
    data = _data(run, given, own=own)
    if given.apply is not None:
        return _apply(data, Path(given.apply), out)
    with writing(run.path) if given.folds or given.out is None else nullcontext():
        return _look(run, data, out, given, own=own)


def _parser() -> Parser:
    parser = Parser(
        "audit",
        "Which labels of a data set are probably missing and which probably wrong, the most doubtful first, by "
        "networks that were not trained on the sample. Writes suspects.csv, labels.csv and audit.html, a page to "
        "accept or reject them; what it saves, --apply carries out.",
        examples=(
            "lopsided audit runs/photos listing:photos/labels.csv --folds 3",
            "lopsided audit runs/photos listing:photos/labels.csv --apply decisions.csv --out photos/corrected.csv",
            "lopsided audit scores:forest.csv --scores probabilities  # with a column fold",
        ),
    )
    parser.add_run(source="data to look at (default: the run's own); of scores, where their truth is", scores=True)
    parser.add_argument(
        "--folds",
        type=int,
        help="train so many runs more, each without one part of the training samples, and look at these too, >= 2",
    )
    parser.add_argument("--split", type=str, help="which split (default: all; without --folds all but train)")
    parser.add_argument("--most", type=int, default=2000, help="suspects to list (default 2000; the page shows 500)")
    parser.add_argument("--apply", type=str, help="decisions of the page: write the corrected data to --out instead")
    parser.add_argument(
        "--out", type=str, help="folder to write (default: RUN/audit); with --apply a .csv or .npz file"
    )
    parser.add_keep()
    own_scores.add_scores(parser, made=("calibration",))
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser


def _are_scores(parser: Parser, given: Any) -> bool:
    unfit = ("no_keep", "folds") if own_scores.is_scores(given.run) else ("out",)
    are_scores = own_scores.check_options(parser, given, unfit=unfit)
    if are_scores and given.apply is not None and given.source is None:
        parser.error("--apply with scores:FILE needs SOURCE, the data to correct")
    return are_scores


def _of_scores(given: Any) -> int:
    if given.apply is not None:
        return _apply(own_scores.read(given).data, Path(given.apply), Path(file_to_write(given.out)))
    return _write(*own_scores.audit(given), given, source=given.source or "SOURCE")


def _data(run: Any, given: Any, *, own: bool) -> Data:
    """The data to look at; labels of the run's own data may have been corrected since, if the data is named."""
    from lopsided.data.writing.corrections import says_what_was_judged
    from lopsided.runs.own_data import data_for, relabelled_data

    if given.source is None or not own:
        return data_for(run, given.source)
    check = given.apply is None or not says_what_was_judged(Path(given.apply))
    return relabelled_data(run, given.source, check=check)


def _check(parser: Parser, given: Any) -> None:
    if given.folds is not None and given.folds < 2:
        parser.error(f"expected --folds to be at least 2, got {given.folds}")
    if given.most < 1:
        parser.error(f"expected --most to be at least 1, got {given.most}")
    if given.apply is not None and given.out is None:
        parser.error("expected --out, the file to write, with --apply, got none")
    if given.apply is not None and (given.folds or given.split or given.json):
        parser.error(
            "expected --apply without --folds, --split and --json, which only writes decisions, got one of them"
        )


def _look(run: Any, data: Data, out: Path, given: Any, *, own: bool) -> int:
    from lopsided.inference.audit import audit as rank
    from lopsided.inference.cross_fit import out_of_sample

    def told(number: int) -> None:
        print(f"lopsided audit: fold {number} of {given.folds}", file=sys.stderr, flush=True)

    splits: tuple[str, ...] | None = None if given.split is None else (given.split,)
    if splits is None and not own and not given.folds:
        splits = data.split_names  # new data, whatever its splits are called, was not trained on
    if splits == ("train",) and not given.folds and own:
        raise ValueError("the run was trained on this split: add --folds 3 for networks that were not")
    scores = out_of_sample(
        run,
        data,
        folds=given.folds,
        splits=splits,
        on_fold=told,
        source=None if own else given.source,
        keep=not given.no_keep,
    )
    return _write(rank(scores, most=given.most), data, out, given, source=given.source or run.config().source)


def _write(found: Any, data: Data, out: Path, given: Any, *, source: str) -> int:
    from lopsided.inference.audit import write_counts, write_suspects
    from lopsided.reports.audit.page import write_audit_page

    out.mkdir(parents=True, exist_ok=True)
    write_suspects(found, data, out / "suspects.csv")
    write_counts(found, data, out / "labels.csv")
    said = [] if given.scores is None else ["--scores", given.scores]
    words = ["lopsided", "audit", given.run, source, *said, "--apply", "decisions.csv", "--out", "corrected.csv"]
    write_audit_page(
        found,
        data,
        out / "audit.html",
        title=f"Labels to check: {given.run if source == 'SOURCE' else source}",
        command=shlex.join(words),
    )
    if given.json:
        print(json.dumps(_summary(found, data), ensure_ascii=False))
    else:
        _print(found, data)
        print(f"wrote {out / 'suspects.csv'}, {out / 'labels.csv'}\nopen {out / 'audit.html'}")
    return 0


def _summary(found: Any, data: Data) -> dict[str, Any]:
    names = data.labels.names
    columns = (found.noted.tolist(), found.missing.tolist(), found.wrong.tolist(), found.trust.removable.tolist())
    return {
        "samples": found.num_samples,
        "noted": int(found.noted.sum()),
        "missing": float(found.missing.sum()),
        "wrong": float(found.wrong.sum()),
        "warnings": list(found.trust.warnings),  # with any, the numbers are bounds and nothing is called wrong
        "separation": None if found.trust.separation != found.trust.separation else found.trust.separation,
        "labels": {
            name: {"noted": noted, "missing": missing, "wrong": wrong, "removals": removals}
            for name, noted, missing, wrong, removals in zip(names, *columns, strict=True)
        },
    }


def _print(found: Any, data: Data) -> None:
    import numpy as np
    from rich.text import Text

    from lopsided.inference.audit import counts
    from lopsided.inference.evaluations.trust import banner

    about = _summary(found, data)
    rows, order = counts(found, data), np.argsort(-(found.missing + found.wrong), kind="stable")
    sums = ("–", "–") if found.trust.warnings else (f"{about['missing']:.0f}", f"{about['wrong']:.0f}")
    shown = [*(rows[k] for k in order[:_SHOWN].tolist()), (f"all {len(rows)}", about["noted"], *sums)]
    say(
        *(Text(line, style="bold") for line in banner(found.trust)),
        f"{data.name}: {counted(about['samples'], 'sample')}",
        table(("label", "noted", "probably missing", "probably wrong"), shown),
    )
    if not found.trust.warnings and not found.trust.removable.all():
        print("–: noted too seldom, or separated too badly, for anything to be called wrong")


def _apply(data: Data, decisions: Path, out: Path) -> int:
    from lopsided.data.writing.corrections import corrected, read_decisions
    from lopsided.data.writing.writer import write_data

    accepted, rejected = read_decisions(decisions, data)
    write_data(corrected(data, accepted), out)
    added = sum(correction.kind == "missing" for correction in accepted)
    print(
        f"wrote {out}: {counted(added, 'label')} added, {len(accepted) - added} removed; {rejected} left as they were"
    )
    return 0
