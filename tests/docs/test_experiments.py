"""The pages of experiments: each number of the verdict stands in a row, each figure shows the rows of today."""

import csv
import importlib
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from lopsided.cli.main import main

ROOT = Path(__file__).parents[2]
VERDICT = ROOT / "EXPERIMENTS.md"
FOLDER = ROOT / "docs" / "experiments"
PAGES = sorted(FOLDER.glob("*.md"))
FILES = sorted((FOLDER / "data").glob("*.csv"))
NUMBER = re.compile(r"(?<![\w.])[+−-]?\d+(?:\.\d+)?")
LINK = re.compile(r"\[([^]]*)\]\[([\w-]+)\]")
AGAIN = "draw the figures again: python tools/draw_experiments.py"


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def named_rows():
    """For each name at the end of the verdict its file, what its row must hold, and the column of the number."""
    found = re.findall(r'^\[([\w-]+)\]: (\S+) "(.*): (\w+)"$', VERDICT.read_text(encoding="utf-8"), re.MULTILINE)
    return {
        name: (ROOT / path, dict(part.split("=", 1) for part in wanted.split("; ")), column)
        for name, path, wanted, column in found
    }


NAMED = named_rows()


def paragraphs():
    text = VERDICT.read_text(encoding="utf-8").partition("\n## Pages")[0]
    return [part for part in re.split(r"\n(?=- )|\n\n", text) if NUMBER.search(part)]


def digits(text):
    return text.replace("−", "-").strip().lstrip("+-")


def test_every_named_row_is_used():
    used = [name for _, name in LINK.findall(VERDICT.read_text(encoding="utf-8"))]
    assert len(used) >= 30
    assert sorted(used) == sorted(NAMED)


@pytest.mark.parametrize(("number", "name"), LINK.findall(VERDICT.read_text(encoding="utf-8")))
def test_a_number_of_the_verdict_stands_in_one_row(number, name):
    path, wanted, column = NAMED[name]
    (row,) = [row for row in rows_of(path) if all(row[key] == value for key, value in wanted.items())]
    assert digits(number) == digits(row[column])
    if number[0] in "+−":
        assert (number[0] == "−") == row[column].startswith("-")


@pytest.mark.parametrize("part", paragraphs())
def test_the_other_numbers_of_the_verdict_are_settings_of_its_rows(part):
    settings = set()
    for _, name in LINK.findall(part):
        settings |= set(NUMBER.findall(" ".join(NAMED[name][1].values())))
    text = LINK.sub("", re.sub(r"\[[^]]*\]\([^)]*\)", "", part))
    for no_result in ("p = .5", "bias of 0,", "plain γ₋ 1."):
        text = text.replace(no_result, "")
    assert {digits(found) for found in NUMBER.findall(text)} <= settings


def test_the_verdict_fits_on_a_screen_and_names_every_page():
    text = VERDICT.read_text(encoding="utf-8")
    assert text.count("\n", 0, text.index("\n[")) <= 60
    listed = re.findall(r"^- \[[^]]+\]\((\S+\.md)\): ", text.partition("## Pages")[2], re.MULTILINE)
    assert sorted(ROOT / path for path in listed) == PAGES


