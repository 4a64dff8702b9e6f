import csv
import dataclasses
import filecmp
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from typing import get_args

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from lopsided.data import Labels, SplitDataset
from lopsided.inference.evaluate import evaluate
from lopsided.inference.predict import predict
from lopsided.inference.scoring import collected
from lopsided.metrics import mean_average_precision
from lopsided.runs.config import LossName
from lopsided.runs.folder import COLUMNS, read_rows
from lopsided.training import Config, LossOptions, RunFolder
from lopsided.training.fit import fit
from lopsided.training.loop.log.steps import StepLog

# what Lightning and TensorBoard themselves warn of
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:Detected pickle protocol"),
]


@pytest.mark.parametrize("loss", get_args(LossName))
def test_a_run_folder_holds_all_that_is_promised(tmp_path, table, config, loss):
    config = dataclasses.replace(config, loss=LossOptions(name=loss))
    run = fit(config, tmp_path / "run", data=table)
    names = {path.name for path in run.path.iterdir()}
    assert names == {
        *("config.yaml", "data.json", "metrics.csv", "checkpoints"),
        *("environment.json", "run.lock", "tensorboard"),
    }
    assert Config.load(run.config_file) == config
    rows = run.rows()
    steps = [row for row in rows if row["loss"]]
    assert [int(row["step"]) for row in steps] == list(range(1, 22))
    assert all(row[name] for row in steps for name in COLUMNS if not name.startswith("val_"))
    assert all(np.isfinite(float(row["loss"])) for row in steps)
    assert len([row for row in rows if row["val_mAP"]]) == 3
    assert json.loads((run.path / "environment.json").read_text())["packages"]["torch"] == version("torch")


def test_training_learns_features_of_any_scale(tmp_path, table, config):
    config = dataclasses.replace(config, training=dataclasses.replace(config.training, epochs=20))
    result = evaluate(fit(config, tmp_path / "run", data=table), table)
    assert result["split"] == "test"
    scores = torch.from_numpy(table.labels.dense(table.rows("test"))[0].mean(axis=0))
    assert result["mAP"] > scores.mean() + 0.3


def test_the_plain_cross_entropy_is_the_loss_where_the_loss_is_cross_entropy(tmp_path, table, config):
    config = dataclasses.replace(config, loss=LossOptions(name="cross_entropy"))
    rows = fit(config, tmp_path / "run", data=table).rows()
    assert all(row["loss"] == row["cross_entropy"] for row in rows if row["loss"])


def test_two_runs_of_one_configuration_give_the_same_numbers(tmp_path, table, config):
    config = dataclasses.replace(config, model=dataclasses.replace(config.model, dropout=0.5))
    runs = [fit(config, tmp_path / name, data=table) for name in ("one", "two")]
    assert filecmp.cmp(runs[0].metrics_file, runs[1].metrics_file, shallow=False)


def test_the_averaged_weights_are_saved_and_evaluated(tmp_path, table, config):
    run = fit(config, tmp_path / "run", data=table)
    checkpoint = torch.load(run.checkpoints / "best.ckpt", weights_only=True)
    averaged, current = checkpoint["state_dict"], checkpoint["current_model_state"]
    assert not torch.equal(averaged["model.1.0.weight"], current["model.1.0.weight"])
    assert torch.equal(averaged["criterion.gamma_neg"], current["criterion.gamma_neg"])
    assert torch.equal(run.load().model[1][0].weight, averaged["model.1.0.weight"])


