"""What a person sees while a run trains."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TypeVar

from tqdm import tqdm

Batch = TypeVar("Batch")

_SHOWN = ("loss", "gap", "gamma_neg", "val_mAP")


class Progress:
    """A bar on a terminal; elsewhere (a file, a CI log) a line for each epoch.

    Args:
        latest: The numbers last written to metrics.csv, so that no step waits for newer ones.
        epochs: Passes over the training split.
        batches: Batches of an epoch.
        shows: Whether this process is the one that prints.
    """

    def __init__(self, latest: dict[str, float], *, epochs: int, batches: int, shows: bool) -> None:
        self.latest, self.epochs, self.shows = latest, epochs, shows
        self.started = self.epoch_started = time.monotonic()
        self.samples, self.trained_for, self.waited = 0, 0.0, 0.0
        on_terminal = shows and sys.stderr.isatty()
        self.bar = tqdm(total=batches, unit="batch", leave=False) if on_terminal else None

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.bar is not None:
            self.bar.close()

    def begin(self, epoch: int) -> None:
        """Say which epoch of how many, from 0."""
        self.samples, self.waited, self.epoch_started = 0, 0.0, time.monotonic()
        if self.bar is not None:
            self.bar.reset()
            self.bar.set_description(f"epoch {epoch + 1}/{self.epochs}", refresh=False)

    def timed(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The same batches, with the time that each is waited for."""
        waiting = iter(batches)
        while True:
            began = time.perf_counter()
            try:
                batch = next(waiting)
            except StopIteration:
                return
            self.waited += time.perf_counter() - began
            yield batch

    def step(self, samples: int) -> None:
        """Count a batch, of all processes together."""
        self.samples += samples
        if self.bar is not None:
            self.bar.set_postfix_str(self._numbers(), refresh=False)
            self.bar.update()

    def trained(self) -> None:
        """All batches of the epoch are done; what comes now is no part of the samples per second."""
        self.trained_for = time.monotonic() - self.epoch_started

    def end(self, epoch: int) -> None:
        """Leave the epoch's line."""
        if not self.shows:
            return
        trained_for = max(self.trained_for, 1e-9)
        seconds = time.monotonic() - self.started
        line = (
            f"  epoch {epoch + 1:>3}/{self.epochs}  {self._numbers()}  {self.samples / trained_for:,.0f} samples/s, "
            f"{self.waited / trained_for:.0%} waiting for data  {seconds:.0f} s"
        )
        if self.bar is not None:
            self.bar.write(line, file=sys.stderr)
        else:
            print(line, file=sys.stderr, flush=True)

    def _numbers(self) -> str:
        return "  ".join(f"{name} {self.latest[name]:.3f}" for name in _SHOWN if name in self.latest)
