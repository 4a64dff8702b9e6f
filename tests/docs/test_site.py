"""The documentation is built without a warning, shows what is public, and loads nothing from elsewhere."""

import importlib
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from lopsided.cli.main import VERBS
from tests.reports.chromium import Browser, find

ROOT = Path(__file__).parents[2]
LOADING = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href", "object": "data"}


@pytest.fixture
def surface(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools" / "site"))
    return importlib.import_module("surface")


def test_every_public_name_is_shown_once_and_nothing_else(surface):
    assert surface.documented_names() == surface.public_names()
    assert surface.differences() == []


@pytest.mark.parametrize("package", ["losses", "asymmetry", "metrics", "data", "models", "training", "reports"])
def test_the_public_names_are_those_that_the_packages_list(surface, package):
    if package == "reports":
        pytest.importorskip("matplotlib")
    module = importlib.import_module(f"lopsided.{package}")
    assert {f"lopsided.{package}.{name}" for name in module.__all__} <= set(surface.public_names())


class Loaded(HTMLParser):
    """Addresses that a browser fetches by itself to show a page."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag in LOADING and given.get("rel") not in ("canonical", "prev", "next", "alternate"):
            self.found.append(given.get(LOADING[tag]) or "")
        self.found += [part.split()[0] for part in (given.get("srcset") or "").split(",") if part]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("mkdocs", reason="the site needs the extra docs")
    out = tmp_path_factory.mktemp("site")
    line = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(out)]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out


def test_every_verb_has_its_section_and_its_help():
    page = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^## (\w+)$", page, re.MULTILINE)) == sorted(VERBS)
    assert re.findall(r"<!-- help: (\w+) -->", page) == ["lopsided", *re.findall(r"^## (\w+)$", page, re.MULTILINE)]


@pytest.mark.slow
def test_nothing_is_loaded_from_elsewhere(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        loaded = Loaded()
        loaded.feed(page.read_text(encoding="utf-8"))
        assert loaded.found
        assert [address for address in loaded.found if re.match(r"(\w+:)?//", address)] == [], page
    sheets = list(site.rglob("*.css"))
    assert sheets
    for sheet in sheets:
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", sheet.read_text(encoding="utf-8")), sheet


@pytest.mark.slow
def test_what_is_made_while_building_is_there(site):
    assert "usage: lopsided train" in (site / "command-line.html").read_text(encoding="utf-8")
    assert "<table>" in (site / "benchmarks.html").read_text(encoding="utf-8")
    assert "<math" in (site / "api" / "losses.html").read_text(encoding="utf-8")
    assert '<html lang="ko"' in (site / "ko" / "index.html").read_text(encoding="utf-8")
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"arithmatex|<!-- made|:(math|func|meth|class):`|\.\. math::|no-run", text), page


@pytest.mark.slow
@pytest.mark.skipif(find() is None, reason="no Chromium")
def test_a_browser_finds_words_in_pages_opened_from_the_disk(site, tmp_path):
    with Browser(tmp_path) as browser:
        browser.open(site / "start" / "loss.html")
        browser.wait("document.querySelector('[data-md-component=search]') !== null && typeof __index === 'object'")
        browser.press("s")
        browser.wait("document.activeElement.matches('.md-search__input')")
        browser.press(*"margin")
        browser.wait("document.querySelector('.md-search-result').innerText.includes('Choose gamma and margin')")
        loaded = browser.ask("performance.getEntriesByType('resource').map(entry => entry.name)")
        assert [address for address in loaded if not address.startswith("file:")] == []


@pytest.mark.slow
@pytest.mark.skipif(find() is None, reason="no Chromium")
@pytest.mark.parametrize(
    "page", ["index", "start/images", "experiments", "experiments/audit", "command-line", "api/losses", "published"]
)
def test_a_page_is_no_wider_than_a_telephone(site, tmp_path, page):
    with Browser(tmp_path, width=500) as browser:  # a window of Chromium can't be narrower
        browser.open(site / f"{page}.html")
        assert browser.ask("document.documentElement.scrollWidth <= innerWidth")
