"""A parser whose errors are one line and name the nearest right option."""

from __future__ import annotations

import difflib
import errno
import os
import re
import sys
import textwrap
from argparse import SUPPRESS, Action, ArgumentTypeError
from collections.abc import Callable, Iterable
from pathlib import Path
from types import UnionType
from typing import Any, Literal, NoReturn, TypeVar, Union, get_args, get_origin

from jsonargparse import ArgumentParser, DefaultHelpFormatter

Value = TypeVar("Value")

THRESHOLD = "probability above which a label is predicted (default: as lopsided thresholds chose, else 0.5)"
"""Help of an option that three verbs have."""

_GROUP_FILE = "Path to a configuration file."  # of one group, such as --loss FILE: --config takes files of them all
_KINDS: dict[Any, str] = {int: "N", float: "NUMBER", bool: "{true,false}"}
_WIDEST = 50  # letters of the values of an option


class _Help(DefaultHelpFormatter):
    """Short usage, one line of defaults, what values an option takes; keeps the lines of the examples."""

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
        if action.dest == "print_config":
            return "print the configuration that the other options make, as YAML, and end"
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
        return textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False)


def _values(action: Action) -> str:
    """What an option takes, as its help shows it; empty where the option's own name says it better."""
    hint: Any = getattr(action, "_typehint", None) or action.type
    kinds = (
        [kind for kind in get_args(hint) if kind is not type(None)] if get_origin(hint) in (Union, UnionType) else []
    )
    kind = kinds[0] if kinds else hint
    if kind in _KINDS:
        return _KINDS[kind]
    choices = action.choices or (get_args(kind) if get_origin(kind) is Literal else ())
    listed = "{" + ",".join(map(str, choices)) + "}"
    return listed if choices and len(listed) <= _WIDEST else ""


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

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Print one line and end with exit code 2."""
        text = " ".join(message.split())
        text = re.sub(r"Parser key \"([^\"]*)\": ?", r"--\1: ", text)
        text = re.sub(r"Expected a <class '(\w+)'>", r"expected \1", text).replace(
            "Expected a typing.Literal", "expected one of "
        )
        text = text.replace(". Got value:", ", got")
        print(f"{self.prog}: error: {text}{self._nearest(message)}", file=sys.stderr)
        sys.exit(2)

    def checked(self, make: Callable[[], Value]) -> Value:
        """The value that ``make`` gives; its ValueError is wrong usage."""
        try:
            return make()
        except (ValueError, TypeError) as error:
            self.error(str(error))

    def _nearest(self, message: str) -> str:
        known: dict[str, Any] = dict(self._option_string_actions)
        given = [word.split("=")[0] for word in re.findall(r"--[\w.=-]+", message) if word.split("=")[0] not in known]
        near = difflib.get_close_matches(given[0], known, n=1, cutoff=0.6) if given else []
        return f"; did you mean {near[0]}?" if near else ""


class PlaceError(ArgumentTypeError, ValueError):
    """A place that cannot be written; of the kind whose words argparse hands on."""


def folder_to_write(text: str) -> str:
    """The value of an option that names a folder, which is made if it is not there.

    Raises:
        PlaceError: It cannot be made, or nothing can be written in it; nothing is made or written here.
    """
    return _place_to_write(text, is_folder=True)


def file_to_write(text: str) -> str:
    """The value of an option that names a file, whose folder is made if it is not there; raises likewise."""
    return _place_to_write(text, is_folder=False)


def _place_to_write(text: str, *, is_folder: bool) -> str:
    wanted = "a folder" if is_folder else "a file"
    path = Path(text)
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


def check_threshold(parser: Parser, threshold: float | None) -> None:
    """Refuse a number that is no probability."""
    if threshold is not None and not 0 <= threshold <= 1:
        parser.error(f"expected --threshold to lie in [0, 1], got {threshold}")
