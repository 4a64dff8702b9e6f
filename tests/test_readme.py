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
    assert {line[1] for line in lines if line[0] == "lopsided"} == set(VERBS)
    makefile = (ROOT / "Makefile").read_text()
    assert all(f"\n{line[1]}:" in makefile for line in lines if line[0] == "make")


def test_the_tree_names_files_that_are_there():
    tree = (ROOT / "README.md").read_text(encoding="utf-8").split("## The tree")[1].split("```")[1]
    folder = ROOT / "src" / "lopsided"
    for line in tree.splitlines():
        if match := re.match(r"  (\w+)/ ", line):
            folder = ROOT / "src" / "lopsided" / match[1]
            assert folder.is_dir(), line
        elif match := re.match(r"    (\w+\.py) ", line):
            assert (folder / match[1]).is_file(), line


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / page).read_text(encoding="utf-8")):
        assert (ROOT / target).exists(), target
