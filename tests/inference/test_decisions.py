"""Calibration and thresholds of a run: fitted on validation, kept, applied everywhere."""

import dataclasses
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from scipy.sparse import csr_array

from lopsided.data import Labels
from lopsided.inference.calibrate import calibrate
from lopsided.inference.evaluate import evaluate
from lopsided.inference.exports.onnx_file import export
from lopsided.inference.predict import predict
from lopsided.inference.scoring import collected
from lopsided.inference.thresholds import choose, decision_of
from lopsided.metrics import brier_score, choose_thresholds, expected_calibration_error, operating_point
from lopsided.training import LossOptions
from lopsided.training.fit import fit

# what Lightning and TensorBoard themselves warn of
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:Detected pickle protocol"),
]


@pytest.fixture
def run(tmp_path, table, config):
    config = dataclasses.replace(config, loss=LossOptions(gamma_neg=4.0, margin=0.05))
    return fit(config, tmp_path / "run", data=table)


def predicted(run, table, tmp_path, **settings):
    predict(run, table, tmp_path / "p.parquet", **settings)
    rows = pq.read_table(tmp_path / "p.parquet").to_pylist()
    probabilities = torch.tensor([[row[f"p:{name}"] for name in "abc"] for row in rows])
    return probabilities, [[name in row["labels"].split("|") for name in "abc"] for row in rows]