@pytest.mark.parametrize("page", [VERDICT, *PAGES], ids=lambda page: page.name)
def test_links_and_pictures_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]*)", text) + re.findall(r"^\[[\w-]+\]: (\S+)", text, re.MULTILINE):
        assert (page.parent / target).is_file(), target
    for path, anchor in re.findall(r"\]\(([^)#]+)#([^)]+)\)", text):
        headings = re.findall(r"^#+ (.*)$", (page.parent / path).read_text(encoding="utf-8"), re.MULTILINE)
        assert anchor in {re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", heading.lower())) for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_asks_answers_shows_and_says_what_it_does_not_say(page):
    text = page.read_text(encoding="utf-8")
    assert re.match(r"# .*\?\n\n[^\n#!|]", text)
    assert "```sh no-run\n" in text
    assert "\n## What it does not say\n" in text
    assert re.search(r"^Rows: \[\w+\.csv\]\(data/", text, re.MULTILINE)


def test_every_file_of_rows_is_whole_and_used():
    meanings = {row["column"] for row in rows_of(FOLDER / "data" / "columns.csv")}
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    seen = set()
    for path in FILES:
        if path.name == "columns.csv":
            continue
        assert f"(data/{path.name})" in text
        for row in rows_of(path):
            assert None not in row, f"{path.name} has a cell too many: {row}"
            assert None not in row.values(), f"{path.name} has a cell too few: {row}"
            for column in ("value", "sd", "difference", "low", "high"):
                assert re.fullmatch(r"(-?\d*\.?\d+)?", row.get(column, "")), (path.name, row)
            assert row["value"]
            assert row["unit"]
            seen |= set(row)
    assert seen == meanings - {"column", "meaning"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_numbers_in_a_table_of_a_page_stand_in_its_rows(page):
    text = page.read_text(encoding="utf-8")
    rows = [row for path in re.findall(r"\]\((data/[^)]+)\)", text) for row in rows_of(FOLDER / path)]
    columns = ("value", "sd", "difference", "low", "high")
    there = {digits(row.get(column) or "") for row in rows for column in columns}
    there |= {found for row in rows for found in NUMBER.findall(row.get("setting") or "")}
    for line in re.findall(r"^\|(?!.*\n\|--)(?!--)(.*)\|$", text, re.MULTILINE):
        for cell in line.split("|")[1:]:
            assert {digits(found) for found in re.findall(r"\d*\.?\d+", cell.replace(",", ""))} <= there, cell


def test_a_difference_lies_in_its_interval():
    for path in FILES:
        for row in rows_of(path):
            if row.get("difference") and row.get("low"):
                assert float(row["low"]) <= float(row["difference"]) <= float(row["high"]), (path.name, row)


def test_a_difference_to_cross_entropy_is_that_of_two_rows():
    """Within what rounding to a tenth leaves; the middle of the interval where the difference is not stated."""
    alike = ("date", "data", "hidden", "unknown", "network", "epochs", "weight_decay", "split", "metric", "seeds")
    checked = 0
    for path in FILES:
        rows = rows_of(path)
        plain = {
            tuple(row.get(key) for key in alike): row["value"] for row in rows if row.get("loss") == "cross-entropy"
        }
        for row in rows:
            base = plain.get(tuple(row.get(key) for key in alike))
            if row.get("against") != "cross-entropy" or base is None:
                continue
            stated = row.get("difference") or (float(row["low"]) + float(row["high"])) / 2
            assert abs(float(row["value"]) - float(base) - float(stated)) < 0.16, (path.name, row)
            checked += 1
    assert checked > 120


@pytest.fixture
def script(monkeypatch):
    pytest.importorskip("matplotlib", reason="figures need the extra reports")
    monkeypatch.syspath_prepend(ROOT / "tools")
    return importlib.import_module("draw_experiments")


def test_every_figure_shows_the_rows_of_today_and_stands_in_a_page(script):
    there = sorted(path.stem for path in (FOLDER / "images").iterdir())
    assert there == sorted(script.FIGURES), AGAIN
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    for name, (_, files) in script.FIGURES.items():
        picture = (FOLDER / "images" / f"{name}.svg").read_text(encoding="utf-8")
        assert f"<dc:title>{name}, rows {script.digest(files)}</dc:title>" in picture, AGAIN
        assert f"](images/{name}.svg)" in text
        assert len(picture) < 100_000


def test_a_figure_shows_the_newest_of_rows_alike(script):
    old, new = ({"date": date, "value": value} for date, value in (("2026-11-24", "1"), ("2026-12-01", "2")))
    assert script.value([new, old]).at == 2
    with pytest.raises(ValueError, match="expected one row, got 2"):
        script.value([old, old])


@pytest.mark.slow
def test_the_script_draws_every_figure(script, tmp_path):
    written = script.draw(tmp_path)
    assert sorted(path.name for path in written) == sorted(path.name for path in (FOLDER / "images").iterdir())


def test_marks_of_a_figure_stand_where_its_rows_say(script):
    (axes, *_) = script.weight_decay().axes
    heights = {round(float(y), 3) for line in axes.get_lines() for y in line.get_ydata()}
    wanted = [row for row in rows_of(FOLDER / "data" / "weight_decay.csv") if row["data"] == "corel5k"]
    for row in wanted:
        if row["setting"] != "γ− = 4, no margin":
            assert float(row["value"]) in heights
    assert float(wanted[0]["value"]) + float(wanted[0]["sd"]) in heights
    inside = {line.get_markerfacecolor() for line in axes.get_lines() if line.get_marker() == "o"}
    assert "#ffffff" in inside  # cross-entropy has its best at the outermost rate


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_have_options_that_exist(page, tmp_path, monkeypatch, capsys):
    for block in re.findall(r"^```sh no-run\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        say = 'lopsided() { echo lopsided "$@"; }; python() { echo python "$@"; }; make() { echo make "$@"; };'
        printed = subprocess.run(["bash", "-euc", say + block], capture_output=True, text=True, check=True).stdout
        monkeypatch.chdir(tmp_path)
        printed = re.sub(r" --data.train_samples \d+", "", printed).replace(" digits ", " absent.npz ")
        alike = {re.sub(r"\d+", "1", line): line for line in printed.splitlines()}  # one of each loop over numbers
        for words in map(shlex.split, alike.values()):
            if words[0] == "python":
                assert (ROOT / words[1]).is_file(), words
            elif words[0] == "lopsided" and words[1] != "demo":
                assert main(words[1:]) != 2, capsys.readouterr().err  # 1: the data is not there
