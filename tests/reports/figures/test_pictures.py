import base64

import pytest

from lopsided.reports.figures import pictures as page_figures
from lopsided.reports.figures.pictures import Picture, curve_figures, data_uri, training_figures
from lopsided.reports.runs import read_runs
from lopsided.runs.config import LossOptions
from tests.reports.conftest import evaluation_of


@pytest.fixture(autouse=True)
def _undrawn(monkeypatch):
    """These tests are about the words; the drawings have their own."""
    monkeypatch.setattr(page_figures, "picture_of", lambda _draw: Picture("light", "dark", 4, 3))


def test_runs_get_the_figures_that_they_have_data_for(make_run):
    whole, not_validated, empty = read_runs(
        [make_run("a", LossOptions(name="adaptive")), make_run("b", validated=False), make_run("c", steps=0)]
    )
    assert [figure.name for figure in training_figures([whole])] == ["map", "gap", "asymmetry", "cross-entropy"]
    assert [figure.name for figure in training_figures([not_validated])] == ["gap", "cross-entropy"]
    assert training_figures([empty]) == []


def test_words_in_place_of_a_figure_say_where_its_lines_end(make_run):
    runs = read_runs([make_run("a", LossOptions(name="focal")), make_run("b", steps=0)])
    alt = training_figures(runs)[0].alt
    assert "focal 50.0\u00a0%" in alt
    assert "asymmetric none" in alt


def test_captions_name_their_equations(five_losses):
    captions = [figure.caption for figure in (*training_figures(five_losses), *curve_figures(five_losses))]
    for equation in ("eq. 7 and 8", "Eq. 9", "Eq. 2", "Eq. 1 to 5", "Eq. 6"):
        assert any(equation in caption for caption in captions)


def test_the_printed_sign_is_explained_where_it_was_used(make_run):
    (ours,) = read_runs([make_run("a", LossOptions(name="adaptive"))])
    (printed,) = read_runs([make_run("b", LossOptions(name="adaptive", rate=-1.0))])
    assert "as the paper prints it" not in training_figures([ours])[2].caption
    assert "as the paper prints it" in training_figures([printed])[2].caption


def test_an_adaptive_loss_is_drawn_as_it_ended(make_run):
    (run,) = read_runs([make_run("a", LossOptions(name="adaptive"))])
    loss, gradient = curve_figures([run])
    assert "adaptive, γ+ = 0, γ− = 4, m = 0.2" in loss.alt
    assert "for {loss}" not in gradient.caption
    assert "adaptive, γ− = 4, m = 0.2" in gradient.caption
    (run,) = read_runs([make_run("b", LossOptions(name="adaptive", full_margin_at=8))])
    assert "adaptive, γ− = 4, m = 0.1" in curve_figures([run])[1].caption


def test_the_regimes_are_those_of_the_best_run(make_run):
    runs = read_runs(
        [
            make_run("a", LossOptions(gamma_neg=1), evaluation=evaluation_of(0.3)),
            make_run("b", LossOptions(gamma_neg=4), evaluation=evaluation_of(0.6)),
        ]
    )
    assert "asymmetric, γ− = 4, m = 0.2" in curve_figures(runs)[1].caption


def test_curves_that_are_left_out_are_counted(make_run):
    runs = read_runs([make_run(str(gamma), LossOptions(gamma_neg=gamma)) for gamma in range(1, 7)])
    captions = [figure.caption for figure in curve_figures(runs)]
    assert len(captions) == 2
    assert all("2 further settings of these runs are left out." in caption for caption in captions)


def test_losses_outside_the_family_have_no_curve_and_the_caption_says_so(make_run):
    runs = read_runs([make_run("a", LossOptions(name="hill")), make_run("b", LossOptions(gamma_neg=3))])
    loss, gradient = curve_figures(runs)
    assert "Hill" not in loss.alt
    assert "asymmetric, γ− = 3, m = 0.2" in gradient.caption
    for figure in (loss, gradient):
        assert "Losses outside the asymmetric family are not drawn." in figure.caption
    assert not [figure for figure in curve_figures(runs[1:]) if "are not drawn" in figure.caption]


def test_a_data_uri_holds_the_file():
    kind, _, content = data_uri(b"bytes", "image/png").partition(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(content) == b"bytes"
