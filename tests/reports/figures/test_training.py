import numpy as np
import pytest

from lopsided.reports.figures.series import smooth, smoothing_window
from lopsided.reports.figures.style import DARK, LIGHT, render
from lopsided.reports.figures.training import (
    asymmetry_over_training,
    cross_entropy_over_training,
    gap_over_training,
    map_over_training,
)
from lopsided.reports.runs import read_runs
from lopsided.runs.config import LossOptions

DRAWINGS = [gap_over_training, asymmetry_over_training, map_over_training, cross_entropy_over_training]


def strong_lines(axes):
    """The smoothed line of each run; those of single steps are faint, targets lie between."""
    return [line for line in axes.get_lines() if line.get_zorder() == 3]


def level_lines(axes):
    return [float(line.get_ydata()[0]) for line in axes.get_lines() if line.get_zorder() == 2]


def texts_of(axes):
    return [text.get_text() for text in axes.texts]


def test_each_run_has_its_line_and_its_name(five_losses):
    for draw, count in ((gap_over_training, 5), (map_over_training, 5), (cross_entropy_over_training, 5)):
        figure = draw(five_losses)
        assert {len(strong_lines(axes)) for axes in figure.axes} == {count}
        assert [text.get_text() for text in figure.legends[0].get_texts()] == [run.label for run in five_losses]


def test_a_loss_has_its_colour_and_dashes_in_every_figure(five_losses):
    last = [strong_lines(draw(five_losses).axes[-1])[-1] for draw in DRAWINGS]
    assert len({line.get_color() for line in last}) == 1
    assert {line.get_color() for line in last} == {LIGHT.losses["adaptive_printed"]}


def test_the_gap_is_smoothed_over_its_raw_steps_with_a_zero_and_a_target_line(make_run):
    (run,) = runs = read_runs([make_run("a", LossOptions(name="adaptive", target_gap=-0.1), steps=300, epochs=30)])
    (axes,) = gap_over_training(runs).axes
    raw = run.steps["gap"]
    (strong,) = strong_lines(axes)
    np.testing.assert_allclose(strong.get_ydata(), smooth(raw, smoothing_window(300)))
    assert any(np.array_equal(line.get_ydata(), raw) for line in axes.get_lines() if line.get_alpha())
    assert level_lines(axes) == [0, -0.1]
    assert texts_of(axes) == ["target\n−0.1"]


def test_runs_without_a_target_get_a_zero_line_alone(make_run):
    (axes,) = gap_over_training(read_runs([make_run("a")])).axes
    assert level_lines(axes) == [0]
    assert texts_of(axes) == []


def test_asymmetry_shows_gamma_neg_above_the_gap_for_both_signs(five_losses):
    upper, lower = asymmetry_over_training(five_losses).axes
    assert len(strong_lines(upper)) == len(strong_lines(lower)) == 2
    np.testing.assert_allclose(strong_lines(upper)[0].get_ydata(), five_losses[3].steps["gamma_neg"])
    assert level_lines(lower) == [0, 0.1]
    assert texts_of(lower) == ["target\n0.1"]
    assert upper.get_xlim() == lower.get_xlim()


def test_asymmetry_needs_an_adaptive_run(make_run):
    with pytest.raises(ValueError, match="adaptive"):
        asymmetry_over_training(read_runs([make_run("a")]))


def test_validation_is_drawn_in_percent_at_its_steps(five_losses):
    (axes,) = map_over_training(five_losses).axes
    assert strong_lines(axes)[0].get_xdata().tolist() == [10, 20, 30, 40]
    np.testing.assert_allclose(strong_lines(axes)[0].get_ydata(), [12.5, 25, 37.5, 50])
    assert axes.get_ylabel() == "validation mAP (%)"


def test_cross_entropy_shows_validation_only_where_there_is_some(make_run):
    validated, not_validated = read_runs([make_run("a", seed=1), make_run("b", validated=False)])
    assert len(cross_entropy_over_training([validated, not_validated]).axes) == 2
    assert len(cross_entropy_over_training([not_validated]).axes) == 1


@pytest.mark.parametrize("draw", DRAWINGS)
@pytest.mark.parametrize(
    "settings", [{"steps": 0}, {"steps": 1}, {"nan_from": 1}, {"nan_from": 20, "validated": False}]
)
def test_runs_that_were_cut_short_or_broke_can_be_drawn(draw, settings, make_run):
    runs = read_runs([make_run("a", LossOptions(name="adaptive"), **settings)])
    assert b"<svg" in render(draw(runs, theme=DARK))


def test_a_long_run_is_drawn_with_few_points(make_run):
    runs = read_runs([make_run("a", steps=5000, epochs=500)])
    (axes,) = gap_over_training(runs).axes
    assert max(len(line.get_xdata()) for line in axes.get_lines()) < 500


def test_a_single_point_is_marked_because_its_line_cannot_be_seen(make_run):
    (axes,) = map_over_training(read_runs([make_run("a", steps=10)])).axes
    assert strong_lines(axes)[0].get_marker() == "o"
