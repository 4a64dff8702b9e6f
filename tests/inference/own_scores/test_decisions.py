"""The scores of scikit-learn's models, and its own numbers."""

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from sklearn import metrics
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from lopsided.data import Labels
from lopsided.inference.own_scores.decisions import (
    audit_scores,
    calibrate_scores,
    choose_for_scores,
    evaluate_scores,
)
from lopsided.inference.own_scores.reading import OwnScores, ScoredRows

NAMES = ("cat", "dog", "yak")


def made(values, truth, *, kind="probabilities", splits=None, folds=None, unknown=None):
    known = np.zeros(truth.shape, bool) if unknown is None else unknown
    labels = Labels(NAMES, csr_array(truth.astype(bool) & ~known), None if unknown is None else csr_array(unknown))
    splits = np.full(len(truth), "all") if splits is None else splits
    data = ScoredRows("forest", values.astype(np.float32), labels, splits)
    rows = np.arange(len(truth))
    return OwnScores("scores:forest.csv", kind, torch.from_numpy(values), data, rows, splits, folds)


@pytest.fixture(scope="module")
def forest():
    """Probabilities of a logistic regression out of fold, with the truth, validation and test splits, and folds."""
    random = np.random.default_rng(3)
    features = random.normal(size=(600, 6))
    truth = (features @ random.normal(size=(6, 3)) + random.normal(size=(600, 3)) > 0.8).astype(int)
    folds = np.arange(600) % 4
    values = np.zeros((600, 3))
    for fold in range(4):
        for k in range(3):
            model = LogisticRegression(C=0.05).fit(features[folds != fold], truth[folds != fold, k])
            values[folds == fold, k] = model.predict_proba(features[folds == fold])[:, 1]
    splits = np.where(np.arange(600) < 300, "val", "test")
    return values, truth, splits, folds.astype(str).astype(object)


@pytest.mark.parametrize("kind", ["probabilities", "logits"])
def test_metrics_are_those_of_scikit_learn(forest, kind):
    values, truth, splits, _ = forest
    given = values if kind == "probabilities" else np.log(values / (1 - values))
    found = evaluate_scores(made(given, truth, kind=kind, splits=splits), split="test")
    p, y = values[splits == "test"], truth[splits == "test"]
    decided = p > 0.5
    assert found["mAP"] == pytest.approx(metrics.average_precision_score(y, p, average="macro"), abs=1e-9)
    assert found["micro_AP"] == pytest.approx(metrics.average_precision_score(y, p, average="micro"), abs=1e-9)
    assert found["auroc"] == pytest.approx(metrics.roc_auc_score(y, p, average="macro"), abs=1e-9)
    assert found["mean_f1"] == pytest.approx(metrics.f1_score(y, decided, average="macro"), abs=1e-9)
    assert found["of1"] == pytest.approx(metrics.f1_score(y, decided, average="micro"), abs=1e-9)
    assert found["cp"] == pytest.approx(metrics.precision_score(y, decided, average="macro"), abs=1e-9)
    assert found["or"] == pytest.approx(metrics.recall_score(y, decided, average="micro"), abs=1e-9)
    assert found["brier"] == pytest.approx(metrics.brier_score_loss(y.ravel(), p.ravel()), abs=1e-9)
    assert found["samples"] == 300


def test_unknown_labels_count_for_nothing(forest):
    values, truth, _, _ = forest
    unknown = np.random.default_rng(1).random(truth.shape) < 0.3
    found = evaluate_scores(made(values, truth, unknown=unknown))
    wanted = [metrics.average_precision_score(truth[~u, k], values[~u, k]) for k, u in enumerate(unknown.T)]
    assert found["mAP"] == pytest.approx(np.mean(wanted), abs=1e-9)
    known = ~unknown
    assert found["brier"] == pytest.approx(metrics.brier_score_loss(truth[known], values[known]), abs=1e-9)


def test_scores_that_float32_cannot_tell_apart_are_ranked_as_they_stand(forest):
    _, truth, _, _ = forest
    tight = 0.5 + 1e-12 * np.arange(600)[:, None] * np.array([1, -1, 1])
    found = evaluate_scores(made(tight, truth))
    assert found["mAP"] == pytest.approx(metrics.average_precision_score(truth, tight, average="macro"), abs=1e-9)


