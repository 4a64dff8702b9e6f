"""An extension of griffe: the docstrings of this project as Markdown, and none missing."""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path
from typing import Any

from griffe import Extension, GriffeLoader, Module, NameResolutionError, Object
from mkdocs.exceptions import PluginError

sys.path.insert(0, str(Path(__file__).parent))
from surface import public_names


class Docstrings(Extension):
    """Rewrites every docstring once the package is read, and refuses public names without one."""

    def on_package(self, *, pkg: Module, loader: GriffeLoader, **_: Any) -> None:
        """Called with the whole package."""
        if pkg.name != "lopsided":
            return
        names = public_names()
        things = {name: pkg[name.removeprefix("lopsided.")] for name in names}
        if missing := [name for name, thing in things.items() if not thing.has_docstring]:
            raise PluginError(f"public and without a docstring: {', '.join(missing)}")
        shown = {thing.canonical_path for thing in things.values()}
        _rewrite(pkg, shown)


def _rewrite(thing: Object, shown: set[str]) -> None:
    if thing.docstring:
        thing.docstring.value = markdown(thing.docstring.value, thing, shown)
    for member in thing.members.values():
        if not member.is_alias:
            _rewrite(member, shown)  # type: ignore[arg-type]


def markdown(text: str, thing: Object, shown: set[str]) -> str:
    """A docstring with its roles, equations, doctests and one-line sections as Markdown."""
    text = re.sub(r"^Examples?:\n((?: +.*\n?|\n)+)", lambda found: textwrap.dedent(found[1]), text, flags=re.MULTILINE)
    text = re.sub(r"^>>> .*(?:\n(?!\n).+)*", r"```pycon\n\g<0>\n```", text, flags=re.MULTILINE)
    text = re.sub(r"^(Returns|Yields|Raises):[ \n] *(.+(?:\n +.+)*)", _paragraph, text, flags=re.MULTILINE)
    text = re.sub(r"^( *)\.\. math:: (.+(?:\n\1 +.+)*)", r"\1\\[ \2 \\]", text, flags=re.MULTILINE)
    text = re.sub(r":math:`([^`]+)`", r"\\(\1\\)", text)
    return re.sub(r":(?:func|meth|class):`~?([\w.]+)`", lambda found: _link(found[1], thing, shown), text)


def _paragraph(found: re.Match[str]) -> str:
    lines = found[2].splitlines()
    text = "\n".join([lines[0].strip(), textwrap.dedent("\n".join(lines[1:]))]).strip()
    if found[1] == "Raises":
        text = re.sub(r"^(\w+Error):", r"`\1`:", text, flags=re.MULTILINE)
    return f"**{found[1]}:** {text}"


def _link(name: str, thing: Object, shown: set[str]) -> str:
    """To where the name is shown; as code, where it is not public."""
    try:
        path = name if name.startswith("lopsided.") else thing.resolve(name)
        path = thing.package.modules_collection[path].canonical_path
    except (KeyError, NameResolutionError):
        return f"`{name}`"
    is_shown = path in shown or path.rpartition(".")[0] in shown
    return f"[`{name.rpartition('.')[2]}`][{path}]" if is_shown else f"`{name}`"
