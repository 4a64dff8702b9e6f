"""Hooks of mkdocs: pages that are made while building, equations as MathML, and what ends a build."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pages import ROOT, explorer, help_of, metrics_table, speed_table
from surface import differences

PARTS: dict[str, Callable[[], str]] = {"speed": speed_table, "metrics": metrics_table}
"""What stands in the place of `<!-- made: NAME -->`."""

NUMBERS = ("experiments/", "published.md", "benchmarks.md")
"""Pages with tables of numbers, whose cells are kept in one line."""


def on_startup(**_: Any) -> None:
    """End the build where the pages of the API are not the public surface."""
    if found := differences():
        raise PluginError("; ".join(found))


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages that nobody types."""
    text = re.sub(r"(\]\(|\]: )docs/", r"\1", (ROOT / "EXPERIMENTS.md").read_text(encoding="utf-8"))
    files.append(File.generated(config, "experiments.md", content=text))
    files.append(File.generated(config, "explorer.html", content=explorer()))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: Any) -> str:
    """Put in what is made, and take out what is for the tests or for those who read the file itself."""
    markdown = re.sub(r"<!-- made: (\w+) -->", lambda found: PARTS[found[1]](), markdown)
    markdown = re.sub(r"<!-- help: (\w+) -->", lambda found: help_of(found[1]), markdown)
    markdown = re.sub(r"^( *```\w+) no-run$", r"\1", markdown, flags=re.MULTILINE)
    return re.sub(r"\]\((?:\.\./)+EXPERIMENTS\.md", f"]({'../' * page.file.src_uri.count('/')}experiments.md", markdown)


def on_page_content(content: str, *, page: Page, **_: Any) -> str:
    """Equations as MathML, which browsers draw by themselves; wide tables scroll by themselves."""
    kind = "wide numbers" if page.file.src_uri.startswith(NUMBERS) else "wide"
    content = re.sub(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', _mathml, content, flags=re.DOTALL)
    return content.replace("<table>", f'<div class="{kind}"><table>').replace("</table>", "</table></div>")


def on_post_page(output: str, *, page: Page, **_: Any) -> str:
    """Say which language a page is in."""
    return output.replace('<html lang="en"', '<html lang="ko"', 1) if page.file.src_uri.startswith("ko/") else output


def _mathml(found: re.Match[str]) -> str:
    display = "block" if found[1] == "div" else "inline"
    return convert(html.unescape(found[2]).strip(), display=display)
