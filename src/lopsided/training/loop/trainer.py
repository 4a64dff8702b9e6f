"""Lightning's trainer with what every run has: averaged weights, a log of steps, checkpoints, a seed for each step."""

from __future__ import annotations

import io
import logging
import os
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.plugins.io import TorchCheckpointIO
from pytorch_lightning.utilities import rank_zero_only
from tensorboard.compat.proto.summary_pb2 import Summary  # pyright: ignore[reportAttributeAccessIssue]
from torch import Tensor

from lopsided.files.whole import named, whole
from lopsided.runs.config import Config, TrainingOptions
from lopsided.runs.folder import RunFolder
from lopsided.training.loop.progress import Progress
from lopsided.training.loop.step_log import StepLog
from lopsided.training.loop.weight_average import WeightAverage

_NOTES = (
    ".*does not have many workers.*",
    ".*Checkpoint directory .* exists and is not empty.*",
    ".*GPU available but not used.*",
    ".*isinstance.treespec, LeafSpec.*",
    ".*but have no `val_dataloader`.*",
    ".*module.s. in eval mode at the start of training.*",  # a frozen backbone
)
_CONNECTED = ("MASTER_ADDR", "SLURM_JOB_ID", "LSB_JOBID", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE")
"""Variables of the environment by which launchers tell a process of the others."""

_PRECISION = {"float32": "32-true", "bfloat16": "bf16-mixed", "float16": "16-mixed"}


def build_trainer(config: Config, run: RunFolder, *, has_validation: bool, further: list[Callback]) -> pl.Trainer:
    """A trainer for one run.

    Args:
        config: Everything that decides the run.
        run: Where it writes.
        has_validation: Whether there are validation samples, by which the best weights are chosen.
        further: Callbacks that only some runs have.
    """
    options = config.training
    log = StepLog(run.metrics_file)
    callbacks = [_StepSeed(config.seed), WeightAverage(options.ema_decay), log, Progress(log), *further]
    if has_validation:
        # Before the last: where a kill comes between the two, the epoch is made again, and with it its best weights.
        callbacks.append(each_epoch(run, "best", monitor="val_mAP"))
    callbacks.append(each_epoch(run, "last", monitor=None))
    if options.patience is not None:
        # Without a positive that is known there is no mAP, and nothing to stop for.
        callbacks.append(EarlyStopping("val_mAP", mode="max", patience=options.patience, check_finite=False))
    return pl.Trainer(
        max_epochs=options.epochs,
        accelerator=options.accelerator,
        devices=options.devices,
        num_nodes=options.machines,
        precision=_PRECISION[options.precision],  # pyright: ignore[reportArgumentType]
        accumulate_grad_batches=options.accumulate,
        gradient_clip_val=options.clip_norm,
        callbacks=callbacks,
        plugins=[_WholeFiles()],
        logger=_Events(run.path, name="", version="tensorboard"),
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        enable_model_summary=False,
        log_every_n_steps=1,
    )


def check_options(options: TrainingOptions, *, num_validation: int) -> None:
    """Refuse options that cannot be met on this machine or with this data, before any work.

    Args:
        options: How to train.
        num_validation: Size of the validation split; 0: there is none.

    Raises:
        ValueError: Half precision or an accelerator without a GPU, more devices than there are or than there are
            batches to validate, machines that nothing connects, or patience without validation samples.
    """
    has_gpu = options.accelerator != "cpu" and torch.cuda.is_available()
    if options.precision == "float16" and not has_gpu:
        raise ValueError("training.precision=float16 needs a GPU, got a CPU: choose bfloat16 or float32")
    if options.accelerator == "gpu" and not (has_gpu or torch.backends.mps.is_available()):
        raise ValueError("training.accelerator=gpu needs a GPU, got none: choose cpu or auto")
    if has_gpu and options.devices > torch.cuda.device_count():
        raise ValueError(
            f"expected training.devices to be at most {torch.cuda.device_count()} here, got {options.devices}"
        )
    if options.machines > 1 and not any(name in os.environ for name in _CONNECTED):
        raise ValueError(
            f"training.machines={options.machines} needs a launcher on each machine that connects them, got none: "
            f"torchrun --nnodes {options.machines} --nproc-per-node {options.devices} -m lopsided train ..."
        )
    if options.patience is not None and not num_validation:
        raise ValueError("training.patience needs a validation split, got data without one")
    ranks, batches = options.devices * options.machines, -(-num_validation // options.batch_size)
    if 0 < batches < ranks:
        raise ValueError(
            f"expected training.devices times training.machines to be at most the number of validation batches, "
            f"{batches} ({num_validation} samples, {options.batch_size} a batch), got {ranks}: choose a smaller "
            "training.batch_size or fewer devices"
        )


class _StepSeed(Callback):
    """Draws of a step (dropout) depend on the seed, the step and the rank, so that a resumed run repeats them."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        # Mixed, not added up: epoch 1 of a seed must not repeat the draws of epoch 0 of the next seed.
        place = [self.seed, trainer.current_epoch, batch_idx, trainer.global_rank]
        seed = int(np.random.SeedSequence(place).generate_state(1, np.uint64)[0])
        torch.default_generator.manual_seed(seed)  # torch.manual_seed notes a stack trace for each kind of device
        if pl_module.device.type == "cuda":
            torch.cuda.manual_seed(seed)
        elif pl_module.device.type == "mps":
            torch.mps.manual_seed(seed)


class _Events(TensorBoardLogger):
    """TensorBoard's log. Without the file of hyperparameters, which would be empty: config.yaml has them."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        values = [Summary.Value(tag=name, simple_value=value) for name, value in metrics.items()]
        with named(Path(self.log_dir)):
            self.experiment._get_file_writer().add_summary(Summary(value=values), step)  # all of a step in one event

    @rank_zero_only
    def save(self) -> None:
        with named(Path(self.log_dir)):
            self.experiment.flush()

    @rank_zero_only
    def finalize(self, status: str) -> None:
        with named(Path(self.log_dir)):
            super().finalize(status)


class _WholeFiles(TorchCheckpointIO):
    """Writes checkpoints beside their place: Lightning's way is through the folder of temporary files, which may lie on
    another disk, from where a copy can be cut short."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        content = io.BytesIO()
        torch.save(checkpoint, content)
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with whole(Path(path)) as part:
            part.write_bytes(content.getbuffer())


class _Checkpoint(ModelCheckpoint):
    """Remembers the best value so far in a folder that was moved, too: Lightning ties it to the path. As long as no
    epoch had a value, as where no positive is known on validation, the last one is the best; Lightning keeps the first.
    """

    def check_monitor_top_k(self, trainer: pl.Trainer, current: Tensor | None = None) -> bool:
        has_none = all(torch.isinf(value) for value in self.best_k_models.values())
        if current is not None and torch.isnan(current) and has_none:
            return True
        return super().check_monitor_top_k(trainer, current)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        def here(path: str) -> str:
            return str(Path(str(self.dirpath)) / Path(path).name) if path else path

        moved = {name: here(value) if name.endswith("_path") else value for name, value in state_dict.items()}
        kept = {here(path): value for path, value in state_dict["best_k_models"].items()}
        super().load_state_dict({**moved, "dirpath": self.dirpath, "best_k_models": kept})


def each_epoch(run: RunFolder, name: str, *, monitor: str | None) -> ModelCheckpoint:
    """Saves after each epoch, or after those in which the monitored value is the best so far."""
    return _Checkpoint(
        dirpath=run.checkpoints,
        filename=name,
        monitor=monitor,
        mode="max",
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Lightning's notes about hardware, workers and missing splits say nothing about the run, and a thread that cannot
    write TensorBoard's log need not tell of it: the next call raises the same error."""

    def thread_failed(about: threading.ExceptHookArgs) -> None:
        if not issubclass(about.exc_type, OSError):
            hook(about)

    hook, threading.excepthook = threading.excepthook, thread_failed
    logger = logging.getLogger("pytorch_lightning")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            for note in _NOTES:
                warnings.filterwarnings("ignore", message=note)
            yield
    finally:
        threading.excepthook = hook
        logger.setLevel(level)
