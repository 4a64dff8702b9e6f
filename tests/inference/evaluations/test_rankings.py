"""What an evaluation says of rankings: from which frequencies, and that it says what is missing."""

import dataclasses
import json
import math
import shutil

import numpy as np
import pytest
import torch

from lopsided.inference.evaluate import evaluate
from lopsided.metrics import average_precision, precision_at_k, propensities, propensity_scored_precision_at_k
from lopsided.runs.own_data import sources_of
from lopsided.training import RunFolder
from tests.inference.test_evaluate import arrays
from tests.inference.test_evaluate import five as five
from tests.inference.test_evaluate import trained as trained

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

NEED_FREQUENCIES = ("mAP_head", "mAP_medium", "mAP_tail", "psp_at_1", "psp_at_3", "psp_at_5")


@pytest.fixture
def run(trained, tmp_path):
    return RunFolder(shutil.copytree(trained.path, tmp_path / "run"))


def as_tensors(run, data):
    logits, _, targets, known = arrays(run, data, "test")
    return torch.from_numpy(logits), torch.from_numpy(targets), torch.from_numpy(known)


def test_a_run_keeps_how_often_its_labels_are_noted_in_training(run, five):
    kept = json.loads(run.data_file.read_text())["training"]
    train = five.labels.positives.toarray()[five.splits == "train"]
    assert kept == {"samples": 200, "positives": train.sum(axis=0).tolist()}
    assert sources_of(run)  # what else the file says is read as before


def test_what_counts_rare_labels_more_is_of_the_training_split_and_not_of_what_is_measured(run, five):
    logits, targets, known = as_tensors(run, five)
    found = evaluate(run, five, ks=(1, 2), propensity=(0.6, 2.6))
    counts = torch.tensor(json.loads(run.data_file.read_text())["training"]["positives"])
    noted = propensities(counts, num_samples=200, a=0.6, b=2.6)
    wanted = propensity_scored_precision_at_k(logits, targets, k=2, propensity=noted, mask=known)
    assert found["psp_at_2"] == pytest.approx(wanted.item())
    assert found["p_at_2"] == pytest.approx(precision_at_k(logits, targets, k=2, mask=known).item())
    assert found["at_k"] == [1, 2]
    low, high = found["intervals"]["p_at_2"]
    assert low < found["p_at_2"] < high
    about = found["frequency"]
    assert (about["samples"], about["a"], about["b"]) == (200, 0.6, 2.6)
    assert sum(group["labels"] for group in about["groups"].values()) == 5


def test_each_label_is_told_with_its_group_and_its_average_precision(run, five):
    logits, targets, known = as_tensors(run, five)
    found = evaluate(run, five)
    about = found["per_label"]
    each = average_precision(logits, targets, mask=known)
    assert about["label"] == list("vwxyz")
    assert about["average_precision"] == pytest.approx(each.tolist())
    assert about["positives"] == (targets & known).sum(dim=0).tolist()
    of_head = [value for value, group in zip(each.tolist(), about["group"], strict=True) if group == "head"]
    assert found["mAP_head"] == pytest.approx(np.mean(of_head))


def test_an_older_run_counts_in_its_own_data_and_says_what_is_missing_for_other_data(run, five):
    wanted = evaluate(run, five, save=False)
    content = json.loads(run.data_file.read_text())
    del content["training"]
    run.data_file.write_text(json.dumps(content))
    assert evaluate(run, five, save=False)["psp_at_3"] == wanted["psp_at_3"]
    other = evaluate(run, five, save=False, source="table:other.csv")
    assert {name for name in NEED_FREQUENCIES if math.isnan(other[name])} == set(NEED_FREQUENCIES)
    assert other["frequency"] == {"missing": "how frequent labels are in training"}
    assert other["per_label"]["group"] == [None] * 5
    assert other["ndcg_at_3"] == wanted["ndcg_at_3"]


@pytest.mark.parametrize("kept", [{"samples": 200, "positives": [1, 2]}, {"positives": "many"}, [], None])
def test_frequencies_that_are_damaged_or_of_other_labels_are_as_good_as_none(run, five, kept):
    content = json.loads(run.data_file.read_text())
    run.data_file.write_text(json.dumps({**content, "training": kept}))
    other = evaluate(run, five, save=False, source="table:other.csv")
    assert math.isnan(other["mAP_tail"])


def test_data_without_a_train_split_knows_no_frequencies(run, five):
    run.data_file.unlink()
    found = evaluate(run, dataclasses.replace(five, splits=np.where(five.splits == "train", "more", five.splits)))
    assert "missing" in found["frequency"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ks": (1, 6)}, "expected k to lie in 1 to 5, the number of labels, got 6"),
        ({"ks": (0,)}, r"expected distinct numbers of best-ranked labels from 1, got \[0\]"),
        ({"ks": (2, 2)}, r"expected distinct numbers of best-ranked labels from 1, got \[2, 2\]"),
        ({"propensity": (0, 1.5)}, "expected a and b of the propensities to be positive, got 0 and 1.5"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_before_anything_is_computed(run, five, options, message):
    with pytest.raises(ValueError, match=message):
        evaluate(run, five, **options)
    assert not run.evaluation_file.exists()
