import dataclasses

import numpy as np
import pytest
from scipy.sparse import csr_array

from lopsided.data import Labels, Table, read_source
from lopsided.reports.runs import read_runs
from lopsided.reports.summary import best_run, summary, warnings_about
from lopsided.runs.config import LossOptions, TrainingOptions
from tests.reports.conftest import evaluation_of


def test_one_run_is_summed_up_with_its_data_its_loss_and_its_result(make_run, source):
    runs = read_runs([make_run("a", evaluation=evaluation_of(0.4321))])
    text = summary(runs, read_source(source))
    for part in (
        "One run",
        "asymmetric, γ+ = 0, γ− = 2, m = 0.2",
        "10 training, 10 validation and 10 test samples with 4 labels",
        "4 epochs in batches of 128",
        "mAP) of 43.2\u00a0%",
        "the gap Δp ended at +0.00",
    ):
        assert part in text


def test_one_of_a_thing_is_said_as_one(make_run):
    labels = Labels(("only",), csr_array(np.array([[True], [False]])))
    data = Table("small", np.zeros((2, 3), np.float32), labels, np.array(["train", "test"]))
    hidden = dataclasses.replace(data, labels=Labels(("only",), csr_array(np.zeros((2, 1), bool))), truth=data.labels)
    (run,) = read_runs([make_run("a")])
    run = dataclasses.replace(run, config=dataclasses.replace(run.config, training=TrainingOptions(epochs=1)))
    text = summary([run], hidden)
    assert "samples with 1 label each" in text
    assert "1 positive of the training samples was hidden on purpose" in text
    assert "was set to 1 epoch in batches" in text


def test_several_runs_are_compared(make_run):
    runs = read_runs(
        [
            make_run("a", LossOptions(name="cross_entropy"), evaluation=evaluation_of(0.5)),
            make_run("b", LossOptions(name="asymmetric"), evaluation=evaluation_of(0.625)),
        ]
    )
    text = summary(runs, None)
    assert "2 runs" in text
    assert "They differ in the loss." in text
    assert "62.5\u00a0%, by asymmetric; cross-entropy reached 50.0\u00a0% at the same learning rate" in text
    assert "All losses were trained with one learning rate, 0.002" in warnings_about(runs)[0]
    slower = dataclasses.replace(
        runs[0].config, training=dataclasses.replace(runs[0].config.training, learning_rate=0.008)
    )
    chosen = [dataclasses.replace(runs[0], config=slower), runs[1]]
    assert "62.5\u00a0%, by asymmetric, 12.5 points above cross-entropy" in summary(chosen, None)
    assert warnings_about(chosen) == []
    assert best_run(runs) is runs[1]


def test_very_many_runs_are_counted_rather_than_listed(make_run):
    text = summary(read_runs([make_run(str(seed), seed=seed) for seed in range(9)]), None)
    assert "9 with asymmetric" in text
    assert "seed 3" not in text


def test_what_was_not_evaluated_is_judged_by_its_validation(make_run):
    assert "highest validation mAP is 50.0\u00a0%" in summary(read_runs([make_run("a")]), None)
    assert "Nothing was measured" in summary(read_runs([make_run("b", validated=False)]), None)


def test_a_whole_run_needs_no_warning(make_run):
    assert warnings_about(read_runs([make_run("a")])) == []


def test_a_reader_is_warned_of_what_went_wrong(make_run):
    (short,) = read_runs([make_run("a", steps=5, nan_from=4, validated=False)])
    assert warnings_about([short]) == [
        "Recorded up to epoch 1 of 4 only.",
        "The loss was not a finite number at 2 of 5 steps, first at step 4.",
        "No validation was recorded.",
    ]
    (empty,) = read_runs([make_run("b", steps=0)])
    assert warnings_about([empty]) == ["No training step was recorded."]


def test_different_data_is_said_to_be_different(make_run):
    runs = read_runs([make_run("a"), make_run("b", source="digits")])
    assert "different data" in warnings_about(runs)[0]


