"""Where the numbers of a run go beside metrics.csv: TensorBoard, Weights & Biases, MLflow."""

from __future__ import annotations

import logging
import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning_fabric.loggers.logger import Logger

from lopsided.runs.config import Config
from lopsided.runs.folder import RunFolder
from lopsided.runs.json_files import write_json
from lopsided.runs.reading import read_json
from lopsided.training.loop.log.events import Events
from lopsided.training.loop.log.steps import ROWS_AT_ONCE

PROJECT = "lopsided"
"""Project of Weights & Biases, and experiment of MLflow, where the environment names none."""


class Remote:
    """A logger whose service may fail: then it is left alone, and the run goes on.

    Args:
        name: What the options call it.
        logger: Lightning's.
        run_id: By which a resumed run goes on with the same entry.
    """

    def __init__(self, name: str, logger: Any, run_id: str) -> None:
        self.name, self.run_id, self._logger = name, run_id, logger
        self._fails = False

    def log_hyperparams(self, params: Mapping[str, Any]) -> None:
        """Send the configuration."""
        self._try(lambda: self._logger.log_hyperparams(params))

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Send the numbers of a step."""
        self._try(lambda: self._logger.log_metrics(metrics, step=step))

    def finalize(self, status: str) -> None:
        """Say how the run ended."""
        self._try(lambda: self._logger.finalize(status))
        if self.name == "wandb":
            self._try(lambda: self._logger.experiment.finish(exit_code=int(status != "success")))

    def _try(self, action: Callable[[], object]) -> None:
        if self._fails:
            return
        try:
            action()
        except Exception as error:
            self._fails = True
            print(f"{self.name}: no more numbers go there, metrics.csv has them all ({error!r:.200})", file=sys.stderr)


class Loggers:
    """All that a run logs to.

    Args:
        run: The run; which entries it has in other services is kept in it.
        config: Its configuration; ``report.loggers`` names the services.
        writes: Whether this process is the one that logs.

    Raises:
        ModuleNotFoundError: The package of a service is missing.
        ValueError: A service cannot be reached, or takes no runs.
    """

    def __init__(self, run: RunFolder, config: Config, *, writes: bool = True) -> None:
        names = config.report.logger_names if writes else ()
        self.events = Events(run.path / "tensorboard", rows_at_once=ROWS_AT_ONCE) if "tensorboard" in names else None
        self.every_step: Sequence[Logger] = () if self.events is None else (self.events,)
        known = read_json(run.loggers_file) if run.loggers_file.exists() else {}
        self.remote = [_opened(name, run, known.get(name)) for name in names if name != "tensorboard"]
        for logger in self.remote:
            if logger.name not in known:
                logger.log_hyperparams({name: value for name, value in config.flat().items() if value is not None})
        if self.remote:
            write_json(run.loggers_file, {**known, **{logger.name: logger.run_id for logger in self.remote}})

    def save(self) -> None:
        """Wait until TensorBoard's file is written."""
        if self.events is not None:
            self.events.save()

    def finalize(self, status: str, *, best: float | None = None) -> None:
        """Close everything.

        Args:
            status: success or failed.
            best: The highest validation mAP, which other services get as their final number.
        """
        for logger in self.remote:
            if best is not None and math.isfinite(best):
                logger.log_metrics({"best_val_mAP": best})
            logger.finalize(status)
        if self.events is not None:
            self.events.finalize(status)


def _opened(name: str, run: RunFolder, run_id: str | None) -> Remote:
    try:
        logger, found = _OPEN[name](run.path, run_id)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f'report.loggers={name} needs a package that is missing: pip install "lopsided[loggers]" ({error})'
        ) from error
    except Exception as error:
        hint = "wandb login, or WANDB_MODE=offline" if name == "wandb" else "MLFLOW_TRACKING_URI says where it is"
        raise ValueError(f"expected {name} to take this run, got {error!s:.200} ({hint})") from error
    return Remote(name, logger, found)


def _wandb(folder: Path, run_id: str | None) -> tuple[Any, str]:
    import wandb
    from pytorch_lightning.loggers import WandbLogger

    project = os.environ.get("WANDB_PROJECT", PROJECT)
    silent = wandb.Settings(silent=True)
    entry = wandb.init(project=project, name=folder.name, dir=folder, id=run_id, resume="allow", settings=silent)
    return WandbLogger(experiment=entry), entry.id


def _mlflow(folder: Path, run_id: str | None) -> tuple[Any, str]:
    import mlflow
    from pytorch_lightning.loggers import MLFlowLogger

    for name in ("mlflow", "alembic", "pytorch_lightning.loggers.mlflow"):  # they tell of a new database and experiment
        logging.getLogger(name).setLevel(logging.ERROR)
    experiment = os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT)
    uri = mlflow.get_tracking_uri()
    logger = MLFlowLogger(experiment, run_name=folder.name, tracking_uri=uri, run_id=run_id)
    found = logger.run_id
    assert found is not None
    return logger, found


_OPEN: dict[str, Callable[[Path, str | None], tuple[Any, str]]] = {"wandb": _wandb, "mlflow": _mlflow}
