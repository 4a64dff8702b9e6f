"""Names of a package whose modules are imported once one of them is asked for: help and errors come without torch."""

from __future__ import annotations

import ast
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any


def lazy_names(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a package that imports its names under ``if TYPE_CHECKING`` alone.

    Args:
        package: Its ``__name__``.
        file: Its ``__file__``, from which the names and their modules are read.
    """
    homes = _homes(Path(file).read_text(encoding="utf-8"))

    def load(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home, its_name = homes[name]
        module = import_module(home)
        return vars(module)[its_name] if its_name in vars(module) else import_module(f"{home}.{its_name}")

    return load, lambda: sorted(homes)


def _homes(source: str) -> dict[str, tuple[str, str]]:
    """The module of each name that is imported under ``if TYPE_CHECKING``, and what it is called there.

    >>> _homes("if TYPE_CHECKING:\\n    from json import dump, load as read")
    {'dump': ('json', 'dump'), 'read': ('json', 'load')}
    """
    checked = [
        part
        for node in ast.parse(source).body
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for part in node.body
    ]
    return {
        name.asname or name.name: (part.module, name.name)
        for part in checked
        if isinstance(part, ast.ImportFrom) and part.module
        for name in part.names
    }
