import pytest

from lopsided.reports import reliability_diagram
from lopsided.reports.figures.pictures import calibration_figures
from lopsided.reports.runs import read_runs
from lopsided.runs.config import LossOptions
from tests.reports.conftest import evaluation_of


def side(ece, *bins):
    return {"brier": 0.1, "ece": ece, "ece_equal_mass": ece, "bins": [list(row) for row in bins]}


CALIBRATION = {
    "method": "closed form",
    "before": side(0.2, (0.1, 0.02, 900), (0.5, 0.1, 80), (0.97, 0.9, 3)),
    "after": side(0.01, (0.02, 0.02, 900), (0.1, 0.1, 83)),
}


def test_the_sigmoid_is_faint_and_the_probability_strong_and_bins_of_few_are_left_out(make_run):
    runs = read_runs(
        [
            make_run("a", evaluation=evaluation_of(0.5, calibration=CALIBRATION)),
            make_run("b", LossOptions(name="focal")),
        ]
    )
    diagonal, before, after = reliability_diagram(runs).axes[0].get_lines()
    assert diagonal.get_xydata().tolist() == [[0, 0], [1, 1]]
    assert before.get_xydata().tolist() == [[0.1, 0.02], [0.5, 0.1]]
    assert after.get_xydata().tolist() == [[0.02, 0.02], [0.1, 0.1]]
    assert before.get_alpha() < after.get_alpha()
    (figure,) = calibration_figures(runs)
    assert "20.0\u00a0% before and 1.0\u00a0% after" in figure.alt


@pytest.mark.parametrize(
    "calibration", [None, {}, "x", {"before": {}, "after": {}}, {**CALIBRATION, "after": side(0.1)}]
)
def test_an_evaluation_without_it_gives_no_figure(make_run, calibration):
    runs = read_runs([make_run("a", evaluation=evaluation_of(0.5, calibration=calibration)), make_run("b", seed=1)])
    assert calibration_figures(runs) == []
    with pytest.raises(ValueError, match="expected at least one evaluated run, got none"):
        reliability_diagram(runs)


@pytest.mark.parametrize(
    ("loss", "about", "wanted", "unwanted"),
    [
        (LossOptions(), {}, ("undone without data", "has met its ceiling"), ("fitted to", "uncorrected")),
        (LossOptions(margin=0.0), {}, ("undone without data",), ("ceiling",)),
        (LossOptions(name="hill"), {}, ("uncorrected",), ("undone without data", "ceiling")),  # an older one
        (
            LossOptions(name="cross_entropy"),
            {"method": "sigmoid, nothing to undo"},
            ("the sigmoid itself",),
            ("fitted",),
        ),
        (
            LossOptions(),
            {"method": "platt", "fitted_on": "val"},
            ("fitted to val (platt)",),
            ("without data", "ceiling"),
        ),
    ],
)
def test_the_caption_says_how_the_probabilities_of_the_run_came_about(make_run, loss, about, wanted, unwanted):
    runs = read_runs([make_run("a", loss, evaluation=evaluation_of(0.5, calibration={**CALIBRATION, **about}))])
    (figure,) = calibration_figures(runs)
    assert all(part in figure.caption for part in wanted)
    assert not any(part in figure.caption for part in unwanted)
