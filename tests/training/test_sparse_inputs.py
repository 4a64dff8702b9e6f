"""Runs on features that stay sparse, from the file to predictions."""

import dataclasses

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from lopsided.data import Labels, Table
from lopsided.inference.evaluate import evaluate
from lopsided.inference.scoring import collected
from lopsided.metrics import mean_average_precision
from lopsided.training import Config, LossOptions, RunFolder, TrainingOptions
from lopsided.training.fit import fit
from lopsided.training.loop import task as task_module
from lopsided.training.loop.log.steps import StepLog
from tests.training.test_devices import assert_equal_records, options, trained

FEATURES, LABELS = 400, 3


@pytest.fixture
def wide():
    """300 samples, each label of which one feature tells."""
    features = random_array((300, FEATURES), density=0.02, format="csr", dtype=np.float32, rng=0)
    dense = features.toarray()
    has = np.random.default_rng(1).random((300, LABELS)) < 0.3
    dense[:, :LABELS] = has
    splits = np.array(["train"] * 200 + ["val"] * 50 + ["test"] * 50)
    labels = Labels(("a", "b", "c"), csr_array(has))
    return Table("wide", csr_array(dense), labels, splits, stays_sparse=True)


@pytest.fixture
def config():
    return Config(
        source="svmlight:wide.txt",
        loss=LossOptions(name="asymmetric"),
        training=TrainingOptions(epochs=4, batch_size=32, accelerator="cpu"),
    )


@pytest.mark.parametrize("name", ["auto", "mlp"])
def test_a_run_learns_and_is_evaluated(tmp_path, wide, config, name):
    config = dataclasses.replace(config, model=dataclasses.replace(config.model, name=name))
    run = fit(config, tmp_path / "run", data=wide)
    assert evaluate(run, wide, split="test")["mAP"] > 0.9


def test_a_run_stopped_after_an_epoch_and_resumed_equals_one_that_was_not(tmp_path, wide, config, monkeypatch):
    whole = fit(config, tmp_path / "whole", data=wide)
    keep = StepLog.keep

    def stop(self, task, *, epoch, **others):
        if epoch == 2:
            raise RuntimeError("stopped")
        keep(self, task, epoch=epoch, **others)

    monkeypatch.setattr(StepLog, "keep", stop)
    with pytest.raises(RuntimeError, match="stopped"):
        fit(config, tmp_path / "cut", data=wide)
    monkeypatch.setattr(StepLog, "keep", keep)
    cut = fit(config, tmp_path / "cut", data=wide, resume=True)
    assert cut.rows() == whole.rows()
    assert cut.load().weights == whole.load().weights


def test_features_that_a_run_never_saw_are_left_out_and_said(tmp_path, wide, config, capsys):
    run = fit(config, tmp_path / "run", data=wide).load()
    wider = wide.features.tolil()
    wider.resize((300, FEATURES + 5))
    wider[299, FEATURES + 1] = 1
    told = dataclasses.replace(wide, features=csr_array(wider, dtype=np.float32))
    narrow = dataclasses.replace(wide, features=wide.features[:, :50])
    logits = collected(run, wide, split="test", batch_size=20).logits
    assert (collected(run, told, split="test", batch_size=20).logits == logits).all()
    assert "left out 1 feature that no sample of the run had" in capsys.readouterr().err
    assert collected(run, narrow, split="test", batch_size=20).logits.shape == logits.shape


def test_a_table_written_out_is_refused_where_the_run_had_a_sparse_one(tmp_path, wide, config):
    run = fit(config, tmp_path / "run", data=wide).load()
    dense = dataclasses.replace(wide, features=wide.features.toarray(), stays_sparse=False)
    with pytest.raises(ValueError, match="expected inputs such as the run's, sparse of shape"):
        collected(run, dense, split="test", batch_size=20)


def test_the_weights_are_saved_as_they_are_and_the_bias_is_averaged(tmp_path, wide, config):
    run = fit(config, tmp_path / "run", data=wide)
    last = run.checkpoint(run.checkpoints / "last.ckpt")
    now = last["current_model_state"]
    assert (last["state_dict"]["model.weight"] == now["model.weight"]).all()
    assert (last["state_dict"]["model.bias"] != now["model.bias"]).any()


def test_where_scores_would_not_fit_every_so_many_th_label_is_measured_and_that_is_said(
    tmp_path, wide, config, monkeypatch, capsys
):
    targets = csr_array(wide.labels.positives.toarray()[:, [0, 1, 2, 0]])
    wide = dataclasses.replace(wide, labels=Labels(("a", "b", "c", "d"), targets))
    every = [0, 2]
    monkeypatch.setattr(task_module, "MOST_SCORES", 100)
    run = fit(config, tmp_path / "some", data=wide)
    assert "validation mAP is measured on every 2th label" in capsys.readouterr().err
    found = collected(run.load(), wide, split="val", batch_size=50)
    wanted = mean_average_precision(found.logits[:, every], found.targets[:, every])
    best = max(float(row["val_mAP"]) for row in run.rows() if row["val_mAP"])
    assert best == pytest.approx(float(wanted), abs=1e-5)


@pytest.mark.slow
def test_two_processes_take_the_steps_of_one(tmp_path):
    draw = np.random.default_rng(0)
    lines = []
    for _ in range(640):
        columns = np.flatnonzero(draw.random(60) < 0.2).tolist()
        lines.append(",".join(str(c) for c in columns if c < 4) + " " + " ".join(f"{c}:1" for c in columns))
    (tmp_path / "t_train.txt").write_text("\n".join(["512 60 4", *lines[:512]]) + "\n")
    (tmp_path / "t_val.txt").write_text("\n".join(["128 60 4", *lines[512:]]) + "\n")
    runs = [
        trained(
            tmp_path,
            f"svmlight:{tmp_path / 't'}",
            options(devices=devices, batch_size=64 // devices),
            out=tmp_path / str(devices),
        )
        for devices in (1, 2)
    ]
    assert_equal_records(*runs)
    weights = [RunFolder(tmp_path / str(devices)).load().model.weight for devices in (1, 2)]
    assert np.allclose(*(weight.detach().numpy() for weight in weights), rtol=1e-3, atol=1e-4)
