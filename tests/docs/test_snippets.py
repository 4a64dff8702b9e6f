"""What the documentation shows works as typed: blocks of Python, lines of the shell, and what these print."""

import contextlib
import io
import re
import shlex
import shutil
from pathlib import Path

import pytest

from lopsided.cli.main import main

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
ELSEWHERE = ("api/", "experiments/")  # test_experiments.py looks at those
PAGES = sorted(page for path in DOCS.rglob("*.md") if not (page := str(path.relative_to(DOCS))).startswith(ELSEWHERE))
ENGLISH = [page for page in PAGES if not page.startswith(("ko/", "concepts/"))]  # test_concepts.py runs those
FENCE = re.compile(r"^```(\w+)( no-run)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)

pytestmark = [  # what Lightning, TensorBoard and the readers of weights themselves warn of
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:Detected pickle protocol"),
]


def blocks(page):
    """Language, whether it runs here, and text, in the order of the page."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return [(language, not no_run, block) for language, no_run, block in FENCE.findall(text)]


def commands(block):
    lines = block.replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def test_there_are_pages_and_few_lines_that_do_not_run_here():
    assert len(ENGLISH) >= 8
    left_out = [block for page in PAGES for _, runs, block in blocks(page) if not runs]
    assert len(left_out) <= 20


@pytest.mark.parametrize("page", [page for page in PAGES if page.startswith("ko/") and "concepts/" not in page])
def test_both_languages_show_the_same_code(page):
    def code(page):
        return [
            re.sub(r" *#.*", "", block) for language, _, block in blocks(page) if language in ("python", "sh", "text")
        ]

    assert code(page) == code(page.removeprefix("ko/"))


@pytest.mark.parametrize("page", PAGES)
def test_commands_that_are_no_verbs_exist(page):
    makefile = (ROOT / "Makefile").read_text()
    for language, runs, block in blocks(page):
        for words in commands(block) if language == "sh" else ():
            if words[0] == "make":
                assert f"\n{words[1]}:" in makefile
            elif words[0] == "python" and words[1].endswith(".py"):
                assert (ROOT / words[1]).is_file(), words
            else:
                assert words[0] in ("lopsided", "pip") or not runs, f"{page}: {words} is neither run nor marked no-run"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """What the pages say that their reader has: the pictures and the run of the first page, and a few files more."""
    pytest.importorskip("timm", reason="images need the extra vision", exc_type=(ImportError, RuntimeError))
    folder = tmp_path_factory.mktemp("prepared")
    with contextlib.chdir(folder), pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        exec(next(block for language, _, block in blocks("start/images.md") if language == "python"), {})
        (folder / "more_pictures").mkdir()
        shutil.copy("holiday.jpg", "more_pictures/1.jpg")
        said("train", "listing:photos/labels.csv", "--config", "head-on-lite0", "--out", "runs/photos")
        said("audit", "runs/photos", "listing:photos/labels.csv", "--out", "audit")
        header, first = (folder / "audit" / "suspects.csv").read_text(encoding="utf-8").splitlines()[:2]
        (folder / "decisions.csv").write_text(f"{header},decision\n{first},accept\n", encoding="utf-8")
        rows = [
            f"{row % 7},{36 + row * 7 % 160 / 40},{'cold|cough' if row % 7 > 3 else 'cough'},p{row // 4}"
            for row in range(160)
        ]
        (folder / "visits.csv").write_text("\n".join(["days,fever,labels,patient", *rows]) + "\n", encoding="utf-8")
    return folder


def said(*words):
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        code = main(list(words))
    assert code == 0, f"lopsided {shlex.join(words)}\n{out.getvalue()}"
    return out.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("page", ENGLISH)
def test_the_page_runs_as_written(page, request, tmp_path, monkeypatch):
    parts = blocks(page)
    monkeypatch.setenv("COLUMNS", "120")
    if any(language == "sh" and runs and "lopsided" in block for language, runs, block in parts):
        prepared = request.getfixturevalue("prepared")
        shutil.copytree(prepared, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("cache"))
        monkeypatch.setenv("XDG_CACHE_HOME", str(prepared / "cache"))
        if page == "start/images.md":
            shutil.rmtree(tmp_path / "runs")
            shutil.rmtree(tmp_path / "photos")
    monkeypatch.chdir(tmp_path)
    names, printed = {}, ""
    for language, runs, block in parts:
        if language == "python" and runs:
            exec(compile(block, page, "exec"), names)
        elif language == "sh" and runs:
            printed = "".join(said(*words[1:]) for words in commands(block) if words[0] == "lopsided")
        elif language == "text":
            missing = words_of(block) - words_of(printed)
            assert not missing, f"{page} shows {missing}, which is not printed:\n{printed}"


def words_of(text):
    """Words, without numbers, which differ from machine to machine, and without the names of files found."""
    return set(re.findall(r"[A-Za-z_]{2,}", re.sub(r"\d+\.jpg, like \d+\.jpg", "", text)))


@pytest.mark.parametrize("page", PAGES)
def test_what_does_not_run_here_has_options_that_exist(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for language, runs, block in blocks(page):
        for words in commands(block) if language == "sh" and not runs else ():
            if words[0] == "lopsided":
                assert main(words[1:]) != 2, capsys.readouterr().err  # 1: the data is not there
