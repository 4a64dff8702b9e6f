"""Names that would be markup, scripts or formulas, on all pages and in a real browser: they stay text."""

import base64
import json
import re
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from lopsided.data import Labels, Table
from lopsided.inference.audit import audit
from lopsided.inference.cross_fit import OutOfSample
from lopsided.reports import write_report
from lopsided.reports.audit.page import write_audit_page
from lopsided.reports.sweeps.page import write_sweep_report
from lopsided.runs.config import LossOptions, ReportOptions
from tests.reports.chromium import Browser, find
from tests.reports.conftest import evaluation_of, write_run
from tests.reports.sweeps.test_reading import make_sweep  # noqa: F401 (a fixture)

needs_browser = pytest.mark.skipif(find() is None, reason="wants a browser: the Debian package chromium")

SPRUNG = "document.title='sprung'"
NAMES = (
    f"<script>{SPRUNG}</script>",
    f'"><img src=x onerror="{SPRUNG}">',
    f"</script></style></title><script>{SPRUNG}</script>",
    f"<svg onload={SPRUNG}>",
    f"javascript:{SPRUNG}",
    f"'-{SPRUNG}-'",
    r"$\frac{1}{$",
    "{{ 7 * 7 }}{% endif %}",
    "-->]]>&lt;b&gt;",
    "=cmd|' /C calc'!A0",
)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    tmp_path = tmp_path_factory.mktemp("report")
    draw = np.random.default_rng(0)
    split = np.repeat(["train", "val", NAMES[1]], 10)
    arrays = {"features": draw.normal(size=(30, 5)), "labels": draw.random((30, len(NAMES))) < 0.4, "split": split}
    place = tmp_path / NAMES[1].replace("/", "")  # a folder may be called so
    place.mkdir()
    np.savez(place / "t.npz", **arrays, label_names=np.array(NAMES))
    evaluation = {**evaluation_of(0.5, split=NAMES[1]), "thresholds": {"per_label": False, "split": NAMES[0]}}
    settings = {"labels": NAMES, "source": f"table:{place / 't.npz'}", "evaluation": evaluation}
    runs = [
        write_run(place / f"one{number}", LossOptions(), report=ReportOptions(title=NAMES[2]), seed=0, **settings)
        for number in range(2)
    ]
    (runs[0] / "environment.json").write_text(
        json.dumps(
            {"python": "<b>", "platform": f"</td>{NAMES[0]}", "devices": [], "threads": 1, "packages": {"<i>": 1}}
        )
    )
    return write_report(runs, tmp_path / "report.html")


@pytest.fixture
def audit_page(tmp_path):
    draw = torch.Generator().manual_seed(0)
    targets = torch.rand(20, len(NAMES), generator=draw) < 0.5
    p = torch.rand(targets.shape, generator=draw).clamp(0.01, 0.99)
    labels, words = Labels(NAMES, csr_array(targets.numpy())), tuple(f"{name}{i}" for name in NAMES for i in range(2))
    data = Table(NAMES[0], np.ones((20, 20), np.float32), labels, np.array(["train"] * 20), feature_names=words)
    found = audit(OutOfSample(np.arange(20), p, torch.logit(p), targets, torch.ones_like(targets), []), most=60)
    write_audit_page(found, data, tmp_path / "audit.html", title=NAMES[2], command=NAMES[1])
    return tmp_path / "audit.html"


@pytest.fixture
def sweep_page(make_sweep):  # noqa: F811
    folder = make_sweep("adaptive", seeds=2)
    about = folder / "sweep.json"
    evil = f"</script><script>{SPRUNG}</script>"
    about.write_text(about.read_text().replace("table:<b>.npz", f"table:{evil}"))
    assert evil in about.read_text()
    return write_sweep_report(folder)[-1]


@pytest.mark.parametrize(("name", "scripts"), [("report", 1), ("audit_page", 1), ("sweep_page", 0)])
def test_no_name_becomes_markup(request, name, scripts):
    text = request.getfixturevalue(name).read_text(encoding="utf-8")
    assert len(re.findall("<script", text)) == scripts
    assert "onerror=&#34;" in text or "<img src=x" not in text
    assert not re.search(r"<(img src=x|svg onload)", text)
    assert not re.search(r'(href|src)="javascript:', text)
    assert "49{%" not in text


def test_figures_hold_names_as_outlines_and_no_scripts(report):
    text = report.read_text(encoding="utf-8")
    figures = [base64.b64decode(content) for content in re.findall(r"data:image/svg\+xml;base64,([\w+/=]+)", text)]
    assert len(figures) > 4
    for figure in figures:
        tags = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(figure).iter()}
        assert not tags & {"script", "foreignObject", "image", "a"}
        assert b"onload" not in figure


@needs_browser
@pytest.mark.parametrize("name", ["report", "audit_page", "sweep_page"])
def test_no_script_of_a_name_runs_in_a_browser(request, tmp_path, name):
    path = request.getfixturevalue(name)
    text = path.read_text(encoding="utf-8")
    alone = tmp_path / "alone.html"  # without the policy, escaping must do alone
    alone.write_text(re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text), encoding="utf-8")
    assert "Security-Policy" not in alone.read_text(encoding="utf-8")
    with Browser(tmp_path) as browser:
        for page in (path, alone):
            browser.open(page)
            browser.ask("document.querySelectorAll('details').forEach((part) => part.open = true)")
            browser.ask("new Promise((done) => setTimeout(done, 100))")
            assert browser.ask("document.title") != "sprung"
            assert browser.ask("document.scripts.length") == int(name != "sweep_page")
            assert browser.ask("document.querySelectorAll('img[onerror], svg[onload], [src=x]').length") == 0
            if name != "sweep_page":
                shown = browser.ask("document.body.textContent")
                assert all(part in shown for part in NAMES)
