import base64
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

import lopsided.reports
from lopsided.reports import write_report
from lopsided.reports.figures.style import DARK, LIGHT
from lopsided.runs.config import LossOptions, ReportOptions
from tests.reports.conftest import evaluation_of, write_run, write_source

VOID = {"meta", "img", "source", "br", "hr", "input"}


class Page(HTMLParser):
    """Elements with their attributes and the text of a page; refuses tags that do not close."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.words, self.open = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID and not self.get_starttag_text().endswith("/>"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID and tag != "path":
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page of two runs, which most tests look at."""
    folder = tmp_path_factory.mktemp("two runs")
    source = write_source(folder)
    plain, adaptive = LossOptions(name="cross_entropy"), LossOptions(name="adaptive")
    runs = [
        write_run(folder / "one", plain, source=source, evaluation=evaluation_of(0.3)),
        write_run(folder / "two", adaptive, source=source, evaluation=evaluation_of(0.6)),
    ]
    return Page(write_report(runs, folder / "out" / "page.html").read_text(encoding="utf-8"))


@pytest.fixture
def write_drawn(tmp_path, monkeypatch):
    """A page of some runs, without the curves, which are the same on every page and take most of the time."""
    monkeypatch.setattr("lopsided.reports.page.curve_figures", lambda _runs: [])

    def write(*runs):
        return Page(write_report(runs, tmp_path / "page.html").read_text(encoding="utf-8"))

    return write


@pytest.fixture
def write(write_drawn, monkeypatch):
    """A page of some runs without any figure."""
    monkeypatch.setattr("lopsided.reports.page.training_figures", lambda _runs: [])
    return write_drawn


def svgs_of(page):
    addresses = [image["src"] for image in page.all("img")] + [source["srcset"] for source in page.all("source")]
    prefix = "data:image/svg+xml;base64,"
    return [base64.b64decode(address.removeprefix(prefix)) for address in addresses if address.startswith(prefix)]


def test_one_run_makes_a_page(write, make_run):
    page = write(make_run("a", evaluation=evaluation_of(0.4321)))
    assert "Training report" in page.text
    assert "43.2" in page.text
    assert "best:" not in page.text


def test_every_run_is_on_the_page_and_the_best_is_marked(page):
    for word in ("cross-entropy", "adaptive", "30.0", "60.0", "best:", "What differs between the runs"):
        assert word in page.text


def test_a_hostile_label_title_folder_and_source_show_as_text(write, make_run):
    page = write(
        make_run(
            "<img src=x onerror=alert(1)>",
            source="table:<b>nowhere</b>.csv",
            report=ReportOptions(title="<script>alert(2)</script> & co"),
        ),
        make_run("<svg onload=alert(3)>", LossOptions(name="focal")),
    )
    assert page.all("script") == [{}]  # the explorer's
    assert page.all("b") == []
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert "<script>alert(2)</script> & co" in page.text
    assert "<b>nowhere</b>" in page.text
    assert "<img src=x onerror=alert(1)>" in page.text


def test_a_label_that_is_a_script_shows_as_text(write, make_run):
    page = write(make_run("a", report=ReportOptions(examples=10)))
    assert page.all("script") == [{}]  # the explorer's
    assert "<script>alert(1)</script>" in page.text


def test_nothing_is_fetched_from_anywhere(page):
    for _, attributes in page.elements:
        for name in ("src", "srcset", "href", "action", "data"):
            assert attributes.get(name, "#").startswith(("#", "data:"))
    assert page.all("link") == []
    assert "://" not in page.text
    assert "url(" not in page.text
    assert "@import" not in page.text
    policy = next(meta["content"] for meta in page.all("meta") if "http-equiv" in meta)
    assert policy.startswith("default-src 'none'")


