"""Which loss to train with, and its settings: options made from the catalogue of losses and their own docstrings."""

from __future__ import annotations

import dataclasses
import re
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import docstring_parser

from lopsided.losses.catalogue import CATALOGUE, Entry

if TYPE_CHECKING:
    LossName = str

    @dataclasses.dataclass(frozen=True)
    class LossOptions:
        """For type checkers: the fields of the settings are made when the program runs."""

        name: str = "asymmetric"

        def __init__(self, name: str = "asymmetric", **settings: float | bool | str | None) -> None: ...

        def given(self) -> dict[str, Any]:
            """The settings that were not left out."""
            ...


def _check(self: LossOptions) -> None:
    if self.name not in CATALOGUE:
        raise ValueError(f"expected loss.name to be one of {', '.join(CATALOGUE)}, got {self.name!r}")
    settings = CATALOGUE[self.name].settings
    for name in self.given():
        if name not in settings:
            takes = ", ".join(f"loss.{part}" for part in settings) or "no settings"
            raise ValueError(f"expected no loss.{name} with loss.name={self.name}, which takes {takes}, got one")


def _given(self: LossOptions) -> dict[str, Any]:
    """The settings that were not left out, in the order of the catalogue, by which sweeps call their settings."""
    values = dataclasses.asdict(self)
    order = dict.fromkeys([*CATALOGUE[self.name].settings, *values])
    return {name: values[name] for name in order if name != "name" and values[name] is not None}


@cache
def _documented(doc: str) -> list[docstring_parser.DocstringParam]:
    return docstring_parser.parse(doc).params


def _meaning(entry: Entry, setting: str) -> str:
    """What the docstring of the loss says about a setting."""
    (found,) = (part for part in _documented(entry.doc) if part.arg_name == setting)
    words = re.sub(r" :math:`[^`]*`", "", found.description or "")  # a terminal shows no formulas
    return " ".join(words.split()).rstrip(".")


def _help(setting: str, entries: list[Entry]) -> str:
    """The meaning of a setting, the losses that take it, and its default in each of them.

    >>> _help("gamma", [CATALOGUE["focal"], CATALOGUE["hill"]])
    'Focusing power of both sides, >= 0 (focal: default 2); focusing power of positives, >= 0 (hill: default 2)'
    """
    losses: dict[str, dict[str, list[str]]] = {}
    for entry in entries:
        default = entry.parameters[setting].default
        shown = f"{default:g}" if isinstance(default, float) else str(default).lower()
        losses.setdefault(_meaning(entry, setting), {}).setdefault(shown, []).append(entry.name)
    parts = []
    for meaning, defaults in losses.items():
        # Without a default of its own, the docstring says which it takes.
        says = {shown: "" if shown == "none" else f": default {shown}" for shown in defaults}
        takers = "; ".join(f"{', '.join(names)}{says[shown]}" for shown, names in defaults.items())
        parts.append(f"{meaning[0].lower() if parts else meaning[0]}{meaning[1:]} ({takers})")
    return "; ".join(parts)


def _made() -> type:
    takers: dict[str, list[Entry]] = {}
    for entry in CATALOGUE.values():
        for setting in entry.settings:
            takers.setdefault(setting, []).append(entry)
    lines = ["Which loss to train with. What is left out takes the loss's own default.", "", "Args:"]
    lines.append(f"    name: {', '.join(CATALOGUE)}.")
    lines += [f"    {setting}: {_help(setting, entries)}." for setting, entries in takers.items()]
    fields = [(setting, entries[0].parameters[setting].kind | None, None) for setting, entries in takers.items()]
    name = ("name", Literal[tuple(CATALOGUE)], "asymmetric")
    return dataclasses.make_dataclass(
        "LossOptions",
        [name, *fields],
        namespace={"__post_init__": _check, "given": _given, "__doc__": "\n".join(lines), "__module__": __name__},
        frozen=True,
    )


if not TYPE_CHECKING:
    LossName = Literal[tuple(CATALOGUE)]
    LossOptions = _made()


def loss_settings(options: LossOptions) -> dict[str, Any]:
    """Every setting of the loss by name, with its default where it was left out.

    >>> loss_settings(LossOptions(name="focal"))
    {'gamma': 2.0, 'detach_focus': False}
    """
    given = options.given()
    return {name: given.get(name, found.default) for name, found in CATALOGUE[options.name].parameters.items()}
