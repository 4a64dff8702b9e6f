"""What the cells of labels mean, as the user says it: separators, no label, blank and uncertain cells."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from lopsided.data.cell_values import MISSING, check_policy, one_form, parse_flag
from lopsided.files.errors import did_you_mean, quoted

State = Literal["unknown", "positive", "negative"]

_UNCERTAIN = ("-1", "-1.0", "?", "u", "uncertain")
_STATES: dict[str, bool | None] = {"unknown": None, "positive": True, "negative": False}


@dataclass(frozen=True)
class Meaning:
    """How cells of labels are read.

    Args:
        separator: What joins names in a cell; None for a bar, in which case cells that something else seems to join
            are refused.
        no_label: A name that means that a sample has none of the labels, such as ``No Finding``.
        blank: What an empty cell of a 0/1 column is: ``unknown`` (default) or ``negative``; of a column of names:
            ``negative`` (default: none of the labels) or ``unknown``.
        uncertain: What -1, ``u``, ``?`` and ``uncertain`` are in a 0/1 column: ``unknown``, ``positive`` or
            ``negative``; None refuses them, except ``?``, which is unknown. For some labels otherwise:
            ``negative,Edema=positive``.
    """

    separator: str | None = None
    no_label: str | None = None
    blank: str | None = None
    uncertain: str | None = None

    def described(self) -> dict[str, str]:
        """What was said of cells, for people."""
        words = {
            "separator": self.separator,
            "no label": self.no_label,
            "blank": self.blank,
            "uncertain": self.uncertain,
        }
        return {name: value for name, value in words.items() if value is not None}

    def flags(self, labels: Sequence[str]) -> "dict[str, Flag]":
        """How cells of the 0/1 column of each label are read.

        Raises:
            ValueError: A policy is none, or is for a label that is not there.
        """
        blank = _policies(self.blank, labels, option="blank", states=("unknown", "negative"))
        uncertain = _policies(self.uncertain, labels, option="uncertain", states=get_args(State))
        return {name: Flag(blank.get(name), uncertain.get(name)) for name in labels}


@dataclass(frozen=True)
class Flag:
    """How cells of one 0/1 column are read."""

    blank: str | None
    uncertain: str | None

    def read(self, cell: str | None) -> bool | None:
        """Whether a label is positive, None where unknown.

        Args:
            cell: Its text, None where there is none.

        Raises:
            ValueError: The cell means nothing.

        Example:
            >>> Flag(None, "positive").read("-1"), Flag("negative", None).read(""), Flag(None, None).read("?")
            (True, False, None)
        """
        text = (cell or "").strip().lower()
        if not text or text in MISSING:
            return _STATES[self.blank or "unknown"]
        if text in _UNCERTAIN:
            if self.uncertain is not None:
                return _STATES[self.uncertain]
            if text != "?":
                raise ValueError(
                    f"expected 0, 1 or, where unknown, nothing, got {quoted(text)}: say what it means by "
                    "--data.uncertain unknown, positive or negative"
                )
        return parse_flag(cell or "")


def _policies(value: str | None, labels: Sequence[str], *, option: str, states: tuple[str, ...]) -> dict[str, str]:
    if value is None:
        return {}
    check_policy(value, option=option, states=states)
    common, each = None, {}
    for part in value.split(","):
        name, equals, state = part.rpartition("=")
        if not equals:
            if common is not None:
                raise ValueError(f"expected one data.{option} for all labels, got {value!r}")
            common = state.strip()
            continue
        name = one_form(name)
        if name not in labels:
            hint = did_you_mean(name, labels, quoted)
            raise ValueError(f"expected data.{option} to name labels of the data, got {quoted(name)}{hint}")
        each[name] = state.strip()
    found = {} if common is None else dict.fromkeys(labels, common)
    return found | each
