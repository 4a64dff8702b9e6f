"""The explorer: its formulas against the library's, and the page in a real browser."""

import base64
import hashlib
import itertools
import json
import math

import numpy as np
import pytest
import torch

from lopsided.losses import asymmetric_gradient, asymmetric_loss, recalibrate, recalibration_ceiling
from lopsided.reports import gradient_peak, write_explorer, write_report
from lopsided.reports.figures.negative_gradient import negative_gradient
from lopsided.runs.config import LossOptions
from tests.reports.chromium import Browser, find
from tests.reports.conftest import evaluation_of
from tests.reports.test_page import Page

needs_browser = pytest.mark.skipif(find() is None, reason="wants a browser: the Debian package chromium")
SETTINGS = [
    {"gamma_pos": gamma_pos, "gamma_neg": gamma_neg, "margin": margin}
    for gamma_pos, gamma_neg, margin in itertools.product((0, 0.7, 2, 8), (0, 0.3, 2, 4.1, 8), (0, 0.05, 0.2, 0.5))
]
LOGITS = [-40, -20, -7.5, -3, -1.4, -1.38, -0.1, 0, 1e-9, 0.5, 1, 2.9, 7, 20, 40]
SHARES = (0.001, 0.1, 0.5, 0.9, 0.999)
HIDDEN = (0, 0.3, 0.9)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explorer")
    write_explorer(folder / "page.html")
    return folder


@pytest.fixture(scope="module")
def shared_browser(folder):
    with Browser(folder) as browser:
        browser.open(folder / "page.html")
        yield browser


@pytest.fixture
def browser(shared_browser, folder):
    """The page as it opens, without a setting in its address."""
    shared_browser.open(folder / "page.html")
    shared_browser.ask("change(opening); clearTimeout(waiting); history.replaceState(null, '', '#')")
    shared_browser.wait("shown.gamma_neg === 2 && shown.margin === 0.2")
    return shared_browser


def values(browser, function, points=LOGITS, settings=SETTINGS):
    """What a function of the page gives, shape (settings, points)."""
    of = f"{json.dumps(settings)}.map((setting) => {json.dumps(points)}.map((z) => {function}(z, setting)))"
    return np.array(browser.ask(of))


def in_python(function, points=LOGITS):
    logits = torch.tensor(points, dtype=torch.float64)
    return np.array([function(logits, **setting).tolist() for setting in SETTINGS])


def same(found, wanted):
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-300)


@needs_browser
@pytest.mark.parametrize(("target", "side"), [(0, "negative"), (1, "positive")])
def test_loss_and_gradient_by_the_logit_are_those_of_the_library(shared_browser, target, side):
    def loss(z, **setting):
        return asymmetric_loss(z, torch.full_like(z, target), reduction="none", **setting)

    def gradient(z, **setting):
        return asymmetric_gradient(z, torch.full_like(z, target), **setting)

    same(values(shared_browser, f"{side}Loss"), in_python(loss))
    same(values(shared_browser, f"{side}Gradient"), in_python(gradient))


@needs_browser
def test_the_gradient_by_the_score_is_that_of_the_figures(shared_browser):
    scores = [1e-12, 0.01, 0.049, 0.051, 0.3, 0.51, 0.77, 0.999, 1 - 1e-12]
    found = values(shared_browser, "((p, setting) => negativeGradient(logit(p), setting))", scores)
    numbers = [{name: setting[name] for name in ("gamma_neg", "margin")} for setting in SETTINGS]
    same(found, np.array([negative_gradient(np.array(scores), **setting) for setting in numbers]))


@needs_browser
def test_recalibration_ceiling_and_peak_are_those_of_the_library(shared_browser):
    same(values(shared_browser, "recalibrate"), in_python(recalibrate))
    of_each = "((_, setting) => [ceiling(setting), sigmoid(gradientPeak(setting))])"
    found = values(shared_browser, of_each, [0])[:, 0]
    same(found[:, 0], np.array([recalibration_ceiling(**setting) for setting in SETTINGS]))
    peaks = [gradient_peak(gamma_neg=setting["gamma_neg"], margin=setting["margin"]) for setting in SETTINGS]
    np.testing.assert_allclose(found[:, 1], peaks, atol=1e-5)  # the library searches to 6 digits