def test_every_figure_is_there_for_light_and_for_dark(page):
    papers = [picture["class"] for picture in page.all("picture")]
    assert papers.count("on-light") == papers.count("on-dark") == len(page.all("figure")) == 6
    svgs = svgs_of(page)
    for svg in svgs:
        ElementTree.fromstring(svg)
    assert sum(LIGHT.paper.encode() in svg for svg in svgs) == sum(DARK.paper.encode() in svg for svg in svgs) == 8
    assert "prefers-color-scheme: dark" in page.text


def test_every_picture_has_words_and_a_size(page):
    for image in page.all("img"):
        assert image["alt"].strip()
        assert int(image["width"])
        assert int(image["height"])


def test_wide_tables_scroll_in_a_box_that_the_keyboard_reaches(page):
    boxes = [attributes for attributes in page.all("div") if attributes.get("class") == "scroll"]
    assert len(boxes) == len(page.all("table"))
    assert all(box["tabindex"] == "0" and box["role"] == "region" and box["aria-label"] for box in boxes)


def test_the_page_has_one_heading_one_main_part_and_links_that_lead_somewhere(page):
    assert len(page.all("h1")) == len(page.all("main")) == 1
    identifiers = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    assert {link["href"].removeprefix("#") for link in page.all("a")} <= set(identifiers)


def test_a_run_that_was_not_evaluated_says_how(write, make_run):
    page = write(path := make_run("a"), make_run("b", LossOptions(name="focal"), evaluation=evaluation_of(0.5)))
    assert f"not evaluated: lopsided evaluate {path}" in page.text


@pytest.mark.parametrize(
    "settings",
    [
        {"steps": 0, "validated": False},
        {"steps": 3, "validated": False},
        {"nan_from": 20, "evaluation": evaluation_of(float("nan"))},
    ],
)
def test_runs_that_were_cut_short_or_broke_still_make_a_page(settings, write_drawn, make_run):
    page = write_drawn(make_run("a", LossOptions(name="adaptive", rate=-0.5), **settings))
    assert "adaptive, printed sign" in page.text
    assert " nan" not in page.text


@pytest.mark.parametrize("evaluation", [{}, {"mAP": None}, {"top3": {}, "split": "<b>", "threshold": "0.5"}])
def test_an_evaluation_that_says_little_still_makes_a_page(evaluation, write, make_run):
    page = write(make_run("a", evaluation=evaluation), make_run("b", seed=1, evaluation=evaluation_of(0.5)))
    assert "50.0" in page.text
    assert page.all("b") == []


def test_a_source_that_is_gone_is_said_in_one_line(write, make_run, source):
    path = make_run("a")
    Path(source.removeprefix("table:")).unlink()
    assert "The samples cannot be shown: " in write(path).text


def test_no_examples_make_no_section(write, make_run):
    assert "Examples" not in write(make_run("a", report=ReportOptions(examples=0))).text


def test_the_figure_of_adaptive_asymmetry_is_there_for_adaptive_runs_alone(write_drawn, make_run):
    assert "Adaptive asymmetry" not in write_drawn(make_run("a")).text
    page = write_drawn(make_run("b", LossOptions(name="adaptive", rate=-1)))
    assert "Adaptive asymmetry" in page.text
    assert "further from the target; at the end γ− was: adaptive, printed sign 4.0;" in page.text


def test_the_page_is_whole_or_absent_and_goes_where_it_is_told(tmp_path, make_run, monkeypatch):
    for figures in ("curve_figures", "training_figures"):
        monkeypatch.setattr(f"lopsided.reports.page.{figures}", lambda _runs: [])
    path = make_run("a")
    assert write_report([path], tmp_path) == tmp_path / "report.html"
    before = (tmp_path / "report.html").read_bytes()
    assert write_report([path], tmp_path / "report.html").read_bytes() == before
    assert not list(tmp_path.glob("*.part"))
    monkeypatch.setattr("lopsided.reports.page.summary", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_report([path], tmp_path / "report.html")
    assert (tmp_path / "report.html").read_bytes() == before


def test_the_public_names_are_those_that_are_listed():
    for name in lopsided.reports.__all__:
        assert getattr(lopsided.reports, name)
