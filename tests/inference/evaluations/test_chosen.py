"""What an evaluation says about itself: what it was measured on, and what was chosen there."""

import dataclasses
import json
from typing import get_args

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from lopsided.data import Labels
from lopsided.inference.calibrate import calibrate
from lopsided.inference.evaluate import evaluate
from lopsided.inference.scoring import coverage
from lopsided.inference.thresholds import choose, decision_of
from lopsided.runs.config import LossName
from lopsided.runs.loss.calibrators import without_fit
from lopsided.training import LossOptions
from lopsided.training.fit import fit

# what Lightning and TensorBoard themselves warn of
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:Detected pickle protocol"),
]


@pytest.fixture
def quick(config):
    return dataclasses.replace(config, training=dataclasses.replace(config.training, epochs=1))


@pytest.fixture
def run(tmp_path, table, quick):
    return fit(quick, tmp_path / "run", data=table)


def test_an_evaluation_names_what_was_chosen_on_its_split_and_gives_no_gain_there(run, table):
    assert evaluate(run, table)["chosen_on_this_split"] == []
    assert evaluate(run, table, split="val")["chosen_on_this_split"] == ["weights"]
    assert evaluate(run, table, split="train")["chosen_on_this_split"] == ["weights"]
    calibrate(run, table, method="platt")
    choose(run, table)
    assert evaluate(run, table, split="val")["chosen_on_this_split"] == ["weights", "thresholds", "calibration"]
    assert "f1" not in evaluate(run, table, split="val")
    assert "f1" not in evaluate(run, table, split="train")
    assert "f1" in evaluate(run, table)
    assert evaluate(run, table)["chosen_on_this_split"] == []


def test_thresholds_and_calibration_of_the_test_split_make_it_optimistic(run, table):
    choose(run, table, split="test")
    assert evaluate(run, table)["chosen_on_this_split"] == ["thresholds"]
    assert "f1" not in evaluate(run, table)
    assert evaluate(run, table, threshold=0.3)["chosen_on_this_split"] == []
    calibrate(run, table, method="temperature", split="test")
    assert evaluate(run, table)["chosen_on_this_split"] == ["calibration"]


def test_without_a_test_split_the_default_is_the_split_that_chose(tmp_path, quick, table):
    splits = np.where(table.splits == "test", "val", table.splits)
    run = fit(quick, tmp_path / "run", data=dataclasses.replace(table, splits=splits))
    result = evaluate(run, dataclasses.replace(table, splits=splits))
    assert (result["split"], result["samples"], result["chosen_on_this_split"]) == ("val", 100, ["weights"])


def test_splits_of_other_data_chose_nothing(run, table):
    choose(run, table)
    assert evaluate(run, table, split="val", source="table:other.csv", save=False)["chosen_on_this_split"] == []
    again = evaluate(run, table, split="val", source="table:./made.csv", save=False)
    assert again["chosen_on_this_split"] == ["weights", "thresholds"]


def test_what_other_data_chose_is_said_of_that_data_alone(run, table):
    other = "table:other.csv"
    assert calibrate(run, table, method="temperature", source=other)["source"] == other
    assert choose(run, table, source=other)["source"] == other
    assert decision_of(run, run.load()).describe().endswith(" (best F1 on val of table:other.csv)")
    found = evaluate(run, table, split="val", source=other, save=False)
    assert found["chosen_on_this_split"] == ["thresholds", "calibration"]
    assert (found["calibration"]["fitted_on"], found["calibration"]["source"]) == ("val", other)
    assert found["thresholds"]["source"] == other
    assert evaluate(run, table, split="val")["chosen_on_this_split"] == ["weights"]


def test_weights_that_no_validation_chose_are_not_called_chosen(tmp_path, quick, table):
    splits = np.where(table.splits == "val", "train", table.splits)
    whole = dataclasses.replace(quick, data=dataclasses.replace(quick.data, validation_share=0))
    run = fit(whole, tmp_path / "run", data=dataclasses.replace(table, splits=splits))
    assert evaluate(run, table, split="val")["chosen_on_this_split"] == []


def test_labels_that_are_always_true_or_never_are_told_from_those_that_are_measured(run, table):
    targets = table.labels.dense(range(len(table)))[0]
    test = table.rows("test")
    targets[test, 0], targets[test, 1] = True, False
    changed = dataclasses.replace(table, labels=Labels(table.labels.names, csr_array(targets)))
    result = evaluate(run, changed, save=False)
    assert (result["labels_measured"], result["labels_without_positives"]) == (2, 1)
    assert result["labels_always_true"] == ["a"]


def test_what_is_unknown_makes_no_label_true_or_false():
    targets = torch.tensor([[1, 1, 0], [0, 1, 0]], dtype=torch.bool)
    assert coverage(targets, None) == dataclasses.replace(coverage(targets, None), measured=2, always_true=(1,))
    mask = torch.tensor([[True, False, True], [False, False, True]])
    found = coverage(targets, mask)
    assert (found.measured, found.always_true) == (1, (0,))


@pytest.mark.parametrize("name", get_args(LossName))
def test_only_a_bias_that_is_undone_is_called_so(name):
    known = dict.fromkeys(["asymmetric", "adaptive", "focal", "weighted", "logit_adjusted"], "closed form")
    plain = f"sigmoid, nothing {'to undo' if name in ('cross_entropy', 'class_balanced') else 'undone'}"
    assert without_fit(LossOptions(name=name)) == known.get(name, plain)


@pytest.mark.parametrize(("loss", "method"), [("hill", "sigmoid, nothing undone"), ("asymmetric", "closed form")])
def test_an_evaluation_says_how_its_probabilities_were_made(tmp_path, quick, table, loss, method):
    run = fit(dataclasses.replace(quick, loss=LossOptions(name=loss)), tmp_path / "run", data=table)
    about = evaluate(run, table)["calibration"]
    assert about["method"] == method
    moved = abs(about["before"]["brier"] - about["after"]["brier"])
    assert (moved < 1e-6) == method.startswith("sigmoid")
    assert json.loads(run.evaluation_file.read_text())["calibration"]["method"] == method
