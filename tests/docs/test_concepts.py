"""What the concept pages show is what the source says, and what their code prints is what stands beside it."""

import contextlib
import importlib
import io
import re
import textwrap
from pathlib import Path

import pytest

from lopsided.runs.config import LossOptions
from tests.reports.conftest import evaluation_of, write_run, write_source

ROOT = Path(__file__).parents[2]
FOLDERS = {"en": ROOT / "docs" / "concepts", "ko": ROOT / "docs" / "ko" / "concepts"}
NAMES = ["adaptive.md", "asymmetry.md", "biased-scores.md", "gap.md", "gradient.md", "shifting.md"]
PAGES = [folder / name for folder in FOLDERS.values() for name in NAMES]
FIGURES = ROOT / "docs" / "images" / "concepts"


def name_of(path):
    return str(path.relative_to(ROOT / "docs"))


def code(page):
    """Pairs of what follows ``python`` on the fence, and the block."""
    return re.findall(r"^```python([^\n]*)\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def own(page):
    return [block for about, block in code(page) if not about]


def printed(block):
    """Outputs as the page states them: after a print on its line, or below a loop."""
    return re.findall(r"^(?:print\(.*\)  )?# (.*)$", block, re.MULTILINE)


def without_comments(block):
    return [line.partition("  # ")[0] for line in block.splitlines() if not line.startswith("# ")]


def equations(page):
    """Symbols of each equation, without its words."""
    found = re.findall(r'<p class="equation">(.*?)</p>', page.read_text(encoding="utf-8"), re.DOTALL)
    return [re.sub(r"</?\w+>|&\w+;|[가-힣]+|[A-Za-z]{2,}|\s", "", equation) for equation in found]


def windows(lines, length):
    return {textwrap.dedent("\n".join(lines[at : at + length])) for at in range(len(lines) - length + 1)}


def test_both_languages_have_the_same_pages():
    for folder in FOLDERS.values():
        assert sorted(path.name for path in folder.iterdir()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_code_prints_what_the_page_says(name):
    space = {}
    for block in own(FOLDERS["en"] / name):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(block, space)
        assert out.getvalue().splitlines() == printed(block)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_code_with_a_title_stands_in_the_file_it_names(page):
    quoted = [(about, block) for about, block in code(page) if about]
    assert quoted
    for about, block in quoted:
        title = re.fullmatch(r' title="(src/[\w/]+\.py)"', about)
        assert title, about
        block = block.rstrip("\n")
        lines = (ROOT / title[1]).read_text(encoding="utf-8").splitlines()
        assert block in windows(lines, block.count("\n") + 1), f"{title[1]} does not hold\n{block}"


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_show_the_same_code_and_figures(name):
    english, korean = (folder / name for folder in FOLDERS.values())
    assert [about for about, _ in code(english)] == [about for about, _ in code(korean)]
    assert [without_comments(block) for _, block in code(english)] == [
        without_comments(block) for _, block in code(korean)
    ]
    assert [printed(block) for block in own(english)] == [printed(block) for block in own(korean)]
    figures = [re.findall(r"images/concepts/[^)]+", page.read_text(encoding="utf-8")) for page in (english, korean)]
    assert figures[0] == figures[1]
    assert equations(english) == equations(korean)


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_state_the_same_numbers(name):
    english, korean = (
        re.sub(r"```.*?```", "", (folder / name).read_text(encoding="utf-8"), flags=re.DOTALL)
        for folder in FOLDERS.values()
    )
    numbers = re.compile(r"−?\d+\.\d+")
    assert sorted(numbers.findall(english)) == sorted(numbers.findall(korean))


def anchors(page):
    """Ids of a page's headings, as Python-Markdown makes them, or as they are given."""
    found = set()
    for heading in re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE):
        given = re.search(r"\{ ?#([\w-]+) ?\}", heading)
        found.add(given[1] if given else re.sub(r"[\s-]+", "-", re.sub(r"[^a-z0-9\s-]", "", heading.lower()).strip()))
    return found


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_and_pictures_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    targets = [target for target in re.findall(r"\]\(([^)]+)\)", text) if not target.startswith("https://")]
    assert targets
    for target in targets:
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.is_file(), target
        if anchor and there.suffix == ".md":
            assert anchor in anchors(there), target


def test_every_figure_is_small_used_and_comes_light_and_dark():
    used = {
        (page.parent / path).resolve()
        for page in PAGES
        for path in re.findall(r"!\[[^]]+\]\(([^)#]+)#only-(?:light|dark)\)", page.read_text(encoding="utf-8"))
    }
    there = set(FIGURES.iterdir())
    assert used == there
    assert all(path.stat().st_size < 100_000 for path in there)
    assert all(path.with_stem(path.stem.removesuffix("_dark")) in there for path in there)


def test_the_script_draws_every_figure_from_the_folder_of_the_demo(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "tools")
    script = importlib.import_module("draw_concepts")
    losses = ("cross_entropy", "focal", "asymmetric", "adaptive", "adaptive")
    side = {"brier": 0.1, "ece": 0.1, "ece_equal_mass": 0.1, "bins": [[0.1, 0.2, 90], [0.6, 0.5, 90]]}
    evaluation = evaluation_of(0.5, calibration={"method": "closed form", "before": side, "after": side})
    source = write_source(tmp_path)
    for name, loss in zip(script.RUNS, losses, strict=True):
        options = LossOptions(name=loss, rate=-0.7 if name.endswith("printed-sign") else None)
        write_run(tmp_path / "demo" / name, options, source=source, evaluation=evaluation)
    written = script.draw(tmp_path / "demo", tmp_path / "drawn")
    assert {path.name for path in written} == {path.name for path in FIGURES.iterdir()}
    assert all(path.read_bytes().startswith(b"<?xml") for path in written)
