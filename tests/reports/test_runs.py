import numpy as np
import pytest

from lopsided.reports.runs import read_runs
from lopsided.runs.config import LossOptions


def test_steps_and_validations_are_read_apart(make_run):
    (run,) = read_runs([make_run("a")])
    assert run.steps["step"].tolist() == list(range(1, 41))
    assert run.validations["step"].tolist() == [10, 20, 30, 40]
    np.testing.assert_allclose(run.validations["val_mAP"], [0.125, 0.25, 0.375, 0.5])
    assert run.last("gap") == 0
    assert run.last("val_gap") == -0.5
    assert run.last_step() == 40


def test_numbers_that_are_none_become_nan_and_are_passed_over(make_run):
    (run,) = read_runs([make_run("a", nan_from=31)])
    assert np.isnan(run.steps["loss"]).sum() == 10
    assert run.last("gamma_neg") == 3.5


def test_a_run_that_has_not_started_is_empty(make_run):
    path = make_run("a", steps=0)
    for prepare in (lambda: None, (path / "metrics.csv").unlink):
        prepare()
        (run,) = read_runs([path])
        assert len(run.steps["gap"]) == len(run.validations["val_mAP"]) == run.last_step() == 0
        assert np.isnan(run.last("gap"))


def test_a_line_that_was_cut_short_and_words_among_the_numbers_do_no_harm(make_run):
    path = make_run("a", steps=5)
    with (path / "metrics.csv").open("a") as file:
        file.write("0,6,oops,1,inf,0,0,2,0.1,,,,,\n0,7,1.0")
    (run,) = read_runs([path])
    assert run.last_step() == 6
    assert np.isnan([run.steps["loss"][-1], run.steps["p_pos"][-1]]).all()


@pytest.mark.parametrize("content", ['{"mAP": 0.', "[1]", ""])
def test_half_an_evaluation_is_as_good_as_none(content, make_run):
    path = make_run("a")
    (path / "evaluation.json").write_text(content)
    (run,) = read_runs([path])
    assert run.evaluation is None
    assert (run.split, run.threshold) == ("test", 0.5)


def test_a_folder_named_twice_is_read_once(make_run):
    path = make_run("a", LossOptions(name="focal"))
    assert [run.label for run in read_runs([path, path / ".." / "a"])] == ["focal"]


def test_no_runs_and_folders_without_one_are_refused(tmp_path):
    with pytest.raises(ValueError, match="at least one run"):
        read_runs([])
    with pytest.raises(ValueError, match="to be the folder of a run"):
        read_runs([tmp_path])
