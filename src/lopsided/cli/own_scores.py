"""What verbs do with scores:FILE, the scores of another program, in the place of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lopsided.cli.parser import Parser, file_to_write, folder_to_write
from lopsided.cli.rankings import rankings_of

if TYPE_CHECKING:
    from lopsided.inference.own_scores.reading import OwnScores

PREFIX = "scores:"


def is_scores(text: str) -> bool:
    """Whether a word names a file of scores in the place of a run.

    >>> is_scores("scores:model.csv"), is_scores("runs/model")
    (True, False)
    """
    return text.startswith(PREFIX)


def add_scores(parser: Parser, *, made: tuple[str, ...] = (), out: str = "") -> None:
    """Take what is said of scores:FILE.

    Args:
        parser: Of the verb.
        made: Which of ``calibration`` and ``thresholds`` the verb applies.
        out: Help of ``--out``; empty where the verb has none of its own.
    """
    about = "what the scores of scores:FILE are; it must be said, and goes with nothing else"
    parser.add_argument("--scores", type=str, choices=["logits", "probabilities"], help=about)
    for name in made:
        verb = "calibrate" if name == "calibration" else name
        parser.add_argument(f"--{name}", type=str, help=f"of scores:FILE: the file that lopsided {verb} wrote")
    if out:
        parser.add_argument("--out", type=file_to_write, help=out)


def check_options(parser: Parser, given: Any, *, unfit: tuple[str, ...] = ()) -> bool:
    """Whether scores are given; options that have no effect then, or without scores, are refused.

    Args:
        parser: Of the verb.
        given: What was parsed, with ``run``.
        unfit: Options that have no effect with scores.
    """
    own = is_scores(given.run)
    if own and given.scores is None:
        parser.error(f"expected --scores logits or --scores probabilities, to say what {given.run} holds, got neither")
    others = (
        unfit if own else tuple(name for name in ("scores", "calibration", "thresholds", "out") if name not in unfit)
    )
    for name in others:
        if getattr(given, name, None) not in (None, False):
            what = given.run if own else f"a run, {given.run}: it is for scores:FILE"
            parser.error(f"--{name.replace('_', '-')} has no effect with {what}")
    return own


def read(given: Any) -> OwnScores:
    """The scores that a command line names."""
    from lopsided.inference.own_scores.reading import read_scores

    return read_scores(Path(given.run.removeprefix(PREFIX)).expanduser(), kind=given.scores, source=given.source)


def _made(given: Any, name: str) -> dict[str, Any] | None:
    from lopsided.inference.own_scores.decisions import read_made

    path = getattr(given, name, None)
    return None if path is None else read_made(Path(path), name)


def evaluate(given: Any) -> dict[str, Any]:
    """Metrics of scores."""
    return _measured(read(given), given)


def _measured(scores: OwnScores, given: Any) -> dict[str, Any]:
    from lopsided.inference.own_scores.decisions import evaluate_scores

    thresholds, calibration = _made(given, "thresholds"), _made(given, "calibration")
    return evaluate_scores(
        scores,
        split=given.split,
        threshold=given.threshold,
        thresholds=thresholds,
        calibration=calibration,
        **rankings_of(given),
    )


def report(given: Any) -> Path:
    """Write a page about scores."""
    from lopsided.reports.scores.page import write_scores_report

    file, scores = Path(given.run.removeprefix(PREFIX)).expanduser(), read(given)
    out = Path(given.out or file_to_write(str(file.with_name(f"{file.name}.report.html"))))
    return write_scores_report(scores, _measured(scores, given), out)


def calibrate(given: Any) -> tuple[dict[str, Any], Path]:
    """Fit a calibration and write it."""
    from lopsided.inference.own_scores.decisions import calibrate_scores
    from lopsided.runs.json_files import write_json

    found, path = calibrate_scores(read(given), method=given.method, split=given.split), place(given, "calibration")
    write_json(path, found)
    return found, path


def choose(given: Any) -> tuple[dict[str, Any], Path]:
    """Choose thresholds and write them."""
    from lopsided.inference.own_scores.decisions import choose_for_scores
    from lopsided.runs.json_files import write_json

    found = choose_for_scores(
        read(given),
        rule=given.rule,
        at_least=given.at_least,
        per_label=given.per_label,
        split=given.split,
        calibration=_made(given, "calibration"),
    )
    path = place(given, "thresholds")
    write_json(path, found)
    return found, path


def place(given: Any, name: str) -> Path:
    """Where a calibration or thresholds go: --out, or beside the scores."""
    if given.out:
        return Path(given.out)
    file = Path(given.run.removeprefix(PREFIX)).expanduser()
    return Path(file_to_write(str(file.with_name(f"{file.name}.{name}.json"))))


def audit(given: Any) -> tuple[Any, Any, Path]:
    """What is suspected, the data it is about, and the folder to write."""
    from lopsided.inference.own_scores.decisions import audit_scores

    file = Path(given.run.removeprefix(PREFIX)).expanduser()
    out = Path(folder_to_write(given.out or str(file.with_name(f"{file.name}.audit"))))
    found, part = audit_scores(read(given), most=given.most, split=given.split, calibration=_made(given, "calibration"))
    return found, part.data, out
