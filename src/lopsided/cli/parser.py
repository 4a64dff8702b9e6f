"""A parser whose errors are one line and name the nearest right option."""

from __future__ import annotations

import errno
import os
import sys
import textwrap
from argparse import SUPPRESS, Action, ArgumentTypeError
from collections.abc import Callable, Iterable
from pathlib import Path
from types import UnionType
from typing import Any, Literal, NoReturn, TypeVar, Union, get_args, get_origin

from jsonargparse import ArgumentParser, DefaultHelpFormatter

from lopsided.files.errors import did_you_mean
from lopsided.losses.catalogue import OTHER_NAMES

Value = TypeVar("Value")


def probability(text: str) -> float:
    """The value of an option, in [0, 1].

    >>> probability("0.5")
    0.5
    """
    if not 0 <= float(text) <= 1:
        raise ValueError
    return float(text)


def ranks(text: str | list[int]) -> list[int]:
    """The value of an option, distinct whole numbers from 1.

    >>> ranks("1,3,5")
    [1, 3, 5]
    """
    found = [int(part) for part in text.split(",")] if isinstance(text, str) else text
    if min(found) < 1 or len(set(found)) < len(found):
        raise ValueError
    return found


_GROUP_FILE = "Path to a configuration file."  # of one group, such as --loss FILE: --config takes files of them all
_KINDS: dict[Any, tuple[str, str]] = {  # as help and as errors call them
    int: ("N", "a whole number"),
    float: ("NUMBER", "a number"),
    probability: ("NUMBER", "a number in [0, 1]"),
    ranks: ("K,K", "distinct whole numbers from 1 with commas between them, such as 1,3,5"),
    bool: ("{true,false}", "true or false"),
}
_WIDEST = 50  # letters of the values of an option
_ELSEWHERE = {  # what other libraries call things
    **OTHER_NAMES,
    "adam": "adamw",
    "clip": "loss.margin",
    "wd": "training.weight_decay",
    "bs": "training.batch_size",
}


class _Help(DefaultHelpFormatter):
    """Help with a short usage, the values and the default of each option, and the examples line by line."""

    def add_usage(self, usage: str | None, actions: Iterable[Action], *args: Any, **kwargs: Any) -> None:
        words = [self._format_args(action, action.dest) for action in actions if not action.option_strings]
        super().add_usage(" ".join(["%(prog)s", *words, "[options]"]), actions, *args, **kwargs)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if "\n" in text else super()._fill_text(text, width, indent)

    def _format_action(self, action: Action) -> str:
        return "" if action.help == _GROUP_FILE else super()._format_action(action)

    def _format_action_invocation(self, action: Action) -> str:
        return "--print_config" if action.dest == "print_config" else super()._format_action_invocation(action)

    def _get_help_string(self, action: Action) -> str:
        text = (action.help or "").replace("``", "").replace("%", "%%").rstrip(".")
        default = action.default
        if action.dest == "help" or default is None or default is SUPPRESS or isinstance(default, bool):
            return text
        return text if "default" in text else f"{text} (default: {default})"

    def _metavar_formatter(self, action: Action, default_metavar: str) -> Callable[[int], tuple[str, ...]]:
        if not action.option_strings:
            return super()._metavar_formatter(action, default_metavar)
        shown = _values(action) or default_metavar
        return lambda size: (shown,) * size

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False)  # presets are to be copied


def _kinds(action: Action) -> list[Any]:
    """The types that the values of an option may have; more than one where it may be left out."""
    hint: Any = getattr(action, "_typehint", None) or action.type
    return list(get_args(hint)) if get_origin(hint) in (Union, UnionType) else [hint]


def _values(action: Action) -> str:
    """What an option takes, as its help shows it; empty if the list would be too long."""
    kind = _kinds(action)[0]
    if kind in _KINDS:
        return _KINDS[kind][0]
    choices = _choices(action)
    listed = "{" + ",".join(choices) + "}"
    return listed if choices and len(listed) <= _WIDEST else ""


def _choices(action: Action) -> list[str]:
    kind = _kinds(action)[0]
    return list(map(str, action.choices or (get_args(kind) if get_origin(kind) is Literal else ())))


def _fits(kind: Any, value: str) -> bool:
    try:
        return value.lower() in ("true", "false") if kind is bool else (number := kind(value)) == number  # not nan
    except ValueError:
        return False


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    """The nearest name: what other libraries say, or whole, or without what stands before the dot, or by initials.

    >>> _did_you_mean("--training.lr", ["--training", "--training.learning_rate"])
    '; did you mean --training.learning_rate?'
    """
    names: dict[str, str] = {}
    for one in known:
        whole = one.lstrip("-")
        last = whole.rpartition(".")[2]
        names |= {whole: one, last: one, "".join(part[:1] for part in last.split("_")): one}
    whole = word.lstrip("-")
    last = whole.rpartition(".")[2]
    exact = [name for name in (_ELSEWHERE.get(last, ""), last) if name in names]
    return did_you_mean(exact[0] if exact else whole, names, names.__getitem__)


