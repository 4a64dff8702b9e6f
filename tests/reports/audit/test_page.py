"""The page of an audit, also in a real browser with the keyboard alone."""

import csv
import dataclasses
import time

import numpy as np
import pytest
from scipy.sparse import csr_array

from lopsided.data import Labels, Manifest, Table, read_listing
from lopsided.data.texts.texts import Texts
from lopsided.data.writing.corrections import corrected, read_decisions
from lopsided.data.writing.writer import write_data
from lopsided.inference.audit import Audit, Suspect
from lopsided.inference.evaluations.trust import Trust
from lopsided.reports.audit.page import write_audit_page
from tests.reports.chromium import Browser, find
from tests.reports.test_page import Page

NAMES = ("cat, small", "<script>alert(1)</script>", 'dog "Rex"')
needs_browser = pytest.mark.skipif(find() is None, reason="wants a browser: the Debian package chromium")


@pytest.fixture
def manifest(tmp_path):
    image = pytest.importorskip("PIL.Image", reason="images need Pillow")
    draw = np.random.default_rng(0)
    root = tmp_path / "pictures"
    root.mkdir()
    for row in range(20):
        image.fromarray(draw.integers(0, 256, (140, 160, 3), dtype=np.uint8)).save(root / f"{row:02d}, x.png")
    paths = np.array([f"{row:02d}, x.png" for row in range(20)], dtype=np.dtypes.StringDType())
    labels = Labels(NAMES, csr_array(draw.random((20, 3)) < 0.5))
    return Manifest("pets & more", root, paths, labels, np.array(["train"] * 20))


@pytest.fixture
def table():
    draw = np.random.default_rng(0)
    features = (draw.random((20, 40)) < 0.3).astype(np.float32)
    labels = Labels(NAMES, csr_array(draw.random((20, 3)) < 0.5))
    words = tuple(f"word{i}" for i in range(40))
    return Table("texts", features, labels, np.array(["train"] * 20), feature_names=words)


def audited(data, most, *, warnings=()):
    """Suspects in an order that was drawn; missing ones alone where there is a warning."""
    targets, draw = data.labels.dense(range(20))[0], np.random.default_rng(0)
    elements = [divmod(int(place), 3) for place in draw.permutation(60)]
    suspects = [Suspect(i, k, "wrong" if targets[i, k] else "missing", float(draw.random())) for i, k in elements]
    kept = [suspect for suspect in suspects if suspect.kind == "missing" or not warnings]
    noted = targets.sum(axis=0)
    trust = Trust(0.95, np.full(3, not warnings), warnings)
    return Audit(tuple(kept[:most]), np.array([1.5, 0, 0]), np.array([0, 2.5, 0]), noted, 20, trust)


def write(data, out, *, suspects=24, warnings=(), **settings):
    found = audited(data, suspects, warnings=warnings)
    write_audit_page(found, data, out, title="To <check>", command="lopsided audit RUN", **settings)
    return found


