"""Everything that others may rely on, a line each: ``python -m tests.architecture.public_surface`` writes the list.

Public names with their signatures, the public methods and attributes of classes, and the options of every verb with
their defaults; in tests/architecture/public_surface.txt, which a test compares with what is there.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, ForwardRef, Literal, get_args, get_origin, get_type_hints
from unittest import mock

FILE = Path(__file__).with_suffix(".txt")

PACKAGES = (
    "lopsided",
    *(f"lopsided.{name}" for name in ("losses", "asymmetry", "metrics", "data", "models", "training", "reports")),
)

FUNCTIONS = (  # of modules that a package names in its docstring, because importing them takes seconds
    "lopsided.training.fit.fit",
    *(
        f"lopsided.{package}.{function}"
        for package in ("inference", "training")  # the second is where they were first
        for function in (
            "evaluate.evaluate",
            "predict.predict",
            "calibrate.calibrate",
            "thresholds.choose",
            "export.export",
            "audit.audit",
        )
    ),
    "lopsided.inference.own_scores.reading.read_scores",
    *(
        f"lopsided.inference.own_scores.decisions.{function}"
        for function in ("evaluate_scores", "calibrate_scores", "choose_for_scores", "audit_scores")
    ),
    "lopsided.experiments.grid.train_grid",
    "lopsided.experiments.sweep.run_sweep",
    "lopsided.experiments.plan.Sweep",
)


def surface() -> list[str]:
    """The lines, sorted."""
    lines = {line for package in PACKAGES for line in _of_package(package)}
    for path in FUNCTIONS:
        module, _, name = path.rpartition(".")
        lines |= set(_of_thing(path, getattr(importlib.import_module(module), name)))
    return sorted(lines | set(_of_command_line()))


def _of_package(name: str) -> Iterator[str]:
    package = importlib.import_module(name)
    for public in package.__all__:
        thing = getattr(package, public)
        if isinstance(thing, ModuleType):
            for inner, part in vars(thing).items():
                if not inner.startswith("_") and getattr(part, "__module__", None) == thing.__name__:
                    yield from _of_thing(f"{name}.{public}.{inner}", part)
        else:
            yield from _of_thing(f"{name}.{public}", thing)


def _of_thing(path: str, thing: Any) -> Iterator[str]:
    if inspect.isclass(thing):
        yield f"{path}{_signature(thing)}"
        yield from _of_class(path, thing)
    elif inspect.isfunction(inspect.unwrap(thing)):
        yield f"{path}{_signature(thing)}"
    elif path.endswith("__"):  # the version, which is no promise
        yield path
    else:  # a constant, or an alias of types
        kind = type(thing).__name__
        yield f"{path}: {_plain(str(thing)) if 'Union' in kind else kind}"


def _of_class(path: str, kind: type) -> Iterator[str]:
    """Methods and properties that the class itself defines, and the texts that its options may be."""
    for name, member in vars(kind).items():
        if name.startswith("_") or name in getattr(kind, "_fields", ()):
            continue
        if isinstance(member, staticmethod | classmethod):
            yield f"{path}.{name}{_signature(member.__func__)} [{type(member).__name__}]"
        elif inspect.isfunction(member):
            yield f"{path}.{name}{_signature(member)}"
        elif isinstance(member, property):
            assert member.fget is not None
            yield f"{path}.{name} -> {_plain(_text(inspect.signature(member.fget).return_annotation))}"
    if dataclasses.is_dataclass(kind) and kind.__name__.endswith("Options"):  # what texts an option may be
        for name, hint in get_type_hints(kind).items():
            literals = [part for part in (hint, *get_args(hint)) if get_origin(part) is Literal]
            for literal in literals:
                yield f"{path}.{name} of {', '.join(map(str, get_args(literal)))}"


def _signature(thing: Any) -> str:
    """As written, without the modules of types: those differ between versions of Python."""
    found = inspect.signature(thing)
    parameters = [_shown(one) for one in found.parameters.values()]
    if found.return_annotation is found.empty or inspect.isclass(thing):
        return str(found.replace(parameters=parameters, return_annotation=found.empty))
    result = _Written(_plain(_text(found.return_annotation)))
    return str(found.replace(parameters=parameters, return_annotation=result))


def _shown(parameter: inspect.Parameter) -> inspect.Parameter:
    if dataclasses.is_dataclass(parameter.default):  # its own fields stand elsewhere, or are no promise
        parameter = parameter.replace(default=_Written(f"{type(parameter.default).__name__}(...)"))
    if parameter.annotation is parameter.empty:
        return parameter
    return parameter.replace(annotation=_Written(_plain(_text(parameter.annotation))))


class _Written:
    """An annotation or a default that is shown as it is given."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _text(annotation: Any) -> str:
    if isinstance(annotation, ForwardRef):
        return annotation.__forward_arg__
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _plain(annotation: str) -> str:
    return re.sub(r"\b(?:\w+\.)+(?=\w)", "", annotation).strip("'\"")


class _Found(BaseException):
    """Carries the parser of a verb to whom it concerns, past its work."""


def _of_command_line() -> Iterator[str]:
    from lopsided.cli.main import VERBS
    from lopsided.cli.parser import Parser

    def stop(parser: Parser, *_: Any) -> None:
        raise _Found(parser)

    for verb in VERBS:
        try:
            with mock.patch.object(Parser, "parse_args", stop):
                importlib.import_module(f"lopsided.cli.{verb}").main(["digits"])
        except _Found as found:
            yield from _of_parser(verb, found.args[0])


def _of_parser(verb: str, parser: Any) -> Iterator[str]:
    groups = {action.dest.rpartition(".")[0] for action in parser._actions} - {""}
    for action in parser._actions:
        names = [name for name in action.option_strings if not name.endswith("+")]
        if (
            action.dest in ("help", "print_config", *groups)
            or names == [f"--{action.dest}.help"]
            or action.dest.endswith(".help")
        ):
            continue
        choices = f" of {', '.join(map(str, action.choices))}" if action.choices else ""
        if not names:
            optional = {"?": " (optional)", "*": " ...", "+": " ..."}.get(action.nargs, "")
            yield f"lopsided {verb} {action.dest.upper()}{optional}{choices}"
        else:
            value = " (flag)" if action.nargs == 0 else f" = {action.default!r}"
            yield f"lopsided {verb} {' '.join(names)}{value}{choices}"


def main() -> None:
    """Write the list."""
    FILE.write_text("\n".join(surface()) + "\n", encoding="utf-8")
    print(f"wrote {FILE}")


if __name__ == "__main__":
    main()
