"""Several processes that share the samples of predict and evaluate, and one of them that gets what all computed."""

from __future__ import annotations

import io
import math
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeAlias

import torch
import torch.distributed as dist
from torch import Tensor

from lopsided.data import Data
from lopsided.runs.folder import RunFolder, Trained

Scored: TypeAlias = tuple[Tensor, dict[str, Tensor]]
"""Logits of a batch, and the batch."""


class Order(NamedTuple):
    """What the first process asks of the others: batches of a split."""

    split: str
    batch_size: int
    samples: int  # of the split, by which other data is noticed
    weights: str  # digest
    features: bool = False  # what goes into the last layer, in the place of logits


class _Failed(NamedTuple):
    """Sent in the place of a batch."""

    why: str


@dataclass(frozen=True)
class Share:
    """Which batches a process computes, and where: every ``count``-th, from the one of its ``rank``."""

    rank: int = 0
    count: int = 1
    device: torch.device | None = None  # the GPU if there is one, where nobody says


class Compute(Protocol):
    """:func:`lopsided.inference.scoring.computed`: batches of a share, of a network and a split of data."""

    def __call__(
        self, trained: Trained, data: Data, split: str, batch_size: int, share: Share, *, features: bool
    ) -> Iterator[Scored]:
        """See there."""
        ...


class Processes:
    """The processes of one command. Each computes its share of a split, and the first gets all, batch after batch in
    the order of the samples: the same batches as one process computes, so that the numbers are the same.

    Args:
        share: Of this process.
        group: Of all of them, which passes tensors of the CPU; None where there is only one.
    """

    def __init__(self, share: Share, group: Any = None) -> None:
        self.share, self._group = share, group

    @property
    def is_first(self) -> bool:
        """Whether this process reads, writes and prints as if it were alone; the others only serve it."""
        return self.share.rank == 0

    def serve(self, read: Callable[[], tuple[RunFolder, Data]], compute: Compute) -> None:
        """Compute what the first process asks for until it asks for nothing more; says nothing.

        Args:
            read: Gives the run and the data.
            compute: As :func:`lopsided.inference.scoring.computed`.
        """
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process hears it and ends this one
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            try:
                run, data = read()
                found = run.load(), data
            except Exception as error:  # the first process has the same error, or is told of it
                found = _Failed(str(error) or type(error).__name__)
            try:
                while (order := self._told(None)) is not None:
                    self._fulfil(order, found, compute)
            except RuntimeError:  # the first process is gone, and has said why
                return

    def gathered(self, order: Order, trained: Trained, data: Data, compute: Compute) -> Iterator[Scored]:
        """All batches of a split, on the first process.

        Raises:
            ValueError: Another process failed, or has other data or weights.
            ConnectionError: Another process ended.
        """
        try:
            self._told(order)
            own = _of_share(order, trained, data, compute, self.share)
            for _ in range(_rounds(order.samples, order.batch_size, self.share.count)):
                items: list[Scored | _Failed | None] = [None] * self.share.count
                dist.gather_object(next(own), items, dst=0, group=self._group)
                for rank, item in enumerate(items):
                    if isinstance(item, _Failed):
                        raise ValueError(f"process {rank + 1} of {self.share.count}: {item.why}")
                    if item is not None:
                        yield item
        except RuntimeError as error:
            if "peer" not in str(error):
                raise
            raise ConnectionError(
                f"expected {self.share.count} processes to compute their shares of the samples, got one that ended "
                "before it was done; no file was written"
            ) from error

    def end(self) -> None:
        """Let the others go, from the first process."""
        self._told(None)

    def _fulfil(self, order: Order, found: tuple[Trained, Data] | _Failed, compute: Compute) -> None:
        rounds = _rounds(order.samples, order.batch_size, self.share.count)
        items = self._items(order, found, compute)
        for _ in range(rounds):
            item = next(items, None)
            dist.gather_object(item, None, dst=0, group=self._group)
            if isinstance(item, _Failed):
                return

    def _items(
        self, order: Order, found: tuple[Trained, Data] | _Failed, compute: Compute
    ) -> Iterator[Scored | _Failed]:
        if isinstance(found, _Failed):
            yield found
            return
        trained, data = found
        try:
            samples = len(data.rows(order.split))
            if (samples, trained.weights) != (order.samples, order.weights):
                what = "weights" if samples == order.samples else f"{order.samples} samples"
                raise ValueError(f"expected the {what} that the first process has, got others")
            yield from _of_share(order, trained, data, compute, self.share)
        except Exception as error:
            yield _Failed(str(error) or type(error).__name__)

    def _told(self, order: Order | None) -> Order | None:
        """What the first process says, on all of them."""
        said: list[Order | None] = [order]
        dist.broadcast_object_list(said, src=0, group=self._group)
        return said[0]


