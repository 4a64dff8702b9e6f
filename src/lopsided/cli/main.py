"""`lopsided VERB …`: runs the verb's file, and imports nothing that the verb does not need."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from types import FrameType
from typing import TextIO

import lopsided
from lopsided.files.errors import did_you_mean

VERBS = {
    "demo": "everything on the bundled data, then a report to open",
    "inspect": "what a data set holds: splits, labels, imbalance, leaks",
    "split": "train, val and test, each with its share of every label",
    "train": "train a network: SOURCE to a run folder",
    "evaluate": "every metric of a run",
    "calibrate": "fit a run's probabilities to its validation split",
    "thresholds": "choose above which probability labels are predicted",
    "predict": "labels and probabilities to Parquet or CSV",
    "sweep": "an experiment: many settings and seeds, with error bars",
    "tune": "find the best loss, its settings, rate and decay",
    "curves": "losses and gradients against probability, as pictures",
    "report": "one page out of one or many runs",
    "audit": "labels that are probably missing or wrong",
    "export": "a run as ONNX, checked against PyTorch",
}

_GOES_ON = {
    "train": "; the same line with --resume goes on",
    "sweep": "; the same line goes on",
    "tune": "; the same line goes on",
    "audit": "; the same line goes on",
}
"""What to do after a stop."""

STOPPED = 130
"""Exit code after Ctrl-C, as shells have it."""

_EXTRAS = {
    **dict.fromkeys(("matplotlib", "jinja2"), "report"),
    **dict.fromkeys(("PIL", "torchvision", "timm", "safetensors"), "vision"),
    **dict.fromkeys(("onnx", "onnxscript", "onnxruntime"), "export"),
    **dict.fromkeys(("optuna", "psycopg", "sqlalchemy"), "lab"),
    **dict.fromkeys(("wandb", "mlflow"), "loggers"),
}
"""Extra that brings a package; train, where it is not named here."""

HELP = f"""usage: lopsided VERB ...

Train multi-label classifiers under imbalance.

{chr(10).join(f"  {verb:<11} {what}" for verb, what in VERBS.items())}

SOURCE is one of
  digits             scenes of handwritten digits, bundled
  listing:FILE       images named by a CSV, Parquet or JSON lines file
  listing:FOLDER     images in a folder for each label
  coco:DIR  voc:DIR  nus-wide:DIR  open-images:DIR
  table:FILE         features: CSV, Parquet or NPZ
  arff:STEM          features: a data set of the Mulan collection, or of MEKA
  svmlight:FILE      sparse features and numbered labels, as LibSVM and the extreme classification collection write them

Each verb explains itself: lopsided VERB --help.
Where an error needs a traceback: --debug.

