"""Each number of an evaluation, and of what was chosen and fitted, against another way to count it."""

import dataclasses
import shutil

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from lopsided.data import Labels, Table
from lopsided.inference.calibrate import calibrate
from lopsided.inference.evaluate import evaluate
from lopsided.inference.scoring import collected, default_split
from lopsided.inference.thresholds import choose, decision_of
from lopsided.training import Config, LossOptions, RunFolder, TrainingOptions
from lopsided.training.fit import fit
from tests.reference import average_precision as ranking
from tests.reference import calibration, operating_point, thresholds

# what Lightning and TensorBoard themselves warn of
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:Detected pickle protocol"),
]


@pytest.fixture(scope="module")
def five():
    """300 samples with five labels, 20 % of them unknown."""
    draw = np.random.default_rng(2)
    features = draw.normal(size=(300, 6)).astype(np.float32)
    targets = features[:, :5] + 0.5 * draw.normal(size=(300, 5)) > [0, 0.3, 0.5, 0.8, 1]
    unknown = draw.random((300, 5)) < 0.2
    labels = Labels(tuple("vwxyz"), csr_array(targets & ~unknown), csr_array(unknown))
    return Table("made", features, labels, np.array(["train"] * 200 + ["val"] * 50 + ["test"] * 50))


@pytest.fixture(scope="module")
def trained(five, tmp_path_factory):
    training = TrainingOptions(epochs=3, batch_size=32, learning_rate=1e-2, accelerator="cpu")
    config = Config(source="table:made.csv", loss=LossOptions(gamma_neg=4.0, margin=0.05), training=training)
    return fit(config, tmp_path_factory.mktemp("evaluate") / "run", data=five)


@pytest.fixture
def run(trained, tmp_path):
    """A copy, for each test decides something else."""
    return RunFolder(shutil.copytree(trained.path, tmp_path / "run"))


def arrays(run, data, split):
    """Logits, probabilities, targets and mask of a split, as NumPy has them."""
    targets, known = data.labels.dense(data.rows(split))
    with torch.inference_mode():
        logits = run.load().model(torch.from_numpy(data.features[data.rows(split)]))
        probabilities = run.load().calibrator(logits)
    return logits.numpy(), probabilities.numpy(), targets, known


def test_the_metrics_are_those_of_the_definitions(run, five):
    logits, p, targets, known = arrays(run, five, "test")
    found = evaluate(run, five, threshold=0.15)
    assert found["mAP"] == pytest.approx(np.nanmean(ranking.average_precision(logits, targets, known)))
    assert found["mAP_11"] == pytest.approx(np.nanmean(ranking.eleven_point_average_precision(logits, targets, known)))
    assert found["micro_AP"] == pytest.approx(ranking.micro_average_precision(logits, targets, known))
    for part, settings in ((found, {}), (found["top3"], {"top_k": 3, "top_k_above_threshold": True})):
        predicted = operating_point.predictions(p, known, threshold=0.15, **settings)
        wanted = operating_point.operating_point(predicted, targets, known)
        for name in ("cp", "cr", "cf1", "op", "or", "of1", "mean_f1"):
            assert part[name] == pytest.approx(wanted["or_" if name == "or" else name]), name
    by_rank_alone = operating_point.predictions(p, known, top_k=3)
    without = operating_point.operating_point(by_rank_alone, targets, known)
    assert found["top3"]["or"] < min(found["or"], without["or_"])  # both the number and the threshold take some away
    assert (found["split"], found["threshold"]) == ("test", 0.15)


def test_the_calibration_is_that_of_the_known_elements_before_and_after(run, five):
    logits, p, targets, known = arrays(run, five, "test")
    found = evaluate(run, five)["calibration"]
    for side, values in (("before", 1 / (1 + np.exp(-logits))), ("after", p)):
        flat, truth = values[known].astype(float), targets[known]
        assert found[side]["brier"] == pytest.approx(calibration.brier(flat, truth), rel=1e-5)
        assert found[side]["ece"] == pytest.approx(calibration.error(flat, truth, np.linspace(0, 1, 16)), rel=1e-4)
        assert sum(count for *_, count in found[side]["bins"]) == known.sum()
        for mean, share, count in found[side]["bins"]:
            inside = np.ceil(flat * 15) == np.ceil(mean * 15)
            assert (mean, share, count) == pytest.approx((flat[inside].mean(), truth[inside].mean(), inside.sum()))
    assert found["before"]["ece"] != found["after"]["ece"]


