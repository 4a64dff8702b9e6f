"""The loop: epochs of steps, each with its validation, its rows in the log and its checkpoints."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.utils.data import DataLoader

from lopsided.runs.config import Config
from lopsided.runs.folder import RunFolder
from lopsided.training.loop.checkpoints import Best, write_checkpoint
from lopsided.training.loop.engine import end_other_processes
from lopsided.training.loop.log.loggers import Loggers
from lopsided.training.loop.log.progress import Progress
from lopsided.training.loop.log.steps import StepLog
from lopsided.training.loop.steps import Steps
from lopsided.training.loop.task import MultiLabelTask
from lopsided.training.unreadable import UnreadableLog


class Loop:
    """Trains one run.

    Args:
        task: Network and loss.
        config: Everything that decides the run.
        run: Where it writes.
        fabric: Devices and processes, launched.
        train: Batches of the training split; the sampler is told of each epoch.
        val: Batches of the validation split; None without one.
        unreadable: Collects the images that cannot be opened.
    """

    def __init__(
        self,
        task: MultiLabelTask,
        *,
        config: Config,
        run: RunFolder,
        fabric: Fabric,
        train: DataLoader,
        val: DataLoader | None,
        unreadable: UnreadableLog,
    ) -> None:
        self.task, self.options, self.run, self.fabric = task, config.training, run, fabric
        self.train, self.val, self.unreadable = train, val, unreadable
        self.steps = Steps(task, fabric, batches=len(train), seed=config.seed)
        self.best, self.epoch = Best(), 0
        self.after_epoch: Callable[[int, float], object] | None = None
        self.loggers = Loggers(run, config, writes=fabric.is_global_zero)
        self.log = StepLog(
            run.metrics_file,
            loggers=self.loggers.every_step,
            remote=self.loggers.remote,
            writes=fabric.is_global_zero,
        )

    def resume(self, checkpoint: dict[str, Any]) -> None:
        """Go on from the end of the epoch that a checkpoint was written after."""
        self.steps.load_state_dict(checkpoint)
        self.best, self.epoch = Best.of(checkpoint), checkpoint["epoch"] + 1

    def fit(self) -> None:
        """Train to the end.

        Raises:
            ValueError: The loss is not finite.
            KeyboardInterrupt: The process was stopped by Ctrl-C or SIGTERM.
        """
        shows = self.fabric.is_global_zero
        self.log.begin(self.steps.count)
        try:
            with (
                Progress(self.log.latest, epochs=self.options.epochs, batches=len(self.train), shows=shows) as progress,
                _heed_sigterm() as check_stop,
            ):
                while self.epoch < self.options.epochs and not self._has_waited():
                    self._one_epoch(progress, check_stop)
                    self.epoch += 1
        except BaseException:
            end_other_processes(self.fabric)
            with suppress(OSError):  # what ended the run is told, not what this comes to
                self.loggers.finalize("failed")
            raise
        self.loggers.finalize("success", best=self.best.value)

    def _has_waited(self) -> bool:
        """Whether as many epochs as ``patience`` says were no better than the best one."""
        return self.options.patience is not None and self.best.waited >= self.options.patience

    def _one_epoch(self, progress: Progress, check_stop: Callable[[], None]) -> None:
        progress.begin(self.epoch)
        self.task.train()
        self.train.sampler.set_epoch(self.epoch)  # pyright: ignore[reportAttributeAccessIssue]
        for number, batch in enumerate(progress.timed(_batches(self.train))):
            rate = self.steps.learning_rate
            self.steps.take(batch, epoch=self.epoch, number=number)
            self.log.keep(self.task, epoch=self.epoch, step=self.steps.count, rate=rate)
            self.unreadable.keep(batch)
            progress.step(len(batch["targets"]) * self.fabric.world_size)
            check_stop()
        self.log.write_steps(self.task)  # and find out whether their loss was a number
        progress.trained()
        is_best, values = False, dict[str, float]()
        if self.val is not None:
            values = self._validated(self.val, check_stop)
            self.log.write_validation(values, epoch=self.epoch, step=self.steps.count)
            is_best = self.best.is_improved_by(values["val_mAP"])
        self.loggers.save()
        progress.end(self.epoch)
        self.unreadable.tell(self.fabric)
        self._save(is_best=is_best)
        if self.after_epoch is not None and values and self.fabric.is_global_zero:
            self.after_epoch(self.epoch + 1, values["val_mAP"])

    def _validated(self, val: DataLoader, check_stop: Callable[[], None]) -> dict[str, float]:
        """Metrics of the averaged weights, the same on every rank."""
        self.task.eval()
        with torch.inference_mode(), self.steps.average.in_place(), self.fabric.autocast():
            for batch in _batches(val):
                self.task.validation_step(self.steps.moved(batch))
                self.unreadable.keep(batch)
                check_stop()
            values = self.task.validation_metrics()
        return self.fabric.broadcast(values)

    def _save(self, *, is_best: bool) -> None:
        """Write the epoch's checkpoints. The best before the last: where a kill comes between the two, the epoch is
        made again, and with it its best weights."""
        if not self.fabric.is_global_zero:
            return
        content = {
            "epoch": self.epoch,
            **self.steps.state_dict(),
            "best": self.best.state_dict(),
            "lopsided": self.task.about,
        }
        names = ("best.ckpt", "last.ckpt") if is_best else ("last.ckpt",)
        write_checkpoint(content, *(self.run.checkpoints / name for name in names))


def _batches(loader: DataLoader) -> Iterator[dict[str, Tensor]]:
    """What a loader gives. Without processes of its own it is not asked: it would take as long as a table's batch."""
    if loader.num_workers:
        return iter(loader)
    return (loader.dataset[positions] for positions in loader.sampler)


@contextmanager
def _heed_sigterm() -> Iterator[Callable[[], None]]:
    """A function that raises KeyboardInterrupt once the process was told to end; it is called after each batch."""
    told = threading.Event()

    def check() -> None:
        if told.is_set():
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # only that one may set handlers
        yield check
        return
    before = signal.signal(signal.SIGTERM, lambda *_: told.set())
    try:
        yield check
    finally:
        signal.signal(signal.SIGTERM, before)
