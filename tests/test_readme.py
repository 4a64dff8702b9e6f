"""What the README shows works as typed."""

import re
from pathlib import Path

import pytest

from lopsided.cli.main import VERBS

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", "README.ko.md"]


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("page", PAGES)
def test_the_python_runs(page):
    for block in blocks(page, "python"):
        exec(block, {})


def without_comments(block):
    return [line.partition("#")[0].strip() for line in block.splitlines()]


@pytest.mark.parametrize("language", ["python", "sh"])
def test_both_languages_show_the_same_code(language):
    english, korean = ([without_comments(block) for block in blocks(page, language)] for page in PAGES)
    assert english == korean


def test_every_command_exists():
    lines = [line.split() for block in blocks("README.md", "sh") for line in block.splitlines()]
    verbs = {line[1] for line in lines if line[0] == "lopsided"}
    assert len(verbs) >= 5
    assert verbs <= set(VERBS)
    makefile = (ROOT / "Makefile").read_text()
    assert all(f"\n{line[1]}:" in makefile for line in lines if line[0] == "make")


@pytest.mark.parametrize("page", PAGES)
def test_a_newcomer_reads_it_in_one_go(page):
    assert len((ROOT / page).read_text(encoding="utf-8").splitlines()) <= 120


def test_the_tree_names_rooms_and_files_that_are_there():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (tree,) = (block for block in text.split("```") if "src/lopsided/" in block and "formula.py" in block)
    folder = ROOT / "src" / "lopsided"
    for line in tree.splitlines():
        if match := re.match(r"  (\w+)/ ", line):
            folder = ROOT / "src" / "lopsided" / match[1]
            assert folder.is_dir(), line
        elif match := re.match(r"    (\w+\.py|\w+/) ", line):
            assert (folder / match[1]).exists(), line


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / page).read_text(encoding="utf-8")):
        assert (ROOT / target).exists(), target