def test_the_data_is_counted_without_what_nobody_knows_and_with_what_was_hidden(make_run):
    """Of 400 elements 100 are true, 40 of them hidden; of 60 nobody knows whether they are."""
    truth = np.zeros((100, 4), dtype=bool)
    truth[:, 0] = True
    given, unknown = truth.copy(), np.zeros_like(truth)
    given[:40, 0], unknown[40:100, 1] = False, True
    names = tuple("abcd")
    data = Table(
        "made",
        np.zeros((100, 2), np.float32),
        Labels(names, csr_array(given), csr_array(unknown)),
        np.array(["train"] * 50 + ["val"] * 30 + ["test"] * 20),
        truth=Labels(names, csr_array(truth), csr_array(unknown)),
    )
    text = summary(read_runs([make_run("a")]), data)
    for part in (
        "50 training, 30 validation and 20 test samples with 4 labels each, 1.0 of them true",
        "(2 negatives for each positive)",  # 400 - 60 - 100 for 100
        "40 positives of the training samples were hidden on purpose",
    ):
        assert part in text


def test_the_best_run_is_the_one_that_was_evaluated_best_and_not_the_first_or_the_last(make_run):
    shares = {"a": 0.5, "b": 0.75, "c": 0.25}
    runs = read_runs(
        [
            make_run(name, seed=seed, evaluation=evaluation_of(share))
            for seed, (name, share) in enumerate(shares.items())
        ]
    )
    assert best_run(runs) is runs[1]
    assert best_run(read_runs([make_run("d", seed=9)])) is None


def test_runs_that_were_measured_on_different_samples_have_no_best(make_run):
    runs = read_runs(
        [
            make_run("a", LossOptions(name="cross_entropy"), evaluation=evaluation_of(0.5)),
            make_run("b", evaluation=evaluation_of(0.6, split="val", chosen_on_this_split=["weights"])),
        ]
    )
    assert "so that none of them is the best" in summary(runs, None)
    assert warnings_about(runs)[:2] == [
        "The runs were measured on different samples: do not compare their numbers.",
        "Val is the split these were chosen on: optimistic (weights).",
    ]


@pytest.mark.parametrize("evaluation", [{}, {"chosen_on_this_split": ["weights"]}])
def test_a_run_that_was_measured_on_validation_is_said_to_be_optimistic(make_run, evaluation):
    runs = read_runs([make_run("a", evaluation=evaluation_of(0.5, split="val", **evaluation))])  # {}: an older one
    assert warnings_about(runs) == ["Val is the split these were chosen on: optimistic (weights)."]


def test_labels_that_are_always_true_or_never_are_told_once(make_run):
    about = {"labels_measured": 2, "labels_without_positives": 2, "labels_always_true": ["plain"], "samples": 15}
    runs = read_runs([make_run(str(seed), seed=seed, evaluation=evaluation_of(0.512, **about)) for seed in (1, 2)])
    assert warnings_about(runs) == [
        "Means over labels on the test split, such as mAP, cover the 2 of 4 labels that have a positive there.",
        "1 of the 2 labels measured on the test split are true in each sample: their average precision is 1 whatever a "
        "network does (plain).",
    ]
    assert "on the test split (15 samples) is 51\u00a0%" in summary(runs, None)


@pytest.mark.parametrize(("full", "left"), [(0, "a margin of 0.2 without focusing"), (2, "no focusing and no margin")])
def test_a_printed_rule_that_ran_away_gets_no_credit(make_run, full, left):
    loss = LossOptions(name="adaptive", rate=-0.7, full_margin_at=full)
    (run,) = read_runs([make_run("a", loss, evaluation=evaluation_of(0.9))])
    assert warnings_about([run]) == []  # its gamma_neg ended at 4
    gone = dataclasses.replace(run, steps={**run.steps, "gamma_neg": np.repeat([2.0, 0.0], [10, 30])})
    (said,) = warnings_about([gone])
    assert said.startswith("Adaptive, printed sign: that rule leads away from its target. γ− was at 0 in 75 % of the")
    assert left in said