examples:
  lopsided demo
  lopsided train digits --loss.name adaptive --out runs/adaptive
  lopsided evaluate runs/adaptive
  lopsided report runs/adaptive
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a verb.

    Args:
        arguments: What stands behind ``lopsided``; by default that of this process, which then heeds Ctrl-C.

    Returns: 0 done, 1 the input or the run failed, 2 wrong usage, 130 stopped by Ctrl-C.
    """
    _open_closed_streams()
    words = list(sys.argv[1:] if arguments is None else arguments)
    if arguments is None and words and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        _heed_ctrl_c(words[0])
    try:
        code = _main(words)
        if arguments is None:  # all is done, and only the end of the process would be interrupted
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        code = code if _is_flushed() else 1
        if arguments is None and _has_process_group():
            os._exit(code)  # all is written; gloo's threads now and then abort an interpreter that is taken down
        return code
    except BrokenPipeError:  # the reader of our output left: nothing to say, and nobody to say it to
        _drop_output(sys.stdout, sys.stderr)
        return 1


def _main(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(HELP, end="")
        return 0 if words else 2
    if words[0] == "--version":
        print(f"lopsided {lopsided.__version__}")
        return 0
    verb, rest = words[0], words[1:]
    if verb not in VERBS:
        hint = did_you_mean(verb, VERBS) or f"; verbs are {', '.join(VERBS)}"
        print(f"lopsided: error: no verb {verb!r}{hint}", file=sys.stderr)
        return 2
    # Bytes that are no UTF-8 come as halves of characters, which no configuration, study or page can hold.
    if odd := next((word for word in rest if any("\ud800" <= letter <= "\udfff" for letter in word)), None):
        print(f"lopsided {verb}: error: expected words in UTF-8, got {printable(odd):.80}", file=sys.stderr)
        return 2
    try:
        return import_module(f"lopsided.cli.{verb}").main([word for word in rest if word != "--debug"])
    except SystemExit as end:  # the parser's: help was shown, or the usage was wrong
        return end.code if isinstance(end.code, int) else 2
    except BrokenPipeError:
        raise
    except (Exception, KeyboardInterrupt) as error:
        if "--debug" in rest:
            raise
        if isinstance(error, KeyboardInterrupt):
            print(_stopped(verb), file=sys.stderr)
            return STOPPED
        print(f"lopsided {verb}: error: {_one_line(error)}", file=sys.stderr)
        return 1


def _has_process_group() -> bool:
    """Whether this process was one of several."""
    distributed = sys.modules.get("torch.distributed")
    return distributed is not None and distributed.is_available() and distributed.is_initialized()


def _stopped(verb: str) -> str:
    line = f"lopsided {verb}: stopped{_GOES_ON.get(verb, '')}"
    return f"\n{line}" if sys.stderr.isatty() else line  # below the terminal's ^C


def _heed_ctrl_c(verb: str) -> None:
    """Let Ctrl-C raise KeyboardInterrupt, so that files are left whole; or end the process at once while a module is
    imported or a process is started: compiled modules crash, and the hooks of a fork lose the error, if interrupted."""
    process = os.getpid()

    def stop(_: int, frame: FrameType | None) -> None:
        if os.getpid() != process:  # a process that prepares batches: it ends with this one
            return
        while frame is not None:
            if frame.f_code.co_filename == "<frozen importlib._bootstrap>" or frame.f_code.co_name == "_launch":
                os.write(2, f"{_stopped(verb)}\n".encode())
                os._exit(STOPPED)
            frame = frame.f_back
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, stop)


def _open_closed_streams() -> None:
    """Open the standard streams that the caller has closed, so that no other file gets their numbers."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", closefd=False))


def _is_flushed() -> bool:
    """Write what is left in the buffer now, while an error can still be reported."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _drop_output(sys.stdout)
        print(f"lopsided: error: the output cannot be written: {error.strerror}", file=sys.stderr)
        return False
    return True


def _drop_output(*streams: TextIO) -> None:
    """Discard what is left in the buffers, so that Python does not complain about it at the end."""
    with open(os.devnull, "w") as nowhere:
        for stream in streams:
            os.dup2(nowhere.fileno(), stream.fileno())


def _one_line(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name and not error.name.startswith("lopsided"):
        package = error.name.partition(".")[0]
        return f'this needs the package {package}: pip install "lopsided[{_EXTRAS.get(package, "train")}]"'
    text = str(error)
    if "Original Traceback" in text:  # of a process that prepares batches; its last line is the error
        text = text.strip().splitlines()[-1].partition(": ")[2]
    text = " ".join(text.split())
    if text.startswith("DataLoader worker"):
        return (
            "a process that prepares batches was killed, perhaps for lack of memory: --training.workers says how many"
        )
    if "can't allocate memory" in text or "out of memory" in text or isinstance(error, MemoryError):
        return "this takes more memory than there is (--debug shows where)"
    if isinstance(error, OSError) and error.strerror:
        return printable(f"{error.filename}: {error.strerror}" if error.filename else error.strerror)
    if isinstance(error, (ValueError, OSError, ImportError)):
        return printable(text) or type(error).__name__
    return f"{type(error).__name__}: {printable(text)} (--debug shows where)"


def printable(text: str) -> str:
    """Text that a terminal shows and does not obey, since a file's name may hold control characters.

    >>> printable("caf\u00e9 \x1b[2J")
    'café \\\\x1b[2J'
    """
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
