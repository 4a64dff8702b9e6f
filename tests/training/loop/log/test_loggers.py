import builtins
import dataclasses
import json
import time
from pathlib import Path

import pytest

from lopsided.models import ModelOptions
from lopsided.runs.config import Config, ReportOptions, TrainingOptions
from lopsided.training.fit import fit
from lopsided.training.loop.log.loggers import Remote
from lopsided.training.loop.steps import Steps

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def config():
    return Config(
        source="made",
        model=ModelOptions(name="linear"),
        training=TrainingOptions(epochs=2, batch_size=16, accelerator="cpu"),
    )


def with_loggers(config, loggers):

    return dataclasses.replace(config, report=ReportOptions(loggers=loggers))


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """Its tables take seconds to make."""
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"


@pytest.fixture
def store(database, request, monkeypatch):
    """MLflow's, with an experiment of its own for each test."""
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", request.node.name)
    mlflow.set_tracking_uri(database)
    yield mlflow.tracking.MlflowClient()
    mlflow.set_tracking_uri("")


def runs_in(store):
    return store.search_runs([experiment.experiment_id for experiment in store.search_experiments()][:1])


def test_mlflow_gets_the_configuration_every_validation_and_the_best(tmp_path, config, table, store):
    run = fit(with_loggers(config, "mlflow"), tmp_path / "first", data=table)
    (found,) = runs_in(store)
    assert found.info.run_name == "first"
    assert found.info.status == "FINISHED"
    assert found.data.params["model.name"] == "linear"
    assert found.data.params["training.epochs"] == "2"
    measured = [float(row["val_mAP"]) for row in run.rows() if row["val_mAP"]]
    history = store.get_metric_history(found.info.run_id, "val_mAP")
    assert [entry.value for entry in history] == pytest.approx(measured, abs=1e-5)
    assert found.data.metrics["best_val_mAP"] == pytest.approx(max(measured), abs=1e-5)
    assert not (run.path / "tensorboard").exists()


def test_a_resumed_run_goes_on_in_its_entry(tmp_path, config, table, store, monkeypatch):
    take = Steps.take

    def cut(self, batch, *, epoch, number):
        if epoch == 1:
            raise KeyboardInterrupt
        take(self, batch, epoch=epoch, number=number)

    monkeypatch.setattr(Steps, "take", cut)
    with pytest.raises(KeyboardInterrupt):
        fit(with_loggers(config, "mlflow"), tmp_path / "run", data=table)
    assert [found.info.status for found in runs_in(store)] == ["FAILED"]
    monkeypatch.setattr(Steps, "take", take)
    fit(with_loggers(config, "mlflow"), tmp_path / "run", data=table, resume=True)
    (found,) = runs_in(store)
    assert found.info.status == "FINISHED"
    assert len(store.get_metric_history(found.info.run_id, "val_mAP")) == 2


def test_weights_and_biases_keeps_a_run_offline(tmp_path, config, table, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_PROJECT", "ours")
    run = fit(with_loggers(config, "tensorboard,wandb"), tmp_path / "run", data=table)
    (folder,) = (run.path / "wandb").glob("offline-run-*")
    (file,) = folder.glob("*.wandb")
    wanted = [b"ours", b"model.name", b"val_mAP", b"best_val_mAP"]
    until = time.monotonic() + 60
    while missing := [text for text in wanted if text not in file.read_bytes()]:  # another process writes it
        assert time.monotonic() < until, missing
        time.sleep(0.1)
    assert json.loads(run.loggers_file.read_text())["wandb"] in file.name
    assert (run.path / "tensorboard").exists()


def test_a_service_that_fails_on_the_way_costs_no_run(tmp_path, config, table, store, monkeypatch, capsys):
    def fails(self, metrics, step=None):
        raise ConnectionError("gone")

    monkeypatch.setattr("pytorch_lightning.loggers.MLFlowLogger.log_metrics", fails)
    run = fit(with_loggers(config, "mlflow"), tmp_path / "run", data=table)
    assert run.rows()[-1]["val_mAP"]
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("mlflow: ")]
    assert len(said) == 1
    assert "no more numbers go there, metrics.csv has them all (ConnectionError('gone'))" in said[0]


def test_a_service_that_takes_no_runs_is_named_before_training(tmp_path, config, table, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setattr(mlflow, "get_tracking_uri", lambda: "http://127.0.0.1:9")  # nothing listens there
    with pytest.raises(ValueError, match=r"expected mlflow to take this run, got .*MLFLOW_TRACKING_URI says where"):
        fit(with_loggers(config, "mlflow"), tmp_path / "run", data=table)
    assert not (tmp_path / "run" / "checkpoints" / "last.ckpt").exists()


def test_a_missing_package_names_the_extra_that_brings_it(tmp_path, config, table, monkeypatch):
    original = builtins.__import__

    def without(name, *args, **kwargs):
        if name.split(".")[0] == "mlflow":
            raise ModuleNotFoundError("No module named 'mlflow'")
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ModuleNotFoundError, match=r'report\.loggers=mlflow needs .* pip install "lopsided\[loggers\]"'):
        fit(with_loggers(config, "mlflow"), tmp_path / "run", data=table)


def test_names_are_given_once_and_none_is_none():
    assert ReportOptions(loggers="wandb, mlflow,wandb").logger_names == ("wandb", "mlflow")
    assert ReportOptions(loggers="none").logger_names == ()
    with pytest.raises(
        ValueError, match=r"expected report\.loggers to be of tensorboard, wandb, mlflow, or none, got 'x'"
    ):
        ReportOptions(loggers="mlflow,x")


def test_after_its_first_failure_a_service_is_left_alone(capsys):
    class Fails:
        calls = 0

        def log_metrics(self, metrics, step):
            self.calls += 1
            raise OSError("no space")

    service = Fails()
    remote = Remote("mlflow", service, "1")
    for step in range(3):
        remote.log_metrics({"a": 1.0}, step=step)
    assert service.calls == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_nothing_is_logged_to_folders_that_nobody_named(tmp_path, config, table, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fit(config, tmp_path / "run", data=table)
    assert [path.name for path in Path().iterdir()] == ["run"]
