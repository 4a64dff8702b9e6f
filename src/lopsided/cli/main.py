"""`lopsided VERB …`: finds the verb's file; imports nothing that the verb does not need."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Sequence

import lopsided

VERBS = {
    "demo": "everything on the bundled data, then a report to open",
    "inspect": "what a data set holds: splits, labels, imbalance, leaks",
    "train": "train a network: SOURCE to a run folder",
    "evaluate": "every metric of a run",
    "calibrate": "fit a run's probabilities to its validation split",
    "thresholds": "choose above which probability labels are predicted",
    "predict": "labels and probabilities to Parquet or CSV",
    "sweep": "an experiment of the paper: many settings and seeds, with error bars",
    "curves": "losses and gradients against probability, as pictures",
    "report": "one page out of one or many runs",
    "audit": "labels that are probably missing or wrong",
    "export": "a run as ONNX, checked against PyTorch",
}

_EXTRAS = {
    **dict.fromkeys(("matplotlib", "jinja2"), "report"),
    **dict.fromkeys(("PIL", "torchvision", "timm", "safetensors"), "vision"),
    **dict.fromkeys(("onnx", "onnxscript", "onnxruntime"), "export"),
    **dict.fromkeys(("optuna", "psycopg", "filelock"), "lab"),
}
"""Extra that brings a package; train, where it is not named here."""

HELP = f"""usage: lopsided VERB ...

Train multi-label classifiers under imbalance.

{chr(10).join(f"  {verb:<11} {what}" for verb, what in VERBS.items())}

SOURCE is digits (bundled);
  images: coco:DIR, voc:DIR, nus-wide:DIR, open-images:DIR, listing:FILE (CSV, Parquet, JSON lines) or listing:FOLDER;
  features: table:FILE (CSV, Parquet, NPZ) or arff:STEM.
Each verb explains itself: lopsided VERB --help. Where an error needs a traceback: --debug.

examples:
  lopsided demo
  lopsided train digits --loss.name adaptive --training.epochs 5 --out runs/adaptive
  lopsided evaluate runs/adaptive
  lopsided report runs/adaptive
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a verb.

    Args:
        arguments: What stands behind ``lopsided``; by default that of this process.

    Returns: 0 done, 1 the input or the run failed, 2 wrong usage.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help", "help"):
        print(HELP, end="")
        return 0 if words else 2
    if words[0] == "--version":
        print(f"lopsided {lopsided.__version__}")
        return 0
    verb, rest = words[0], words[1:]
    if verb not in VERBS:
        near = difflib.get_close_matches(verb, VERBS, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"verbs are {', '.join(VERBS)}"
        print(f"lopsided: error: no verb {verb!r}; {hint}", file=sys.stderr)
        return 2
    debug = "--debug" in rest
    try:
        return _run(verb, [word for word in rest if word != "--debug"])
    except SystemExit as end:  # the parser's: help was shown, or the usage was wrong
        return end.code if isinstance(end.code, int) else 2
    except KeyboardInterrupt:
        if debug:
            raise
        print(f"\nlopsided {verb}: stopped", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader of our output left: nothing to say, and nobody to say it to
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if debug:
            raise
        print(f"lopsided {verb}: error: {_one_line(error)}", file=sys.stderr)
        return 1


def _run(verb: str, arguments: list[str]) -> int:
    match verb:
        case "demo":
            from lopsided.cli.demo import demo as run
        case "inspect":
            from lopsided.cli.inspect import inspect as run
        case "train":
            from lopsided.cli.train import train as run
        case "evaluate":
            from lopsided.cli.evaluate import evaluate as run
        case "calibrate":
            from lopsided.cli.calibrate import calibrate as run
        case "thresholds":
            from lopsided.cli.thresholds import thresholds as run
        case "predict":
            from lopsided.cli.predict import predict as run
        case "sweep":
            from lopsided.cli.sweep import sweep as run
        case "curves":
            from lopsided.cli.curves import curves as run
        case "audit":
            from lopsided.cli.audit import audit as run
        case "export":
            from lopsided.cli.export import export as run
        case _:
            from lopsided.cli.report import report as run
    return run(arguments)


def _one_line(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name and not error.name.startswith("lopsided"):
        package = error.name.partition(".")[0]
        return f'this needs the package {package}: pip install "lopsided[{_EXTRAS.get(package, "train")}]"'
    text = str(error)
    if "Original Traceback" in text:  # of a process that prepares batches; its last line is the error
        text = text.strip().splitlines()[-1].partition(": ")[2]
    text = " ".join(text.split())
    if "can't allocate memory" in text or isinstance(error, MemoryError):
        return "this takes more memory than there is (--debug shows where)"
    if isinstance(error, (ValueError, OSError, ImportError)):
        return printable(text) or type(error).__name__
    return f"{type(error).__name__}: {printable(text)} (--debug shows where)"


def printable(text: str) -> str:
    """Text that a terminal shows and does not obey: a file may be called anything.

    >>> printable("caf\u00e9 \x1b[2J")
    'café \\\\x1b[2J'
    """
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