@pytest.mark.parametrize("method", ["platt", "isotonic", "temperature"])
def test_a_calibration_is_the_fit_of_scikit_learn_and_lowers_the_brier_score(forest, method):
    values, truth, splits, _ = forest
    scores = made(values, truth, splits=splits)
    fit = calibrate_scores(scores, method=method)
    before = evaluate_scores(scores, split="test")
    after = evaluate_scores(scores, split="test", calibration=fit)
    assert after["brier"] < before["brier"]
    assert after["calibration"]["before"] == before["calibration"]["after"]
    assert after["mAP"] == before["mAP"]
    logits = np.log(values / (1 - values))
    val, test = splits == "val", splits == "test"
    wanted = np.zeros((300, 3))
    for k in range(3):
        if method == "platt":
            model = LogisticRegression(C=10.0).fit(logits[val, k : k + 1], truth[val, k])
            wanted[:, k] = model.predict_proba(logits[test, k : k + 1])[:, 1]
        elif method == "isotonic":
            model = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(logits[val, k], truth[val, k])
            wanted[:, k] = model.predict(logits[test, k])
    if method != "temperature":
        brier = metrics.brier_score_loss(truth[test].ravel(), wanted.ravel())
        assert after["brier"] == pytest.approx(brier, abs=1e-5 if method == "platt" else 2e-3)


def test_thresholds_have_the_best_f1_that_any_threshold_has(forest):
    values, truth, splits, _ = forest
    scores = made(values, truth, splits=splits)
    found = choose_for_scores(scores)
    val = splits == "val"
    best = max(metrics.f1_score(truth[val].ravel(), values[val].ravel() > t) for t in np.unique(values[val])[::5])
    at = metrics.f1_score(truth[val].ravel(), values[val].ravel() > found["common"])
    assert at >= best - 1e-6
    test = evaluate_scores(scores, split="test", thresholds=found)
    decided = values[~val] > found["common"]
    assert test["of1"] == pytest.approx(metrics.f1_score(truth[~val], decided, average="micro"), abs=1e-9)
    assert test["chosen_on_this_split"] == []
    assert evaluate_scores(scores, split="val", thresholds=found)["chosen_on_this_split"] == ["thresholds"]


def test_thresholds_go_with_the_calibration_that_they_were_chosen_with(forest):
    values, truth, splits, _ = forest
    scores = made(values, truth, splits=splits)
    fit, other = calibrate_scores(scores), calibrate_scores(scores, method="isotonic")
    found = choose_for_scores(scores, calibration=fit)
    assert evaluate_scores(scores, thresholds=found, calibration=fit)["thresholds"]["split"] == "val"
    for calibration in (None, other):
        with pytest.raises(ValueError, match="expected thresholds of the same calibration, got others"):
            evaluate_scores(scores, thresholds=found, calibration=calibration)


def test_what_was_made_for_other_scores_is_refused(forest):
    values, truth, splits, _ = forest
    scores = made(values, truth, splits=splits)
    logits = made(np.log(values / (1 - values)), truth, kind="logits", splits=splits)
    fit, found = calibrate_scores(scores), choose_for_scores(scores)
    with pytest.raises(ValueError, match="expected the calibration to be made for logits, got .* for probabilities"):
        evaluate_scores(logits, calibration=fit)
    with pytest.raises(ValueError, match="expected thresholds to be made for logits"):
        evaluate_scores(logits, thresholds=found)
    with pytest.raises(ValueError, match="labels of scores:forest.csv, got 'cat' where they have 'cow'"):
        evaluate_scores(scores, thresholds={**found, "label_names": ["cow", "dog", "yak"]})
    with pytest.raises(ValueError, match="expected threshold or thresholds, got both"):
        evaluate_scores(scores, threshold=0.3, thresholds=found)


def test_an_audit_finds_what_was_noted_wrongly(forest):
    values, truth, splits, folds = forest
    noted, draw = truth.copy(), np.random.default_rng(0)
    sure = np.argwhere((values > 0.9) & (truth == 1))
    for row, label in draw.permutation(sure)[:12]:
        noted[row, label] = 0
    found, part = audit_scores(made(values, noted, splits=splits, folds=folds), most=40)
    suspects = {(suspect.row, suspect.label) for suspect in found.suspects if suspect.kind == "missing"}
    hidden = {tuple(pair) for pair in np.argwhere(noted != truth).tolist()}
    assert len(suspects & hidden) >= 9
    assert len(part.rows) == 600


@pytest.mark.parametrize("folds", ["none", "one", "empty"])
def test_an_audit_without_folds_is_refused_since_it_would_prove_nothing(forest, folds):
    values, truth, splits, its = forest
    column = {"none": None, "one": np.full(600, "1", object), "empty": np.where(np.arange(600) < 3, "", its)}[folds]
    with pytest.raises(ValueError, match=r"expected a column 'fold' .*prove nothing about its labels"):
        audit_scores(made(values, truth, splits=splits, folds=column))
