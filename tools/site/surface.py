"""What is public: the names in `__all__` of every module that has one; and what the pages of the API show."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]


def public_names() -> list[str]:
    """Path of every public name, sorted; what the package itself lends from a part of it counts there alone."""
    lists = {}
    for file in (ROOT / "src" / "lopsided").rglob("*.py"):
        parts = file.relative_to(ROOT / "src").with_suffix("").parts
        module = ".".join(part for part in parts if part != "__init__")
        if names := _all_of(file):
            lists[module] = names
    lent = {name for module, names in lists.items() if module != "lopsided" for name in names}
    lists["lopsided"] = [name for name in lists["lopsided"] if name not in lent]
    return sorted(f"{module}.{name}" for module, names in lists.items() for name in names)


def documented_names() -> list[str]:
    """Path of every name that a page of docs/api shows, sorted, as often as it is shown."""
    texts = [page.read_text(encoding="utf-8") for page in (ROOT / "docs" / "api").glob("*.md")]
    return sorted(name for text in texts for name in re.findall(r"^::: ([\w.]+)$", text, re.MULTILINE))


def differences() -> list[str]:
    """A sentence for each name that is not shown exactly once."""
    public, shown = set(public_names()), Counter(documented_names())
    return [
        *(f"{name} is public, and no page in docs/api shows it" for name in sorted(public - set(shown))),
        *(f"{name} is shown in docs/api, and in no __all__" for name in sorted(set(shown) - public)),
        *(f"{name} is shown {times} times in docs/api" for name, times in shown.items() if times > 1),
    ]


def _all_of(file: Path) -> list[str]:
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == "__all__":
            return ast.literal_eval(node.value)
    return []
