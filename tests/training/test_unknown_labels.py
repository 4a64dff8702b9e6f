"""Whatever is written under an unknown label changes no number, and a sample of which nothing is known counts for
nothing: in the loss, the log of the steps, the metrics, the calibration, the thresholds and the audit."""

import dataclasses
import json
from typing import get_args

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from torch import nn

from lopsided.asymmetry import gap_of
from lopsided.data import Labels, hide_positives
from lopsided.inference.audit import audit
from lopsided.inference.calibrate import calibrate
from lopsided.inference.cross_fit import out_of_sample
from lopsided.inference.evaluate import evaluate
from lopsided.inference.scoring import collected
from lopsided.inference.thresholds import choose
from lopsided.metrics import f1_draws, interval
from lopsided.runs.config import LossName
from lopsided.runs.loss.calibrators import Method
from lopsided.runs.loss.criterion import build_criterion
from lopsided.training import LossOptions, TrainingOptions
from lopsided.training.fit import fit
from lopsided.training.loop.task import MultiLabelTask

# what Lightning and TensorBoard themselves warn of
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:Detected pickle protocol"),
]


@pytest.fixture
def config(config):
    return dataclasses.replace(config, training=dataclasses.replace(config.training, epochs=2, learning_rate=1e-2))


@pytest.fixture
def masked(table):
    """The table with 30 % of its labels unknown."""
    unknown = np.random.default_rng(1).random((300, 3)) < 0.3
    given = table.labels.dense(range(300))[0] & ~unknown
    return dataclasses.replace(table, labels=Labels(("a", "b", "c"), csr_array(given), csr_array(unknown)))


@pytest.fixture
def fill_unknown(monkeypatch):
    """Afterwards batches hold a positive wherever nobody knows; before, they hold a negative."""
    dense = Labels.dense

    def filled(labels, rows):
        targets, mask = dense(labels, rows)
        return (targets if mask is None else targets | ~mask), mask

    return lambda: monkeypatch.setattr(Labels, "dense", filled)


def everything(config, out, data):
    """All numbers that a run comes to."""
    run = fit(config, out, data=data)
    found = [run.metrics_file.read_text()]
    for method in get_args(Method):
        found += [calibrate(run, data, method=method), choose(run, data, per_label=True), evaluate(run, data)]
    looked_at = audit(out_of_sample(run, data, folds=2), most=20)
    return json.dumps(found), looked_at.suspects, [*looked_at.missing, *looked_at.wrong, *looked_at.noted]


def test_frequent_labels_are_ignored_from_the_threshold_on_that_train_is_given(tmp_path, masked, config):
    """With a threshold of 0 all labels are frequent, and all unknown ones ignored; with 1 none is."""

    def steps(name, **options):
        loss = LossOptions(name="partial", **options)
        rows = fit(dataclasses.replace(config, loss=loss), tmp_path / name, data=masked).rows()
        return pytest.approx([float(row["loss"]) for row in rows if row["loss"]], rel=1e-4)

    plain, ignored = steps("plain", top_k=0), steps("ignored", unknown="ignore")
    assert steps("none", top_k=0, frequency_threshold=1.0).expected == plain
    assert steps("every", top_k=0, frequency_threshold=0.0).expected == ignored
    shares = masked.labels.take(masked.rows("train"))
    known = np.sort((shares.positives_per_label() + 1) / (shares.known_per_label() + 2))
    some = steps("some", top_k=0, frequency_threshold=float(known[:2].mean())).expected
    assert some != plain
    assert some != ignored
    assert plain.expected != ignored


def test_what_is_written_under_unknown_labels_changes_no_number(tmp_path, masked, config, fill_unknown):
    config = dataclasses.replace(config, loss=LossOptions(name="adaptive", per_label=True))
    before = everything(config, tmp_path / "negatives", masked)
    fill_unknown()
    assert masked.labels.dense(range(300))[0].sum() > masked.labels.positives.sum()
    assert everything(config, tmp_path / "positives", masked) == before


def batch_of(draw, fill):
    inputs, known = torch.randn(16, 5, generator=draw), torch.rand(16, 3, generator=draw) < 0.6
    targets = (torch.rand(16, 3, generator=draw) < 0.4).masked_fill(~known, fill)
    return {"inputs": inputs, "targets": targets.to(torch.uint8), "mask": known}


@pytest.mark.parametrize("name", get_args(LossName))
def test_a_step_learns_nothing_from_what_is_written_under_unknown_labels(name):
    found = []
    for fill in (False, True):
        torch.manual_seed(0)
        criterion = build_criterion(LossOptions(name=name), num_labels=3, positives=[3, 5, 7], num_samples=16)
        task = MultiLabelTask(nn.Linear(5, 3), criterion, TrainingOptions(), about={})
        draw = torch.Generator().manual_seed(0)
        steps = []
        for _ in range(2):  # what the loss has learned of the first changes the second
            loss = task.training_step(batch_of(draw, fill))
            loss.backward()
            steps.append(
                torch.cat([*map(torch.flatten, (*task.step_values, task.model.weight.grad, task.model.bias.grad))])
            )
        found.append(torch.stack(steps))
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=0, equal_nan=True)  # nan: a gamma of losses without