@needs_browser
def test_the_expected_loss_is_least_at_the_best_score(shared_browser):
    cases = [[eta, hidden] for eta in SHARES for hidden in HIDDEN]
    found = values(shared_browser, "(([eta, hidden], setting) => String(bestLogit(eta, hidden, setting)))", cases)
    noted = torch.tensor([eta * (1 - hidden) for eta, hidden in cases], dtype=torch.float64)
    for setting, row in zip(SETTINGS, found, strict=True):
        best = torch.tensor([float(text.replace("Infinity", "inf")) for text in row], dtype=torch.float64)
        inside = best.isfinite()
        top, z = recalibration_ceiling(**setting), best[inside]
        assert (noted[~inside] >= top - 1e-12).all()
        assert (noted[inside] < top).all()
        below, above = (asymmetric_gradient(z + by, noted[inside], **setting) for by in (-1e-6, 1e-6))
        assert (below < 0).all()
        assert (above > 0).all()


@needs_browser
def test_hidden_positives_lower_what_is_noted_and_raise_what_a_score_means(shared_browser):
    cases = [[eta, hidden] for eta in SHARES for hidden in HIDDEN]
    noted = values(shared_browser, "(([eta, hidden], setting) => notedProbability(eta, hidden, setting))", cases)
    tops = np.array([recalibration_ceiling(**setting) for setting in SETTINGS])
    same(noted, np.minimum(np.prod([[eta, 1 - hidden] for eta, hidden in cases], axis=1), tops[:, None]))
    true = values(shared_browser, "((z, setting) => trueProbability(z, 0.3, setting))")
    same(true, np.minimum(in_python(recalibrate) / 0.7, 1))


@needs_browser
def test_the_drawn_curve_of_best_scores_is_the_best_score(shared_browser):
    setting = {"gamma_pos": 0, "gamma_neg": 4, "margin": 0.05}
    of = f"bestScores({json.dumps(setting)}, 0.2).map(([eta, p]) => p - bestScore(eta, 0.2, {json.dumps(setting)}))"
    apart = np.array(shared_browser.ask(of))
    assert len(apart) > 300
    assert np.abs(apart).max() < 1e-6


@needs_browser
def test_the_address_sets_the_sliders_and_nonsense_in_it_does_not_matter(shared_browser, tmp_path):
    browser, page = shared_browser, write_explorer(tmp_path)
    hostile = "#gamma_pos=1.5&gamma_neg=4.13&margin=9&hidden=<script>&axis=constructor&eta=&z=1&gamma=7"
    browser.open(page, fragment=hostile)
    assert browser.ask("sliders.map((slider) => Number(slider.value))") == [1.5, 4.1, 0.5, 0.3]
    assert browser.ask("numbers.map((number) => number.value)") == ["1.5", "4.13", "0.5", "0.3"]
    assert browser.ask("[state.axis, state.z, state.eta, shown.gamma_neg]") == ["p", 1, 0.5, 4.13]
    browser.ask("location.hash = '#gamma_pos=0&axis=z'")
    browser.wait("sliders[0].value === '0' && axes[1].checked && shown.gamma_pos === 0")
    assert "logit z" in browser.ask("document.querySelector('[data-panel=negative-loss]').textContent")


@needs_browser
def test_a_slider_a_number_and_a_button_change_the_address_and_the_curves(browser):
    curve = "document.querySelector('[data-panel=negative-loss] .curve.asymmetric').getAttribute('d')"
    before = browser.ask(curve)
    browser.ask("sliders[1].focus()")
    browser.press("ArrowRight")
    browser.wait("location.hash.includes('gamma_neg=2.1&')")
    browser.wait(f"{curve} !== {json.dumps(before)}")
    browser.ask("numbers[2].value = '0.07'; numbers[2].dispatchEvent(new Event('input'))")
    browser.wait("location.hash.includes('margin=0.07&')")
    assert browser.ask("sliders[2].value") == "0.07"
    browser.ask("presets.find((button) => button.textContent === 'cross-entropy').click()")
    browser.wait("location.hash.includes('gamma_pos=0&gamma_neg=0&margin=0&')")
    assert browser.ask("presets.filter((button) => button.ariaPressed === 'true').length") == 1
    browser.wait("shown.margin === 0 && shown.gamma_neg === 0")
    browser.ask("page.querySelector('[data-act=copy]').click()")
    browser.wait("said.textContent !== ''")


@needs_browser
def test_the_arrow_keys_read_every_curve_off(browser):
    browser.ask("charts[0].svg.focus()")
    browser.press("ArrowRight", "ArrowRight", "ArrowLeft")
    words = browser.ask("charts[0].svg.getAttribute('aria-valuetext')")
    p = torch.tensor(0.51, dtype=torch.float64)
    loss = asymmetric_loss(torch.logit(p), torch.tensor(0.0), reduction="none").item()
    assert words == (
        f"p = 0.510, z = 0.040: cross-entropy {-math.log(0.49):.3f}, focal, γ = 2 {-(0.51**2) * math.log(0.49):.3f}, "
        f"asymmetric {loss:.3f}"
    )
    assert "p = 0.510" in browser.ask("charts[4].values.textContent")
    assert browser.ask("charts[5].svg.getAttribute('aria-valuenow')") == "0.5"
    browser.wait("location.hash.includes('&z=0.04&')")
    assert browser.ask("charts.every(({ svg }) => document.getElementById(svg.getAttribute('aria-labelledby')))")