@pytest.mark.parametrize("per_label", [False, True])
@pytest.mark.parametrize("aim", [{}, {"rule": "precision", "at_least": 1.0}])  # the second predicts one label once
def test_what_is_noted_of_chosen_thresholds_is_what_they_come_to(run, five, per_label, aim):
    found = choose(run, five, per_label=per_label, **aim)
    _, p, targets, known = arrays(run, five, "val")
    for k, name in enumerate("vwxyz"):
        row = found["labels"][name]
        hits, predicted, positives = thresholds.counts(p[known[:, k], k], targets[known[:, k], k], row["threshold"])
        assert row["positives"] == positives
        assert row["precision"] == pytest.approx(hits / max(predicted, 1))
        assert row["recall"] == pytest.approx(hits / positives)
        assert row["f1"] == pytest.approx(2 * hits / (predicted + positives))
    if aim:
        return
    different = {row["threshold"] for row in found["labels"].values()}
    assert (len(different) > 1) == per_label
    if not per_label:
        assert different == {found["common"]}
        hits, predicted, positives = thresholds.counts(p[known], targets[known], found["common"])
        assert 2 * hits / (predicted + positives) == pytest.approx(thresholds.best_f1(p[known], targets[known]))


def test_thresholds_are_chosen_for_the_calibrated_probabilities(run, five):
    calibrate(run, five, method="platt")
    found = choose(run, five)
    _, p, targets, known = arrays(run, five, "val")  # with what was fitted
    hits, predicted, positives = thresholds.counts(p[known], targets[known], found["common"])
    assert 2 * hits / (predicted + positives) == pytest.approx(thresholds.best_f1(p[known], targets[known]))
    run.calibration_file.unlink()
    raw = arrays(run, five, "val")[1]
    hits, predicted, positives = thresholds.counts(raw[known], targets[known], found["common"])
    assert 2 * hits / (predicted + positives) < thresholds.best_f1(raw[known], targets[known]) - 0.01


def test_ten_positives_are_not_few_and_without_any_nothing_is_found(run, five):
    """One label with nine known positives on validation, one with ten, and one without."""
    val = five.rows("val")
    targets, unknown = five.labels.positives.toarray(), five.labels.unknown.toarray()
    for k, count in ((0, 9), (1, 10), (2, 0)):
        unknown[val, k], targets[val, k] = False, np.arange(50) < count
    edited = dataclasses.replace(five, labels=Labels(five.labels.names, csr_array(targets), csr_array(unknown)))
    found = choose(run, edited, per_label=True)
    assert [found["labels"][name]["positives"] for name in "vwx"] == [9, 10, 0]
    assert [name for name in found["few"] if name in "vwx"] == ["v", "x"]
    assert [found["labels"]["x"][name] for name in ("precision", "recall", "f1")] == [0, 0, 0]


def test_the_split_of_an_evaluation_is_test_else_val_else_the_first(run, five):
    for splits, wanted in (
        (("train", "val", "test"), "test"),
        (("train", "val", "other"), "val"),
        (("other", "train", "extra"), "train"),
        (("other", "other", "extra"), "extra"),
    ):
        data = dataclasses.replace(five, splits=np.array([*splits])[np.arange(300) % 3])
        assert default_split(data) == wanted
        assert evaluate(run, data, save=False)["split"] == wanted
    assert evaluate(run, five, split="train", save=False)["split"] == "train"
    assert not run.evaluation_file.exists()
    assert evaluate(run, five)["mAP"] == run.evaluation()["mAP"] != evaluate(run, five, split="val")["mAP"]
    assert run.evaluation()["split"] == "val"  # the last that was kept


@pytest.mark.parametrize("threshold", [0, 1])
def test_thresholds_at_the_ends_are_allowed(run, five, threshold):
    assert decision_of(run, run.load(), threshold).threshold == threshold
    assert evaluate(run, five, threshold=threshold)["or"] == (1.0 if threshold == 0 else 0.0)


def test_decisions_say_how_they_were_made(run, five):
    trained = run.load()
    assert decision_of(run, trained, 0.25).describe() == "0.25"
    assert decision_of(run, trained).describe() == "0.5"
    common = choose(run, five)["common"]
    assert decision_of(run, trained).describe() == f"{common:.2g} (best F1 on val)"
    common = choose(run, five, rule="precision", at_least=0.7, per_label=True)["common"]
    said = decision_of(run, trained).describe()
    assert said == f"{common:.2g} (precision at least 0.7 of each label on val)"


def test_scores_do_not_depend_on_the_size_of_batches(run, five):
    few, many = (collected(run.load(), five, split="test", batch_size=size) for size in (7, 500))
    torch.testing.assert_close(few.logits, many.logits)
    assert torch.equal(few.targets, many.targets)
    assert torch.equal(few.mask, many.mask)
    assert few.logits.shape == (50, 5)
    assert few.unreadable == []


def test_what_is_decided_is_said_beside_the_numbers(run, five):
    plain = evaluate(run, five, save=False)
    assert "thresholds" not in plain
    assert "f1" not in plain
    calibrate(run, five, method="isotonic")
    chosen = choose(run, five, rule="precision", at_least=0.6)
    found = evaluate(run, five, save=False)
    assert found["calibration"]["method"] == "isotonic" != plain["calibration"]["method"]
    wanted = {"rule": "precision", "at_least": 0.6, "per_label": False, "split": "val", "few": chosen["few"]}
    assert {name: found["thresholds"][name] for name in wanted} == wanted
    assert found["threshold"] == chosen["common"]
    assert not run.evaluation_file.exists()
