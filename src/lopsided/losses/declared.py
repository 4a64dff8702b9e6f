"""What the class of a loss declares, read from its source: the options of the command line come without torch."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

_BUILT_IN = {"bool": bool, "float": float, "int": int, "str": str, "tuple": tuple, "Literal": Literal}


class _Other:
    """Stands for a type that no option has, such as a tensor."""


@dataclass(frozen=True)
class Setting:
    """An argument of a constructor.

    Args:
        default: The value that it has when it is left out.
        kind: Its type; where a tensor or None would do too, the type of the rest.
    """

    default: Any
    kind: Any


@dataclass(frozen=True)
class Declared:
    """A class as its source declares it.

    Args:
        doc: Its docstring.
        settings: The keyword arguments of its constructor that have a default, in their order.
    """

    doc: str
    settings: dict[str, Setting]


@cache
def declared(place: str) -> Declared:
    """What the class at ``package.module:Class`` declares; nothing is imported but the packages around it.

    >>> declared("lopsided.losses.comparisons.hill:HillLoss").settings["offset"]
    Setting(default=1.5, kind=<class 'float'>)
    """
    module, _, name = place.partition(":")
    (found,) = (node for node in _tree(module).body if isinstance(node, ast.ClassDef) and node.name == name)
    (made,) = (node for node in found.body if isinstance(node, ast.FunctionDef) and node.name == "__init__")
    pairs = zip(made.args.kwonlyargs, made.args.kw_defaults, strict=True)
    settings = {
        argument.arg: Setting(_value(default, module), _kind(argument.annotation, module))
        for argument, default in pairs
        if default is not None and argument.annotation is not None
    }
    return Declared(ast.get_docstring(found) or "", settings)


@cache
def _tree(module: str) -> ast.Module:
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return ast.parse(Path(spec.origin).read_text(encoding="utf-8"))


def _value(expression: ast.expr, module: str) -> Any:
    """A literal, or the constant that a name stands for."""
    if isinstance(expression, ast.Name):
        return _value(*_meaning(expression.id, module))
    return ast.literal_eval(expression)


def _kind(annotation: ast.expr | None, module: str) -> Any:
    """The type that an annotation names, without tensors and None."""
    match annotation:
        case ast.Constant(value=None):
            return _Other
        case ast.Name(id=name) if name in _BUILT_IN:
            return _BUILT_IN[name]
        case ast.Name(id="Tensor"):
            return _Other
        case ast.Name(id=name):
            return _kind(*_meaning(name, module))
        case ast.BinOp(left=left, right=right):
            return next((kind for side in (left, right) if (kind := _kind(side, module)) is not _Other), _Other)
        case ast.Subscript(value=ast.Name(id="Literal"), slice=texts):
            return Literal[ast.literal_eval(texts)]
    return _Other


def _meaning(name: str, module: str) -> tuple[ast.expr, str]:
    """What a module assigns to a name, there or where the name is imported from, and the module that does."""
    for node in _tree(module).body:
        match node:
            case ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value) if target == name:
                return value, module
            case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                return value, module
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)):
                for target, value in zip(targets, values, strict=True):
                    if isinstance(target, ast.Name) and target.id == name:
                        return value, module
            case ast.ImportFrom(module=str(home), names=names):
                for alias in names:
                    if (alias.asname or alias.name) == name:
                        return _meaning(alias.name, home)
    raise LookupError(f"expected {module} to say what {name} is, got no assignment of it")