@needs_browser
def test_names_and_panels_stay_apart_on_a_telephone_and_on_a_desk(browser):
    overlaps = """charts.flatMap(({ svg }) => {
      const boxes = [...svg.querySelectorAll(".name, .regime, .tick")].map((text) => text.getBoundingClientRect());
      return boxes.filter((a, i) => boxes.slice(i + 1).some((b) =>
        a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 4 && b.top < a.bottom - 4));
    }).length"""
    for width in (390, 1280):
        browser._call(
            "Emulation.setDeviceMetricsOverride", width=width, height=844, deviceScaleFactor=1, mobile=width < 1000
        )
        browser.wait(f"innerWidth === {width}")
        for address in (
            "gamma_neg=2&margin=0.2",
            "gamma_neg=8&margin=0.02&hidden=0.9",
            "gamma_pos=3&axis=z&margin=0.5",
        ):
            browser.ask(f"Object.assign(state, fromAddress('#{address}')); shown = {{ ...state }}; draw()")
            assert browser.ask(overlaps) == 0, (width, address)
            assert browser.ask("document.querySelectorAll('.name').length") >= 18
            assert browser.ask("document.documentElement.scrollWidth") == width
    browser._call("Emulation.clearDeviceMetricsOverride")


@needs_browser
def test_the_paper_can_be_switched(browser):
    colour = "getComputedStyle(document.body).backgroundColor"
    light = browser.ask(colour)
    browser.ask("page.querySelector('[data-act=theme]').click()")
    assert browser.ask(colour) != light
    browser.ask("page.querySelector('[data-act=theme]').click()")
    assert browser.ask(colour) == light


@needs_browser
def test_the_explorer_of_a_report_runs_and_has_the_settings_of_the_runs(
    make_run, tmp_path, shared_browser, monkeypatch
):
    for figures in ("curve_figures", "training_figures"):
        monkeypatch.setattr(f"lopsided.reports.page.{figures}", lambda _runs: [])
    loss = LossOptions(gamma_neg=11, margin=0.6)
    runs = [make_run(name, loss, evaluation=evaluation_of(0.5)) for name in ("<img src=x onerror=alert(1)>", "b")]
    report = write_report(runs, tmp_path)
    shared_browser.open(report)
    assert shared_browser.ask("sliders.map((slider) => Number(slider.value))") == [0, 11, 0.6, 0.3]
    assert shared_browser.ask("presets.at(-1).textContent").endswith("(<img src=x onerror=alert(1)>)")
    assert shared_browser.ask("document.querySelectorAll('.explorer .curve').length") > 18


def test_the_page_names_no_address_outside_and_runs_its_own_script_alone(folder):
    text = (folder / "page.html").read_text(encoding="utf-8")
    assert "://" not in text
    assert "url(" not in text
    assert "@import" not in text
    page = Page(text)
    for _, attributes in page.elements:
        assert not {"src", "srcset", "action", "data"} & set(attributes)
        assert not any(name.startswith("on") for name in attributes)
    script = text[text.index("<script>") + 8 : text.index("</script>")]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = [meta["content"] for meta in page.all("meta") if "http-equiv" in meta]
    assert policy.startswith("default-src 'none'")
    assert policy.endswith(f"script-src 'sha256-{digest}'")


def test_every_control_has_a_name_and_the_page_opens_with_the_setting(tmp_path):
    path = write_explorer(tmp_path, gamma_pos=0.5, gamma_neg=12, margin=0.7)
    assert path == tmp_path / "explorer.html"
    page = Page(path.read_text(encoding="utf-8"))
    named = {label["for"] for label in page.all("label") if "for" in label}
    inputs = page.all("input")
    assert named == {each["id"] for each in inputs if each["type"] == "range"}
    assert all("aria-label" in each for each in inputs if each["type"] == "number")
    opened = {each["data-name"]: each["value"] for each in inputs if each["type"] == "range"}
    assert opened == {"gamma_pos": "0.5", "gamma_neg": "12", "margin": "0.7", "hidden": "0.3"}
    assert [each["max"] for each in inputs if each["type"] == "range"] == ["12", "12", "0.7", "0.9"]
    assert "as opened" in page.text


def test_a_setting_out_of_range_is_refused_and_leaves_no_file(tmp_path):
    with pytest.raises(ValueError, match=r"expected margin to lie in \[0, 1\), got 1"):
        write_explorer(tmp_path / "page.html", margin=1)
    assert list(tmp_path.iterdir()) == []
