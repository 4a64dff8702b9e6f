"""From a configuration to a run folder."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, ModelCheckpoint
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities import rank_zero_only

from lopsided.data import Table, TableDataset, read_source
from lopsided.models import Standardise, build_model
from lopsided.training.config import Config
from lopsided.training.criterion import build_criterion
from lopsided.training.files import write_json
from lopsided.training.loaders import EpochBatches, loader
from lopsided.training.progress import Progress
from lopsided.training.run_folder import RunFolder, about_run, environment
from lopsided.training.step_log import StepLog
from lopsided.training.task import MultiLabelTask
from lopsided.training.weight_average import WeightAverage

_NOTES = (
    ".*does not have many workers.*",
    ".*Checkpoint directory .* exists and is not empty.*",
    ".*GPU available but not used.*",
    ".*isinstance.treespec, LeafSpec.*",
    ".*but have no `val_dataloader`.*",
)


def fit(config: Config, out: Path, *, resume: bool = False, table: Table | None = None) -> RunFolder:
    """Train what the configuration says.

    Args:
        config: Everything that decides the run.
        out: Folder of the run; made if it is not there.
        resume: Go on from the last checkpoint in ``out``, or start if there is none.
        table: The data, if it was read already; read from ``config.source`` otherwise.

    Returns:
        The folder, with the best and the last checkpoint, metrics.csv and the rest.

    Raises:
        ValueError: ``out`` holds a run and ``resume`` is off, or a run of another configuration.
    """
    run = RunFolder(out)
    last = _last_checkpoint(run, config, resume)
    table = table if table is not None else read_source(config.source, config.data, seed=config.seed)
    if "train" not in table.split_names:
        raise ValueError(f"{config.source} must have a train split, got splits {', '.join(table.split_names)}")
    task = _task(config, table)
    out.mkdir(parents=True, exist_ok=True)
    if last is None and is_first_rank():
        config.save(run.config_file)
        write_json(out / "environment.json", environment())
    with _quiet():
        trainer = _trainer(config, run, has_validation="val" in table.split_names)
        train, val = _loaders(config, table, trainer)
        trainer.fit(task, train, val, ckpt_path=last, weights_only=True)
    return run


def _last_checkpoint(run: RunFolder, config: Config, resume: bool) -> Path | None:
    last = run.checkpoints / "last.ckpt"
    if not (run.config_file.exists() and last.exists()):  # nothing trained yet: start over
        return None
    if not resume and is_first_rank():  # what other ranks find, the first one has just written
        raise ValueError(f"{run.path} holds a run already: add --resume to go on with it, or name another folder")
    wanted, there = config.flat(), run.config().flat()
    for name in there:
        if wanted[name] != there[name] and not name.startswith("report."):
            raise ValueError(f"to resume {run.path}, {name} must be {there[name]}, got {wanted[name]}")
    return last


def is_first_rank() -> bool:
    """Whether this process is the one that writes and prints; the only one where there is one device."""
    return rank_zero_only.rank == 0  # pyright: ignore[reportFunctionMemberAccess]


def _task(config: Config, table: Table) -> MultiLabelTask:
    pl.seed_everything(config.seed, workers=True, verbose=False)
    num_labels = len(table.labels.names)
    model = build_model(config.model, input_shape=table.input_shape, num_labels=num_labels)
    for module in model.modules():
        if isinstance(module, Standardise):
            module.fit(table.features[table.rows("train")])
    criterion = build_criterion(config.loss, num_labels=num_labels)
    return MultiLabelTask(
        model, criterion, config.training, about_run(table.labels.names, table.input_shape, table.feature_names)
    )


class _StepSeed(Callback):
    """Draws of a step (dropout) depend on the seed, the step and the rank, so that a resumed run repeats them."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        step = trainer.current_epoch * 1_000_003 + batch_idx
        torch.manual_seed((self.seed * 1_000_003 + step) * trainer.world_size + trainer.global_rank)


def _trainer(config: Config, run: RunFolder, *, has_validation: bool) -> pl.Trainer:
    options = config.training
    log = StepLog(run.metrics_file)
    checkpoints = [_each_epoch(run, "last", monitor=None)]
    if has_validation:
        checkpoints.append(_each_epoch(run, "best", monitor="val_mAP"))
    return pl.Trainer(
        max_epochs=options.epochs,
        accelerator=options.accelerator,
        devices=options.devices,
        callbacks=[_StepSeed(config.seed), WeightAverage(options.ema_decay), log, Progress(log), *checkpoints],
        logger=TensorBoardLogger(run.path, name="", version="tensorboard"),
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        enable_model_summary=False,
        log_every_n_steps=1,
    )


class _Checkpoint(ModelCheckpoint):
    """Remembers the best value so far in a folder that was moved, too: Lightning ties it to the path."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        def here(path: str) -> str:
            return str(Path(str(self.dirpath)) / Path(path).name) if path else path

        moved = {name: here(value) if name.endswith("_path") else value for name, value in state_dict.items()}
        kept = {here(path): value for path, value in state_dict["best_k_models"].items()}
        super().load_state_dict({**moved, "dirpath": self.dirpath, "best_k_models": kept})


def _each_epoch(run: RunFolder, name: str, *, monitor: str | None) -> ModelCheckpoint:
    """Saves after each epoch, or after those in which the monitored value is the best so far."""
    return _Checkpoint(
        dirpath=run.checkpoints,
        filename=name,
        monitor=monitor,
        mode="max",
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )


def _loaders(config: Config, table: Table, trainer: pl.Trainer):
    options = config.training
    ranks = {"rank": trainer.global_rank, "num_ranks": trainer.world_size}
    train = TableDataset(table, split="train")
    train_batches = EpochBatches(len(train), options.batch_size, seed=config.seed, **ranks)
    train_loader = loader(train, train_batches, workers=options.workers)
    if "val" not in table.split_names:
        return train_loader, None
    val = TableDataset(table, split="val")
    val_batches = EpochBatches(len(val), options.batch_size, seed=None, **ranks)
    return train_loader, loader(val, val_batches, workers=options.workers)


@contextmanager
def _quiet() -> Iterator[None]:
    """Lightning's notes about hardware, workers and missing splits say nothing about the run."""
    logger = logging.getLogger("pytorch_lightning")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            for note in _NOTES:
                warnings.filterwarnings("ignore", message=note)
            yield
    finally:
        logger.setLevel(level)