def test_the_page_shows_every_suspect_with_its_picture_and_fetches_nothing(tmp_path, manifest):
    found = write(manifest, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<script>alert(1)" not in text
    assert "http://" not in text
    assert "https://" not in text
    page = Page(text.replace(text[text.index("<script>") : text.index("</script>")], "<script>"))
    assert len(page.all("img")) == len(found.suspects) == 24
    assert all(image["src"].startswith("data:image/jpeg;base64,") for image in page.all("img"))
    cards = [item for item in page.all("li") if item.get("class") == "card"]
    assert [int(card["data-row"]) for card in cards] == [suspect.row for suspect in found.suspects]
    assert [card["data-label"] for card in cards] == [NAMES[suspect.label] for suspect in found.suspects]
    (policy,) = [meta["content"] for meta in page.all("meta") if meta.get("http-equiv")]
    assert policy.startswith("default-src 'none'; img-src data:;")


def test_a_table_shows_what_is_rare_about_a_row(tmp_path, table):
    features = table.features.copy()
    features[:, 0], features[3, :] = 1, 0
    features[3, [0, 5]] = 1
    features[[i for i in range(20) if i != 3], 5] = 0
    write(dataclasses.replace(table, features=features), tmp_path / "page.html", suspects=60)
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "word5, word0</p>" in text
    assert "<img" not in text


def test_a_text_is_shown_with_its_rarest_words_marked_and_runs_nothing(tmp_path, table):
    texts = [f"a common word{row} <img src=x onerror=alert(1)> & שלום" for row in range(20)]
    data = Texts("pets", np.array(texts, dtype=np.dtypes.StringDType()), table.labels, table.splits)
    write(data, tmp_path / "page.html", suspects=60)
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<img" not in text
    assert "&lt;<mark>img</mark> <mark>src</mark>=<mark>x</mark> <mark>onerror</mark>" in text
    assert "<mark>word7</mark>" in text
    assert text.count('<p class="text" dir="auto">') == 60
    assert "those of its words that stand in the fewest texts" in text
    assert "rarest words:" not in text


def test_only_so_many_are_shown_as_asked_for_and_a_broken_picture_is_left_out(tmp_path, manifest):
    for row in range(20):
        manifest.path(row).write_bytes(b"no picture")
    write(manifest, tmp_path / "page.html", most=7)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count('class="card"') == 7
    assert "<img" not in page


def test_an_audit_that_must_not_be_believed_opens_with_a_banner_and_asks_for_no_removal(tmp_path, table):
    write(table, tmp_path / "page.html", warnings=("All of the noted labels look wrong to the networks.",))
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    header = text[text.index("<header>") : text.index("</header>")]
    assert (
        header.index("no judge of the labels")
        < header.index("All of the noted labels look wrong")
        < header.index("look most like missing ones")
    )
    assert "probably" not in header
    assert "Chance that it is true" not in text
    assert "Remove <strong>" not in text
    assert 'id="counts"' not in text
    assert 'value="wrong"' not in text

    write(table, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "no judge" not in text
    assert "About 2 more are probably missing, and about 2 of the noted ones are probably wrong" in text
    assert "Remove <strong>" in text


@needs_browser
def test_the_keyboard_alone_decides_undoes_and_saves(tmp_path, manifest):
    found = write(manifest, tmp_path / "page.html")
    with Browser(tmp_path) as browser:
        browser.open(tmp_path / "page.html")
        number = "cards.indexOf(document.activeElement)"
        assert browser.ask(number) == 0
        browser.press("j", "j", "k", "ArrowRight", "ArrowLeft")
        assert browser.ask(number) == 1
        browser.press("a")  # card 1, and on to 2
        browser.press("r")  # card 2, and on to 3
        browser.press("a", "u")  # card 3, taken back
        assert browser.ask(number) == 3
        assert browser.ask("progress.textContent") == "2 of 24 decided, 1 accepted"
        assert "a" not in browser.ask("cards[3].className").split()
        browser.press("ArrowDown")
        assert browser.ask("document.activeElement.getBoundingClientRect().top > cards[3].getBoundingClientRect().top")
        assert browser.ask(
            "document.activeElement.getBoundingClientRect().left === cards[3].getBoundingClientRect().left"
        )
        browser.press("ArrowUp")
        assert browser.ask(number) == 3
        browser.press("Tab")  # to the buttons of the card, and no further card is on the way
        assert browser.ask("document.activeElement.textContent") == "Accept"
        browser.press("Enter")
        assert browser.ask("decisions[3]") == "accept"
        outline = browser.ask("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"
        browser.press("s")
        saved = tmp_path / "saved" / "decisions.csv"
        end = time.monotonic() + 20
        while not saved.exists() and time.monotonic() < end:
            time.sleep(0.05)

        browser.open(tmp_path / "page.html")  # as on the next day
        assert browser.ask("progress.textContent") == "3 of 24 decided, 2 accepted"
        assert browser.ask(number) == 0

    with saved.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(int(row["row"]), row["label"], row["kind"], row["decision"]) for row in rows] == [
        (suspect.row, NAMES[suspect.label], suspect.kind, decision)
        for suspect, decision in zip(found.suspects[1:4], ("accept", "reject", "accept"), strict=True)
    ]
    accepted, rejected = read_decisions(saved, manifest)
    assert (len(accepted), rejected) == (2, 1)
    write_data(corrected(manifest, accepted), manifest.root / "corrected.csv")
    before = manifest.labels.dense(range(20))[0]
    back = read_listing(manifest.root / "corrected.csv").labels
    after = back.dense(range(20))[0][:, [back.names.index(name) for name in NAMES]]
    assert {(suspect.row, suspect.label) for suspect in (found.suspects[1], found.suspects[3])} == set(
        zip(*(part.tolist() for part in np.nonzero(before != after)), strict=True)
    )


@needs_browser
def test_a_filter_shows_one_kind_or_label_and_moving_skips_the_rest(tmp_path, table):
    found = write(table, tmp_path / "page.html")
    with Browser(tmp_path) as browser:
        browser.open(tmp_path / "page.html")
        for value, wanted in (
            ("wrong", [s.kind == "wrong" for s in found.suspects]),
            (f"label:{NAMES[1]}", [s.label == 1 for s in found.suspects]),
        ):
            browser.ask(f"filter.value = {value!r}; filter.dispatchEvent(new Event('change'))")
            assert browser.ask("cards.map((card) => !card.hidden)") == wanted
            browser.ask("cards[current].focus()")
            browser.press(*"jjk")
            assert wanted[browser.ask("current")]
        browser.ask("filter.value = 'undecided'; filter.dispatchEvent(new Event('change'))")
        browser.press("a")
        browser.ask("filter.dispatchEvent(new Event('change'))")
        assert browser.ask("cards.filter((card) => card.hidden).length") == 1
