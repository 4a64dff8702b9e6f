"""lopsided evaluate: what stands beside the numbers."""

import json

import numpy as np
import pytest

from lopsided.cli.evaluate import about_labels
from lopsided.cli.main import main

# what Lightning and TensorBoard themselves warn of
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:Detected pickle protocol"),
]


def said(capsys, *words):
    assert main(list(words)) == 0
    return capsys.readouterr().out


@pytest.fixture
def make_run(tmp_path, capsys):
    """A run on a table of 120 samples; of the label "always" each sample is positive, of "never" none."""

    def make(splits, *options):
        draw = np.random.default_rng(0)
        features = draw.normal(size=(120, 5))
        labels = np.column_stack([features[:, :2] > 0.5, np.ones(120, bool), np.zeros(120, bool)])
        names = np.array(["sea", "sky", "always", "never"])
        path = tmp_path / "t.npz"
        np.savez(path, features=features, labels=labels, split=np.array(splits), label_names=names)
        run = str(tmp_path / "run")
        quick = ["--training.epochs", "1", "--training.accelerator", "cpu"]
        said(capsys, "train", f"table:{path}", *quick, *options, "--out", run)
        return run

    return make


def test_without_a_test_split_it_says_that_its_numbers_are_optimistic_and_gives_no_interval(capsys, make_run):
    run = make_run(["train"] * 120)
    said(capsys, "thresholds", run)
    out = said(capsys, "evaluate", run)
    assert out.splitlines()[0].endswith("on val, 12 samples")
    assert out.splitlines()[1] == "val is the split these were chosen on: optimistic (weights, thresholds)."
    assert "gain" not in out
    assert " to " not in out
    about = json.loads(said(capsys, "evaluate", run, "--json"))
    assert about["chosen_on_this_split"] == ["weights", "thresholds"]
    assert "f1" not in about


def test_a_test_split_has_its_gain_with_the_number_of_samples_it_is_of(capsys, make_run):
    run = make_run(["train"] * 80 + ["val"] * 20 + ["test"] * 20)
    said(capsys, "thresholds", run)
    out = said(capsys, "evaluate", run)
    assert "optimistic" not in out
    assert "gain" in out
    assert "intervals: 95 % of draws of these 20 samples; so few make an interval too narrow" in out
    assert "optimistic (weights, thresholds)" in said(capsys, "evaluate", run, "--split", "val")
    assert "train is the split the network was trained on: optimistic." in said(
        capsys, "evaluate", run, "--split", "train"
    )


def test_labels_that_say_nothing_are_named(capsys, make_run):
    run = make_run(["train"] * 80 + ["val"] * 20 + ["test"] * 20)
    out = said(capsys, "evaluate", run)
    assert "means over labels, as mAP: of the 3 of 4 labels that have a positive" in out
    assert "an average precision of 1 by themselves: always (1 of the 3)" in out
    about = json.loads(said(capsys, "evaluate", run, "--json"))
    assert (about["labels_measured"], about["labels_always_true"]) == (3, ["always"])


def test_numbers_have_the_digits_that_the_samples_carry(capsys, make_run):
    run = make_run(["train"] * 80 + ["val"] * 20 + ["test"] * 20)
    about = json.loads(said(capsys, "evaluate", run, "--json"))
    row = next(line for line in said(capsys, "evaluate", run).splitlines() if line.split()[:1] == ["mAP"])
    assert row.split()[1] == f"{100 * about['mAP']:.0f}"


def test_a_loss_whose_bias_is_not_known_is_not_called_closed_form(capsys, make_run):
    run = make_run(["train"] * 80 + ["val"] * 20 + ["test"] * 20, "--loss.name", "hill")
    out = said(capsys, "evaluate", run)
    assert "probabilities (sigmoid, nothing undone): calibration error" in out
    assert "closed form" not in out
    assert "of the sigmoid" not in out


def test_a_mean_over_labels_that_are_all_always_true_is_said_to_say_nothing():
    about = {"labels_measured": 1, "labels_without_positives": 2, "labels_always_true": ["sky"]}
    (_, line) = about_labels(about)
    assert line.startswith(
        "mAP says nothing about the network: the only label that has a positive here is true in each"
    )
    assert not any("says nothing" in line for line in about_labels(about | {"labels_measured": 2}))