SCRIPT = """
import sys
from pathlib import Path
from lopsided.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_a_run_killed_anywhere_and_resumed_equals_one_that_was_not(tmp_path):
    draw = np.random.default_rng(0)
    np.savez(tmp_path / "t.npz", features=draw.normal(size=(2000, 30)), labels=draw.random((2000, 5)) < 0.2)
    line = [sys.executable, "-c", SCRIPT, "train", f"table:{tmp_path / 't.npz'}", "--resume"]
    line += ["--training.epochs=24", "--training.batch_size=32", "--model.dropout=0.2", "--loss.name=adaptive", "--out"]
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": one_thread}
    subprocess.run([*line, str(tmp_path / "whole")], check=True, **quiet)
    kills = 0
    for _ in range(2):
        process = subprocess.Popen([*line, str(tmp_path / "cut")], **quiet)
        metrics = tmp_path / "cut" / "metrics.csv"
        size = metrics.stat().st_size if metrics.exists() else 0
        while process.poll() is None and (not metrics.exists() or metrics.stat().st_size < size + 12_000):
            time.sleep(0.02)
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            kills += 1
        process.wait()
    assert kills == 2
    subprocess.run([*line, str(tmp_path / "cut")], check=True, **quiet)
    assert (tmp_path / "cut" / "metrics.csv").read_text() == (tmp_path / "whole" / "metrics.csv").read_text()
    states = [
        torch.load(tmp_path / name / "checkpoints" / "last.ckpt", weights_only=True)["current_model_state"]
        for name in ("whole", "cut")
    ]
    torch.testing.assert_close(states[0], states[1], rtol=0, atol=0)


def test_a_loss_that_is_not_finite_ends_the_run_with_its_step(tmp_path, table, config):
    wild = dataclasses.replace(config.training, learning_rate=1e38)
    told = r"expected the loss to be finite, got (nan|inf) at step \d+, in epoch [123]: lower training.learning_rate"
    with pytest.raises(ValueError, match=told):
        fit(dataclasses.replace(config, training=wild), tmp_path / "run", data=table)


def test_a_folder_that_holds_a_run_is_not_overwritten(tmp_path, table, config):
    fit(config, tmp_path / "run", data=table)
    with pytest.raises(ValueError, match="holds a run already: add --resume"):
        fit(config, tmp_path / "run", data=table)
    other = dataclasses.replace(config, seed=5)
    with pytest.raises(ValueError, match="expected seed to be 0, got 5"):
        fit(other, tmp_path / "run", data=table, resume=True)
    longer = dataclasses.replace(config, training=dataclasses.replace(config.training, epochs=9))
    with pytest.raises(ValueError, match=r"expected training.epochs to be 3, got 9$"):
        fit(longer, tmp_path / "run", data=table, resume=True)


def test_without_a_validation_split_the_last_weights_serve(tmp_path, table, config):
    splits = np.where(table.splits == "val", "train", table.splits)
    run = fit(config, tmp_path / "run", data=dataclasses.replace(table, splits=splits))
    assert not (run.checkpoints / "best.ckpt").exists()
    assert run.load().epoch == 3


def test_a_loss_of_unknown_labels_says_what_it_is_where_all_are_known_and_refuses_its_settings(
    tmp_path, capsys, table, config
):
    config = dataclasses.replace(config, loss=LossOptions(name="partial"))
    fit(config, tmp_path / "run", data=table)
    assert "loss.name=partial is the asymmetric loss with gamma_neg 1 and margin 0\n" in capsys.readouterr().err
    config = dataclasses.replace(config, loss=LossOptions(name="partial", unknown="ignore"))
    with pytest.raises(ValueError, match=r"expected no loss\.unknown on data whose train split has no unknown label"):
        fit(config, tmp_path / "other", data=table)
    assert not (tmp_path / "other").exists()


def test_data_without_a_train_split_is_refused(tmp_path, table, config):
    alone = dataclasses.replace(table, splits=np.full(len(table), "test"))
    with pytest.raises(ValueError, match="to have a train split, got splits test"):
        fit(config, tmp_path / "run", data=alone)
    assert not (tmp_path / "run").exists()


def test_a_label_that_nobody_knows_is_not_trained_and_not_measured(tmp_path, table, config):
    unknown = csr_array(np.tile([False, False, True], (len(table), 1)))
    positives = csr_array(table.labels.dense(range(len(table)))[0] & [True, True, False])
    masked = dataclasses.replace(table, labels=Labels(table.labels.names, positives, unknown))
    options = dataclasses.replace(config.training, learning_rate=1e-2)
    runs = [
        fit(
            dataclasses.replace(config, training=dataclasses.replace(options, epochs=epochs)),
            tmp_path / str(epochs),
            data=masked,
        )
        for epochs in (1, 3)
    ]
    first, later = (run.load().model[1][-1].bias for run in runs)
    assert first[2] == later[2]  # as it was drawn
    assert (first[:2] != later[:2]).all()
    known = dataclasses.replace(table, labels=Labels(("a", "b"), csr_array(positives[:, :2])))
    scores = collected(runs[1].load(), masked, split="test", batch_size=32).logits[:, :2]
    targets = torch.from_numpy(known.labels.dense(known.rows("test"))[0])
    assert evaluate(runs[1], masked)["mAP"] == pytest.approx(float(mean_average_precision(scores, targets)))


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_predictions_are_the_probabilities_of_every_sample(tmp_path, table, config, name):
    import pyarrow.csv
    import pyarrow.parquet

    run = fit(config, tmp_path / "run", data=table)
    assert predict(run, table, tmp_path / name, split="test", threshold=0.3) == (50, [])
    read = pyarrow.csv.read_csv if name.endswith("csv") else pyarrow.parquet.read_table
    rows = read(tmp_path / name).to_pylist()
    trained = run.load()
    inputs = torch.from_numpy(table.features[table.rows("test")])
    expected = trained.calibrator(trained.model(inputs)).detach()
    assert [row["row"] for row in rows] == table.rows("test").tolist()
    found = torch.tensor([[row[f"p:{label}"] for label in "abc"] for row in rows])
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    for row, probabilities in zip(rows, expected, strict=True):
        assert row["labels"] == "|".join(label for label, p in zip("abc", probabilities, strict=True) if p > 0.3)


def test_data_of_another_shape_or_other_labels_is_refused(tmp_path, table, config):
    run = fit(config, tmp_path / "run", data=table)
    narrow = dataclasses.replace(table, features=table.features[:, :5])
    with pytest.raises(
        ValueError, match=r"expected inputs such as the run's, features of shape \(6,\), got features of shape \(5,\)"
    ):
        evaluate(run, narrow)
    renamed = dataclasses.replace(table, labels=dataclasses.replace(table.labels, names=("a", "x", "c")))
    with pytest.raises(ValueError, match="expected label 1 to be 'b' as in the run, got 'x'"):
        evaluate(run, renamed)
    with pytest.raises(ValueError, match=r"expected the output to end in .parquet or .csv, got out.txt"):
        predict(run, table, tmp_path / "out.txt", split="test")


def test_named_features_are_put_in_the_order_of_the_run(tmp_path, table, config):
    table = dataclasses.replace(table, feature_names=tuple("uvwxyz"))
    run = fit(config, tmp_path / "run", data=table)
    for names in ("zyxwvu", "vwxyzu"):  # turned round, and moved by one
        columns = ["uvwxyz".index(name) for name in names]
        other = dataclasses.replace(table, features=table.features[:, columns], feature_names=tuple(names))
        assert evaluate(run, other, save=False) == evaluate(run, table)
    other = dataclasses.replace(table, feature_names=tuple("uvwxyq"))
    with pytest.raises(ValueError, match="to have the features of the run, got none named 'z'"):
        evaluate(run, other)


def test_features_that_the_run_does_not_know_are_left_out_and_said(tmp_path, table, config, capsys):
    table = dataclasses.replace(table, feature_names=tuple("uvwxyz"))
    run = fit(config, tmp_path / "run", data=table)
    wide = np.concatenate([np.ones((300, 1), np.float32), table.features[:, ::-1]], axis=1)
    other = dataclasses.replace(table, features=wide, feature_names=("more", *"zyxwvu"))
    capsys.readouterr()
    assert evaluate(run, other, save=False) == evaluate(run, table, save=False)
    assert capsys.readouterr().err == "made: left out 1 column that the run does not know: 'more'\n"
    without = dataclasses.replace(other, features=wide[:, :6], feature_names=("more", "u2", *"zyxw"))
    with pytest.raises(ValueError, match="to have the features of the run, got none named 'u'; did you mean 'u2'"):
        evaluate(run, without)


def test_times_a_few_seconds_apart_stay_apart_from_training_to_prediction(tmp_path, table, config):
    times = np.concatenate([1_732_752_000 + 7.0 * np.arange(300)[:, None], table.features], axis=1)
    table = dataclasses.replace(table, features=times)
    model = fit(config, tmp_path / "run", data=table).load().model
    inputs = SplitDataset(table, split="test")[range(50)]["inputs"]
    assert len(model[0](inputs)[:, 0].unique()) == 50
    assert evaluate(RunFolder(tmp_path / "run"), table, save=False)["mAP"] > 0


def test_what_may_not_be_meant_is_said_before_training(tmp_path, table, config, capsys):
    labels = dataclasses.replace(table.labels, names=("dog", "Dog", "c"))
    fit(config, tmp_path / "run", data=dataclasses.replace(table, labels=labels, notes=("a note",)))
    said = capsys.readouterr().err
    assert "made: a note\n" in said
    assert "made: labels whose names look alike: 'dog' and 'Dog'; they stay different labels\n" in said


def test_a_run_that_has_waited_for_a_better_epoch_and_was_moved_does_not_wait_again(tmp_path, table, config):
    short = dataclasses.replace(config.training, patience=1, learning_rate=1e-12, weight_decay=0.0)
    run = fit(dataclasses.replace(config, training=short), tmp_path / "run", data=table)
    assert len([row for row in run.rows() if row["val_mAP"]]) == 2
    (tmp_path / "run").rename(tmp_path / "moved")
    before = (tmp_path / "moved" / "metrics.csv").read_bytes()
    again = fit(dataclasses.replace(config, training=short), tmp_path / "moved", data=table, resume=True)
    assert again.metrics_file.read_bytes() == before
    assert again.load().epoch == 1


def test_the_learning_rate_is_that_of_the_step(tmp_path, table, config):
    rates = [float(row["learning_rate"]) for row in fit(config, tmp_path / "run", data=table).rows() if row["loss"]]
    assert rates[0] == pytest.approx(config.training.learning_rate / 25, rel=1e-4)
    assert rates[-1] == min(rates)
    assert max(rates) == pytest.approx(config.training.learning_rate, rel=0.02)


def test_a_start_that_failed_leaves_the_folder_free(tmp_path, table, config):
    wild = dataclasses.replace(config, training=dataclasses.replace(config.training, learning_rate=1e38))
    with pytest.raises(ValueError, match="expected the loss to be finite"):
        fit(wild, tmp_path / "run", data=table)
    assert fit(config, tmp_path / "run", data=table).config() == config


def test_an_output_that_failed_leaves_nothing_behind(tmp_path, table, config):
    run = fit(config, tmp_path / "run", data=table)
    with pytest.raises(ValueError, match="expected a split among train, val, test"):
        predict(run, table, tmp_path / "out.csv", split="nowhere")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_checkpoint_from_a_stranger_executes_nothing(tmp_path, table, config):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    run = fit(config, tmp_path / "run", data=table)
    for content in (pickle.dumps(Trap()), b"", b"not a checkpoint"):
        (run.checkpoints / "best.ckpt").write_bytes(content)
        with pytest.raises(
            ValueError, match=r"best.ckpt: expected a checkpoint that loads without executing code, got another file"
        ):
            run.load()
    torch.save(Trap(), run.checkpoints / "best.ckpt")
    with pytest.raises(
        ValueError, match=r"best.ckpt: expected a checkpoint that loads without executing code, got another file"
    ):
        run.load()
    assert not (tmp_path / "sprung").exists()


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(ValueError, match="to be the folder of a run, got one without config.yaml"):
        RunFolder(tmp_path).config()
    with pytest.raises(ValueError, match="to hold a trained run, got one without a checkpoint"):
        RunFolder(tmp_path).load()


def test_a_metrics_file_cut_short_gives_its_whole_rows(tmp_path):
    path = tmp_path / "metrics.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows({"epoch": 0, "step": step, "loss": 1.5} for step in range(3))
    path.write_text(path.read_text()[:-9])
    assert [row["step"] for row in read_rows(path)] == ["0", "1"]
    assert StepLog(path).latest == {}