def _of_share(order: Order, trained: Trained, data: Data, compute: Compute, share: Share) -> Iterator[Scored]:
    dropped = ("inputs", "targets", "mask") if order.features else ("inputs",)
    batches = compute(trained, data, order.split, order.batch_size, share, features=order.features)
    for logits, batch in batches:
        yield logits, {name: value for name, value in batch.items() if name not in dropped}


def _rounds(samples: int, batch_size: int, count: int) -> int:
    """How often each process hands in a batch, the first one always a real one."""
    return math.ceil(math.ceil(samples / batch_size) / count)


_SHARED: ContextVar[tuple[Processes, Data] | None] = ContextVar("shared", default=None)


def sharing(data: Data) -> Processes | None:
    """The processes that share the samples of this data, or None where this one computes all by itself."""
    found = _SHARED.get()
    return found[0] if found is not None and found[1] is data else None


@contextmanager
def shared(processes: Processes, data: Data) -> Iterator[None]:
    """Within the block, on the first process, all of them compute what is asked of this data."""
    if processes.share.count == 1:
        yield
        return
    token = _SHARED.set((processes, data))
    try:
        yield
    finally:
        _SHARED.reset(token)
    processes.end()


@contextmanager
def started(*, devices: int, machines: int = 1) -> Iterator[Processes]:
    """The processes of this command, one for each device; with a single one, nothing is started or imported.

    Args:
        devices: Of each machine: GPUs, or where there are none, processes.
        machines: That torchrun connects.

    Raises:
        ValueError: There are fewer devices, no launcher connects the machines, or it started another number.
    """
    _check(devices, machines)
    if devices * machines == 1:
        yield Processes(Share())
        return
    from lopsided.runs.config import TrainingOptions
    from lopsided.training.loop.engine import build_engine, end_other_processes, quiet

    accelerator = "gpu" if torch.cuda.is_available() else "cpu"
    with quiet():
        fabric = build_engine(TrainingOptions(accelerator=accelerator, devices=devices, machines=machines))
        fabric.launch()
        _leave_alone()
        group = dist.new_group(backend="gloo")
        processes = Processes(Share(fabric.global_rank, fabric.world_size, fabric.device), group)
        try:
            yield processes
        except BaseException:
            end_other_processes(fabric)
            raise


def _leave_alone() -> None:
    """Lightning kills this process some seconds after another has ended; it finds out by itself, and says so."""
    for thread in threading.enumerate():
        if thread.name == "child-process-observer":
            vars(thread)["_child_processes"] = []


def _check(devices: int, machines: int) -> None:
    for name, count in (("devices", devices), ("machines", machines)):
        if count < 1:
            raise ValueError(f"expected --{name} to be at least 1, got {count}")
    if torch.cuda.is_available() and devices > torch.cuda.device_count():
        raise ValueError(f"expected --devices to be at most {torch.cuda.device_count()} here, got {devices}")
    launched = int(os.environ.get("WORLD_SIZE", "1"))
    if "TORCHELASTIC_RUN_ID" in os.environ and launched != devices * machines:
        raise ValueError(
            f"expected --devices times --machines to be {launched}, as many processes as torchrun started, got "
            f"{devices} times {machines}"
        )
    if machines > 1 and "MASTER_ADDR" not in os.environ:
        raise ValueError(
            f"--machines {machines} needs a launcher on each machine that connects them, got none: torchrun --nnodes "
            f"{machines} --nproc-per-node {devices} -m lopsided ..."
        )
