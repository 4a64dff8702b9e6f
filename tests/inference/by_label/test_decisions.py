import dataclasses
from typing import get_args

import pytest
import torch

from lopsided.inference import calibrate as calibrate_module
from lopsided.inference.by_label import thresholds as thresholds_module
from lopsided.inference.calibrate import calibrate
from lopsided.inference.evaluate import evaluate
from lopsided.inference.thresholds import choose
from lopsided.runs.loss.calibrators import ClosedForm, Isotonic, Method, Platt, Temperature, for_labels
from tests.inference.by_label.test_measured import numbers


@pytest.mark.parametrize("way", ["known", "unknown", "negatives"])
@pytest.mark.parametrize("per_label", [False, True])
@pytest.mark.parametrize(("rule", "at_least"), [("f1", None), ("precision", 0.6), ("recall", 0.7)])
def test_thresholds_are_those_of_scores_that_are_held(trained, by_label, way, per_label, rule, at_least):
    run, data = trained(way=way)
    told = {"rule": rule, "at_least": at_least, "per_label": per_label}
    wanted = choose(run, data, **told)
    by_label()
    came = choose(run, data, **told)
    assert came.pop("common_on_every") == 1
    assert came == numbers(wanted)


def test_the_common_threshold_of_many_scores_is_chosen_on_some_samples_and_measured_on_all(
    trained, by_label, monkeypatch
):
    run, data = trained()
    every = dataclasses.replace(data, splits=data.splits.copy())
    every.splits[(data.splits == "val").nonzero()[0][1::2]] = "other"
    wanted = choose(run, every)
    by_label()
    monkeypatch.setattr(thresholds_module, "POOLED", 30 * 23)
    came = choose(run, data)
    assert came["common_on_every"] == 2
    assert came["common"] == pytest.approx(wanted["common"])
    assert came["labels"] != wanted["labels"]
    all_positives = data.labels.take(data.rows("val")).positives_per_label().tolist()
    assert [label["positives"] for label in came["labels"].values()] == all_positives


@pytest.mark.parametrize("method", get_args(Method))
@pytest.mark.parametrize("way", ["known", "unknown"])
def test_calibrations_are_those_of_scores_that_are_held(trained, by_label, method, way):
    run, data = trained(way=way)
    wanted = calibrate(run, data, method=method)
    measured = evaluate(run, data)
    by_label()
    came = calibrate(run, data, method=method)
    assert came.pop("common_on_every") == 1
    assert came["few"] == wanted["few"]
    for name in {"temperature", "scale", "shift"} & set(wanted):
        assert came[name] == pytest.approx(wanted[name], rel=1e-3, abs=1e-4)
    assert evaluate(run, data)["calibration"]["method"] == method
    assert evaluate(run, data)["ece"] == pytest.approx(measured["ece"], abs=1e-4)


def test_what_is_common_to_labels_is_fitted_to_some_samples(trained, by_label, monkeypatch):
    run, data = trained()
    by_label()
    whole = calibrate(run, data, method="temperature")
    monkeypatch.setattr(calibrate_module, "POOLED", 20 * 23)
    some = calibrate(run, data, method="temperature")
    assert some["common_on_every"] == 3
    assert some["temperature"] != whole["temperature"]


def test_chosen_thresholds_are_applied_by_label(trained, by_label):
    run, data = trained()
    choose(run, data, per_label=True)
    wanted = evaluate(run, data, split="test")
    del wanted["f1"]  # needs draws of samples
    by_label()
    assert evaluate(run, data, split="test") == numbers(wanted)


@pytest.mark.parametrize(
    "calibrator",
    [
        ClosedForm(0.5, torch.rand(9), 0.1, False),
        ClosedForm(0.0, 2.0, 0.1, True, shift=torch.randn(9)),
        Temperature(ClosedForm(0.0, torch.rand(9), 0.2, False), 1.5),
        Platt(torch.rand(9) + 0.5, torch.randn(9)),
        Isotonic(torch.randn(9, 4).cumsum(1).sort(1).values, torch.rand(9, 4).sort(1).values),
    ],
    ids=lambda calibrator: type(calibrator).__name__,
)
def test_a_calibrator_for_some_labels_gives_what_that_of_all_does(calibrator):
    logits = torch.randn(5, 9)
    part = slice(2, 6)
    assert torch.equal(for_labels(calibrator, part)(logits[:, part]), calibrator(logits)[:, part])
    assert calibrator(logits).shape == (5, 9)