def test_the_log_of_a_step_is_of_the_known_labels_alone():
    draw = torch.Generator().manual_seed(0)
    batch = batch_of(draw, fill=False)
    task = MultiLabelTask(
        nn.Linear(5, 3), build_criterion(LossOptions(name="cross_entropy"), num_labels=3), TrainingOptions(), about={}
    )
    task.training_step(batch)
    known, truth = batch["mask"], batch["targets"].bool()
    p = torch.sigmoid(task.model(batch["inputs"])).detach()
    right = torch.where(truth, p, 1 - p)
    cost = -right[known].log().sum().item() / 16
    positives, negatives = right[known & truth], right[known & ~truth]
    assert [value.item() for value in task.step_values[:3]] == pytest.approx([cost, cost, 0])
    found = gap_of(task.step_values.gap_sums)
    assert found.p_pos.item() == pytest.approx(positives.mean().item())
    assert found.p_neg.item() == pytest.approx(negatives.mean().item())


def padded_with_unknown(table):
    """The table with samples of which nothing is known between the others of val and test."""
    rows = np.concatenate([np.arange(300), np.arange(200, 300)])
    labels = table.labels.take(rows).without(np.arange(300, 400))
    splits = table.splits[rows]
    order = np.concatenate([np.arange(200), np.random.default_rng(0).permutation(np.arange(200, 400))])
    features = table.features[rows] + (np.arange(400) >= 300)[:, None].astype(np.float32)
    return dataclasses.replace(table, features=features[order], labels=labels.take(order), splits=splits[order])


@pytest.fixture
def padded(table):
    return padded_with_unknown(table)


def in_one_order(data):
    """The same samples, those of each split in the order of their first feature; without those that nobody knows."""
    targets, mask = data.labels.dense(range(len(data)))
    rows = np.lexsort((data.features[:, 0], data.splits))
    rows = rows if mask is None else rows[mask.any(axis=1)[rows]]
    labels = Labels(data.labels.names, csr_array(targets[rows]))
    return dataclasses.replace(data, features=data.features[rows], labels=labels, splits=data.splits[rows])


@pytest.mark.parametrize("method", get_args(Method))
def test_samples_of_which_nothing_is_known_have_no_part_in_any_decision(tmp_path, table, padded, config, method):
    run = fit(config, tmp_path / "run", data=table)
    found = []
    for data in (in_one_order(padded), padded):
        fitted, decided = calibrate(run, data, method=method), choose(run, data, per_label=True)
        f1 = {of: {name: part[0] for name, part in each.items()} for of, each in evaluate(run, data)["f1"].items()}
        common, result = choose(run, data, per_label=False), evaluate(run, data, threshold=0.3)
        result.pop("intervals")  # of draws, which depend on the order
        found.append([*map(numbers_in, (fitted, decided, f1, common, result))])
    for without, among in zip(*found, strict=True):
        assert among.keys() == without.keys()
        assert among == {name: pytest.approx(value, rel=1e-4, abs=1e-5, nan_ok=True) for name, value in without.items()}


def numbers_in(content, prefix=""):
    """Every number of nested dictionaries and lists, by its place; the bins' means too."""
    if isinstance(content, dict | list):
        pairs = content.items() if isinstance(content, dict) else enumerate(content)
        return {k: v for name, part in pairs for k, v in numbers_in(part, f"{prefix}.{name}").items()}
    return {prefix: content} if isinstance(content, int | float) else {}


def test_samples_of_which_nothing_is_known_are_not_audited(tmp_path, table, config):
    run = fit(config, tmp_path / "run", data=table)
    hidden = hide_positives(table.labels, range(200, 300), share=0.4, seed=0)
    padded = padded_with_unknown(dataclasses.replace(table, labels=hidden))
    few, many = (
        audit(out_of_sample(run, data, splits=("val", "test")), most=400) for data in (in_one_order(padded), padded)
    )
    assert len(many.suspects) == len(few.suspects) <= 300
    assert few.missing.sum() > 0
    for name in ("missing", "wrong", "noted"):
        np.testing.assert_allclose(getattr(many, name), getattr(few, name), rtol=1e-5)


def test_validation_while_training_is_of_known_labels_alone(tmp_path, table, padded, config):
    runs = [
        fit(config, tmp_path / name, data=data) for name, data in (("table", table), ("padded", padded))
    ]  # both train on the same samples
    few, many = ([row for row in run.rows() if row["val_mAP"]] for run in runs)
    assert len(few) == config.training.epochs
    for one, other in zip(few, many, strict=True):
        for name in ("val_mAP", "val_p_pos", "val_p_neg", "val_gap"):
            assert float(other[name]) == pytest.approx(float(one[name]), abs=2e-5)
        # A mean over samples, half of which cost nothing.
        assert float(other["val_cross_entropy"]) == pytest.approx(float(one["val_cross_entropy"]) / 2, rel=1e-3)


def test_the_intervals_of_an_evaluation_are_of_known_labels(tmp_path, masked, config):
    run = fit(config, tmp_path / "run", data=masked)
    choose(run, masked)
    scores = collected(run.load(), masked, split="test", batch_size=32)
    probabilities = run.load().calibrator(scores.logits)
    macro, micro = f1_draws(probabilities, scores.targets, threshold=0.5, mask=scores.mask)
    found = evaluate(run, masked)["f1"]["at_half"]
    assert found["macro"][1:] == list(interval(macro))
    assert found["micro"][1:] == list(interval(micro))
    assert list(interval(micro)) != list(interval(f1_draws(probabilities, scores.targets, threshold=0.5)[1]))


def test_scores_say_what_is_known(tmp_path, masked, table, config):
    run = fit(config, tmp_path / "run", data=masked)
    targets, mask = masked.labels.dense(masked.rows("val"))
    found = collected(run.load(), masked, split="val", batch_size=7)
    assert found.targets.tolist() == targets.tolist()
    assert found.mask.tolist() == mask.tolist()
    assert collected(run.load(), table, split="val", batch_size=7).mask is None