class Parser(ArgumentParser):
    """Argument parser of a verb.

    Args:
        verb: Its name.
        about: What it does, shown by ``--help``.
        examples: Command lines shown at the end of ``--help``.
    """

    def __init__(self, verb: str, about: str, *, examples: tuple[str, ...]) -> None:
        epilog = "\n  ".join(("examples:", *examples))
        super().__init__(
            prog=f"lopsided {verb}", description=about, epilog=epilog, formatter_class=_Help, allow_abbrev=False
        )
        self.args = []  # until they are parsed

    def add_run(self, *, source: str = "", scores: bool = False) -> None:
        """Take the folder of a run, or scores, and, if its help is given, a source to use instead of the run's own."""
        help_of_run = "folder of the run" + (", or scores:FILE, the scores of any program" if scores else "")
        self.add_argument("run", type=str, help=help_of_run)
        if source:
            self.add_argument("source", nargs="?", help=source)

    def add_keep(self) -> None:
        """Take --no-keep."""
        about = "compute scores anew and keep none in the run (scores/), where the next verb reads them"
        self.add_argument("--no-keep", action="store_true", help=about)

    def add_devices(self) -> None:
        """Take how many processes share the samples."""
        about = "GPUs, or processes without any, that share the samples and write one file (default: 1)"
        self.add_argument("--devices", type=int, help=about)
        self.add_argument("--machines", type=int, help="machines with so many each, which torchrun connects")

    def add_threshold(self) -> None:
        """Take one threshold for all labels."""
        about = "probability above which a label is predicted (default: as lopsided thresholds chose, else 0.5)"
        self.add_argument("--threshold", type=probability, help=about)

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Print one line and end with exit code 2."""
        text = self._reason() or message
        print(f"{self.prog}: error: {' '.join(text.split())}", file=sys.stderr)
        sys.exit(2)

    def checked(self, make: Callable[[], Value]) -> Value:
        """The value that ``make`` gives; its ValueError is wrong usage."""
        try:
            return make()
        except (ValueError, TypeError) as error:
            self.error(str(error))

    def said(self, arguments: list[str]) -> set[str]:
        """Names of the options that somebody gave, in a file or on the command line."""
        return set(self.parse_args(arguments, defaults=False).keys())

    def wrong(self, option: str, value: str) -> str:
        """What is wrong with an option and its value, in a sentence; empty where nothing is seen at once."""
        known: dict[str, Action] = dict(self._option_string_actions)
        if (action := known.get(option)) is None:
            return f"expected an option of {self.prog}, got {option}{_did_you_mean(option, known)}"
        kinds, choices = _kinds(action), _choices(action)
        if action.help == _GROUP_FILE and value and value[0] != "{" and not Path(value).is_file():
            name = f"{option}.name"
            near = f"; did you mean {name} {value:.60}?" if name in known else ""
            return f"expected {option} to name a file with options, got {value!r:.60}{near}"
        if not value or (value in ("null", "None") and type(None) in kinds):
            return ""
        if choices and value not in choices:
            near = _did_you_mean(value, choices)
            return f"expected {option} to be one of {', '.join(choices)}, got {value!r:.60}{near}"
        if kinds[0] in _KINDS and not _fits(kinds[0], value):
            return f"expected {option} to be {_KINDS[kinds[0]][1]}, got {value!r:.60}"
        return ""

    def _reason(self) -> str:
        """The same of the first word of the command line with which something is wrong."""
        for word, following in zip(self.args, [*self.args[1:], "--"], strict=False):
            option, equals, value = word.partition("=")
            value = value if equals or following.startswith("--") else following
            if option.startswith("--") and (wrong := self.wrong(option, value)):
                return wrong
        return ""


class PlaceError(ArgumentTypeError, ValueError):
    """A place that cannot be written; argparse passes the message of this kind of error on."""


def folder_to_write(text: str) -> str:
    """The value of an option that names a folder, which is made if it is not there.

    Raises:
        PlaceError: It cannot be made, or nothing can be written in it; nothing is made or written here.
    """
    return _place_to_write(text, is_folder=True)


def file_to_write(text: str) -> str:
    """The same for an option that names a file, whose folder is made if it is not there."""
    return _place_to_write(text, is_folder=False)


def _place_to_write(text: str, *, is_folder: bool) -> str:
    wanted, path = "a folder" if is_folder else "a file", Path(text)
    try:
        if text and path.exists() and path.is_dir() != is_folder:
            raise PlaceError(f"expected {wanted} to write, got {'a file' if is_folder else 'a folder'}: {text}")
        there = path if path.exists() and is_folder else path.parent
        while not there.exists() and there != there.parent:
            there = there.parent
        reason = None if text else "an empty name"
        if not there.is_dir():
            reason = f"{there} is a file"
    except OSError as error:  # a name that is too long, a path through a file
        reason, there = error.strerror, path
    if reason:
        raise PlaceError(f"expected {wanted} that can be written, got {text[:60]!r} ({reason})")
    if not os.access(there, os.W_OK | os.X_OK):  # no wrong usage: the same line is right once the disk takes it
        number = errno.EROFS if os.statvfs(there).f_flag & os.ST_RDONLY else errno.EACCES
        raise OSError(number, os.strerror(number), str(there))
    return text


def default_folder(parent: str, source: str, name: str) -> Path:
    """PARENT/SOURCE-NAME, with the last part of the source's path.

    >>> str(default_folder("runs", "table:data/birds.csv", "focal"))
    'runs/birds-focal'
    """
    kind, _, place = source.partition(":")
    return Path(parent) / f"{Path(place).stem or kind}-{name}"
