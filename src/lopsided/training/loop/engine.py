"""Devices, processes and precision of a run: Lightning Fabric, as the options say."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from lightning_fabric import Fabric
from lightning_fabric.utilities import rank_zero_only

from lopsided.runs.config import TrainingOptions

_CONNECTED = ("MASTER_ADDR", "SLURM_JOB_ID", "LSB_JOBID", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE")
"""Variables of the environment by which launchers tell a process of the others."""

_PRECISION = {"float32": "32-true", "bfloat16": "bf16-mixed", "float16": "16-mixed"}


def is_first_rank() -> bool:
    """Whether this process is the one that writes and prints; the only one where there is one device."""
    return rank_zero_only.rank == 0  # pyright: ignore[reportFunctionMemberAccess]


def build_engine(options: TrainingOptions) -> Fabric:
    """The engine that puts a network on its devices; its processes begin with ``launch``."""
    return Fabric(
        accelerator=options.accelerator,
        devices=options.devices,
        num_nodes=options.machines,
        precision=_PRECISION[options.precision],  # pyright: ignore[reportArgumentType]
    )


def end_other_processes(fabric: Fabric) -> None:
    """End the processes that this one has started, which would wait for it without end; they write no files."""
    for process in getattr(fabric.strategy.launcher, "procs", ()):
        process.kill()


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


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Lightning's notes about its processes off the screen. And a thread that cannot write TensorBoard's log need
    not tell of it: the next call raises the same error."""

    def thread_failed(about: threading.ExceptHookArgs) -> None:
        if not issubclass(about.exc_type, OSError):
            hook(about)

    hook, threading.excepthook = threading.excepthook, thread_failed
    logger = logging.getLogger("lightning_fabric")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        threading.excepthook = hook
        logger.setLevel(level)