def test_thresholds_are_kept_in_the_run_and_applied_by_predict_evaluate_and_export(tmp_path, run, table):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    found = choose(run, table, per_label=True)
    assert json.loads(run.thresholds_file.read_text()) == found
    values = torch.tensor([found["labels"][name]["threshold"] for name in "abc"])
    assert len(set(values.tolist())) > 1

    probabilities, labels = predicted(run, table, tmp_path)
    assert labels == (probabilities > values).tolist()
    targets = torch.from_numpy(table.labels.dense(table.rows("test"))[0])
    point = operating_point(probabilities, targets, threshold=values)
    result = evaluate(run, table)
    assert (result["mean_f1"], result["of1"]) == pytest.approx((point.mean_f1, point.of1))
    assert result["threshold"] == found["common"]
    assert result["thresholds"] == {
        "rule": "f1", "at_least": None, "per_label": True, "split": "val", "few": found["few"]
    }  # fmt: skip

    export(run, tmp_path / "run.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "run.onnx", providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["thresholds"]) == pytest.approx(values.tolist())
    served = session.run(["probabilities", "predicted"], {"inputs": table.features[table.rows("test")]})
    np.testing.assert_allclose(served[0], probabilities, atol=1e-5)
    assert np.array_equal(served[1], served[0] > values.numpy())


def test_they_are_those_that_are_best_on_validation(run, table):
    scores = collected(run.load(), table, split="val", batch_size=32)
    wanted = choose_thresholds(run.load().calibrator(scores.logits), scores.targets)
    found = choose(run, table)
    assert found["common"] == wanted.common
    assert {row["threshold"] for row in found["labels"].values()} == {wanted.common}
    kept = choose(run, table, rule="recall", at_least=0.9)
    positives = sum(row["positives"] for row in kept["labels"].values())
    assert sum(row["recall"] * row["positives"] for row in kept["labels"].values()) >= 0.9 * positives - 1e-9


def test_labels_whose_threshold_does_not_reach_what_was_asked_for_are_named(run, table):
    found = choose(run, table, rule="precision", at_least=0.95, per_label=True)
    short = [name for name, row in found["labels"].items() if row["precision"] < 0.95]
    assert found["short"] == short
    assert "c" in short  # whose truth is drawn at random
    assert isinstance(found["reached"], bool)
    everything = choose(run, table, rule="recall", at_least=0.5)
    assert (everything["reached"], everything["short"]) == (True, [])


def test_labels_with_few_positives_are_named(run, table):
    found = choose(run, table, per_label=True)
    counts = table.labels.take(table.rows("val")).positives_per_label()
    assert found["few"] == [name for name, count in zip("abc", counts, strict=True) if count < 10]


def test_a_number_that_is_given_wins_and_without_any_it_is_a_half(run, table):
    trained = run.load()
    assert decision_of(run, trained).threshold == 0.5
    choose(run, table)
    assert decision_of(run, trained).threshold == pytest.approx(json.loads(run.thresholds_file.read_text())["common"])
    assert decision_of(run, trained, 0.3).threshold == 0.3
    assert "f1" not in evaluate(run, table, threshold=0.3)
    with pytest.raises(ValueError, match=r"expected threshold to lie in \[0, 1\], got 3"):
        decision_of(run, trained, 3)


@pytest.mark.parametrize("method", ["platt", "isotonic", "temperature"])
def test_a_calibration_changes_the_probabilities_everywhere_and_no_ranking(tmp_path, run, table, method):
    before, (raw, _) = evaluate(run, table), predicted(run, table, tmp_path)
    choose(run, table)
    fit = calibrate(run, table, method=method)
    assert not run.thresholds_file.exists()  # they were chosen for other probabilities
    after, (probabilities, _) = evaluate(run, table), predicted(run, table, tmp_path)
    assert after["calibration"]["method"] == fit["method"] == method
    assert after["mAP"] == before["mAP"]
    assert after["calibration"]["before"] == before["calibration"]["before"]
    assert not torch.equal(raw, probabilities)
    targets = torch.from_numpy(table.labels.dense(table.rows("test"))[0])
    assert after["calibration"]["after"]["ece"] == pytest.approx(expected_calibration_error(probabilities, targets))
    assert after["calibration"]["after"]["brier"] == pytest.approx(brier_score(probabilities, targets))


@pytest.mark.parametrize("method", ["platt", "isotonic", "temperature"])
def test_an_exported_file_has_the_calibration_inside(tmp_path, run, table, method):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    calibrate(run, table, method=method)
    export(run, tmp_path / "run.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "run.onnx", providers=["CPUExecutionProvider"])
    assert session.get_modelmeta().custom_metadata_map["calibration"] == method
    found = session.run(["probabilities"], {"inputs": table.features[table.rows("test")]})[0]
    np.testing.assert_allclose(found, predicted(run, table, tmp_path)[0], atol=1e-5)


def test_the_bins_of_an_evaluation_hold_every_known_element(run, table):
    about = evaluate(run, table)["calibration"]
    assert about["method"] == "closed form"
    for side in ("before", "after"):
        assert sum(count for _, _, count in about[side]["bins"]) == 50 * 3
        assert all(0 <= mean <= 1 and 0 <= share <= 1 for mean, share, _ in about[side]["bins"])


def test_without_any_data_the_closed_form_takes_away_most_of_the_calibration_error(tmp_path, table, config):
    training = dataclasses.replace(config.training, epochs=15, learning_rate=1e-2)
    config = dataclasses.replace(config, loss=LossOptions(gamma_neg=4.0, margin=0.05), training=training)
    about = evaluate(fit(config, tmp_path / "run", data=table), table)["calibration"]
    assert about["after"]["ece"] < 0.6 * about["before"]["ece"]
    assert about["after"]["brier"] < about["before"]["brier"]


def test_chosen_thresholds_are_compared_with_a_half_and_every_number_has_its_interval(run, table):
    choose(run, table, per_label=True)
    about = evaluate(run, table)["f1"]
    half = evaluate(run, table, threshold=0.5)
    assert about["at_half"]["macro"][0] == half["mean_f1"]
    assert about["at_half"]["micro"][0] == half["of1"]
    for part in about.values():
        assert all(low <= value <= high for value, low, high in part.values())
    assert about["gain"]["macro"][0] == pytest.approx(about["chosen"]["macro"][0] - half["mean_f1"])


@pytest.mark.parametrize("name", ["calibration", "thresholds"])
@pytest.mark.parametrize("content", ["{", "[]", '{"epoch": 1}', '{"format": 1, "epoch": 99}'])
def test_a_damaged_file_or_one_of_other_weights_is_refused_by_name(run, table, name, content):
    (run.path / f"{name}.json").write_text(content)
    with pytest.raises(ValueError, match=rf"{name}.json to be .*: make it again, or remove {name}.json"):
        evaluate(run, table)


def test_a_threshold_that_is_no_finite_number_is_refused(run, table):
    choose(run, table, per_label=True)
    content = json.loads(run.thresholds_file.read_text())
    content["labels"]["b"]["threshold"] = "1e999"
    run.thresholds_file.write_text(json.dumps(content).replace('"1e999"', "1e999"))
    with pytest.raises(ValueError, match=r"expected .*thresholds.json to be what lopsided wrote, got "):
        decision_of(run, run.load())


@pytest.mark.parametrize("way", ["unknown", "negatives"])
def test_unknown_labels_have_no_part_in_any_decision(monkeypatch, tmp_path, table, config, way):
    """From loss to thresholds: with positives written where nobody knows, every number is the same."""
    mask = np.random.default_rng(1).random((300, 3)) < 0.7
    truth, dense = table.labels.dense(range(300))[0], Labels.dense
    said = csr_array(~mask) if way == "unknown" else csr_array(mask & ~truth)
    masked = dataclasses.replace(table, labels=Labels(("a", "b", "c"), csr_array(truth & mask), **{way: said}))

    def filled(labels, rows):
        targets, known = dense(labels, rows)
        return targets | ~known, known

    found = []
    for fill in (dense, filled):
        monkeypatch.setattr(Labels, "dense", fill)
        run = fit(config, tmp_path / fill.__name__, data=masked)
        calibrate(run, masked, method="platt")
        choose(run, masked, per_label=True)
        found.append((run.calibration_file.read_text(), run.thresholds_file.read_text(), evaluate(run, masked)))
    assert found[0] == found[1]
    positives = {name: row["positives"] for name, row in json.loads(found[0][1])["labels"].items()}
    val = table.rows("val")
    assert list(positives.values()) == (truth & mask)[val].sum(axis=0).tolist()
