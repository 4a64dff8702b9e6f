"""A parser whose errors are one line and name the nearest right option."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from jsonargparse import ArgumentParser, DefaultHelpFormatter

Value = TypeVar("Value")

THRESHOLD = "probability above which a label is predicted (default: as lopsided thresholds chose, else 0.5)"
"""Help of an option that three verbs have."""


class _Help(DefaultHelpFormatter):
    """Keeps the lines of text that has lines: the examples."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if "\n" in text else super()._fill_text(text, width, indent)


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
        text = re.sub(r"Expected a <class '(\w+)'>", r"wanted \1", text).replace(
            "Expected a typing.Literal", "wanted one of "
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


def check_threshold(parser: Parser, threshold: float | None) -> None:
    """Refuse a number that is no probability."""
    if threshold is not None and not 0 <= threshold <= 1:
        parser.error(f"--threshold must lie in [0, 1], got {threshold}")
