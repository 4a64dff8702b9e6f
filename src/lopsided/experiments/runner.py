"""Making runs of a sweep: in one batch where data and network allow it, else one by one through the trainer."""

from __future__ import annotations

import dataclasses
import math
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean

from lopsided.data import Data, read_source
from lopsided.data.contents.identity import Identity, identity_of, what_changed
from lopsided.data.derived.hidden import Hidden
from lopsided.experiments.grid.batched import GridRun, Outcome, train_grid, why_not
from lopsided.experiments.grid.inputs import GridInputs, grid_inputs
from lopsided.experiments.grid.training import best_epoch_of
from lopsided.experiments.plan import Sweep
from lopsided.experiments.rows import Point, Row
from lopsided.metrics.catalogue import CATALOGUE, undefined
from lopsided.runs.folder import RunFolder
from lopsided.runs.loss.criterion import about_unknown
from lopsided.training import Config

Progress = Callable[[int], object]
"""Called with a number of runs each time that many have made another epoch."""


class Work:
    """Makes the runs of a sweep.

    Args:
        sweep: The experiment.
        folder: Where runs that are made one by one have their folders.
        progress: What is told of epochs.

    Raises:
        ValueError: The data has no train, val or test split, or changes from one reading to the next.
    """

    def __init__(self, sweep: Sweep, folder: Path, progress: Progress) -> None:
        self.sweep, self.folder, self.progress = sweep, folder, progress
        self._read: tuple[tuple[Hidden, int], Data] | None = None
        self._prepared: tuple[Data, GridInputs] | None = None  # the first of them as it was read
        self._first: tuple[Data, Identity] | None = None
        data = self._data(sweep.hidden[0], 0)
        if absent := [split for split in ("train", "val", "test") if split not in data.split_names]:
            raise ValueError(f"expected train, val and test splits, got {sweep.source} without {absent[0]}")
        self._check_unknown(data)
        inputs = self._inputs(data)
        self.why_one_by_one = why_not(inputs.table, inputs.model, sweep.training)

    def units(self, points: Sequence[Point]) -> dict[str, list[Point]]:
        """Points that are claimed and made together, by the unit's name."""
        units: dict[str, list[Point]] = {}
        for point in points:
            name = f"{point.stage} {_of_hidden(point)} seed={point.seed}"
            if self.why_one_by_one:
                name += f" {point.setting.name} rate={point.pair.learning_rate:g} decay={point.pair.weight_decay:g}"
            units.setdefault(name, []).append(point)
        return units

    def make(self, points: Sequence[Point]) -> list[Row]:
        """The runs of one unit."""
        if self.why_one_by_one:
            return [self._alone(point) for point in points]
        return self._together(points)

    def _together(self, points: Sequence[Point]) -> list[Row]:
        first = points[0]
        inputs = self._inputs(self._data(first.hidden, first.seed))
        outcomes = train_grid(
            inputs.table,
            [_grid_run(point) for point in points],
            model=inputs.model,
            training=self.sweep.training,
            test=first.stage == "final",
            on_epoch=self.progress,
            network=inputs.network,
        )
        return [_row(point, outcome) for point, outcome in zip(points, outcomes, strict=True)]

    def _alone(self, point: Point) -> Row:
        from lopsided.inference.evaluate import evaluate  # late: Lightning takes seconds to import
        from lopsided.training.fit import fit

        started = time.perf_counter()
        data = self._data(point.hidden, point.seed)
        # The stage is not in the name: the final run is the one that was tuned, which is there already.
        parts = [point.setting.name, f"{point.pair.learning_rate:g}", f"seed{point.seed}"]
        parts += [_of_hidden(point).replace("=", ""), *self._decay_if_other(point)]
        run = RunFolder(self.folder / re.sub(r"[^\w.=-]+", "-", " ".join(parts)))
        test: dict[str, float] = {}
        try:
            fit(self._config(point), run.path, resume=True, data=data)
            if point.stage == "final":
                found = evaluate(run, data, split="test", save=False)
                test = {name: found[name] for name in CATALOGUE}
        except ValueError:
            if not _diverged(run):
                raise
        self.progress(self.sweep.training.epochs)
        return _row(point, _outcome(run, test, time.perf_counter() - started))

    def _config(self, point: Point) -> Config:
        return Config(
            source=self.sweep.source,
            data=dataclasses.replace(self.sweep.data, **point.hidden._asdict()),
            model=self.sweep.model,
            loss=point.setting.loss,
            training=dataclasses.replace(self.sweep.training, **point.pair._asdict()),
            seed=point.seed,
        )

    def _decay_if_other(self, point: Point) -> list[str]:
        decay = point.pair.weight_decay
        return [] if decay == self.sweep.training.weight_decay else [f"decay{decay:g}"]

    def _data(self, hidden: Hidden, seed: int) -> Data:
        """The data of a seed; the last one stays in memory."""
        if self._read is None or self._read[0] != (hidden, seed):
            options = dataclasses.replace(self.sweep.data, **hidden._asdict())
            data = read_source(self.sweep.source, options, seed=seed)
            self._check_same(data, is_first_seed=seed == 0)
            self._read = (hidden, seed), data
        return self._read[1]

    def _inputs(self, data: Data) -> GridInputs:
        """What is trained on in one batch; the last one stays in memory."""
        if self._prepared is None or self._prepared[0] is not data:
            sweep = self.sweep
            self._prepared = (
                data,
                grid_inputs(data, sweep.model, sweep.training, sweep.data.images(frozen=bool(sweep.model.frozen))),
            )
        return self._prepared[1]

    def _check_unknown(self, data: Data) -> None:
        """Refuse settings of unknown labels where a share of the sweep leaves none unknown, before any run."""
        if all(hidden.unknown for hidden in self.sweep.hidden):
            return
        num_unknown = (data.truth or data.labels).take(data.rows("train")).num_unknown
        for setting in self.sweep.settings:
            about_unknown(setting.loss, num_unknown=num_unknown)

    @property
    def complete(self) -> Data:
        """The data of the first seed, with the labels that some runs do not see."""
        assert self._first is not None
        return self._first[0]

    def _check_same(self, data: Data, *, is_first_seed: bool) -> None:
        """Refuse data that changed while the sweep ran: its runs would be of two data sets."""
        complete = dataclasses.replace(data, labels=data.truth or data.labels, truth=None)
        now = identity_of(complete)
        if self._first is None:
            self._first = complete, now
            return
        first = self._first[1]
        if not is_first_seed:  # another seed draws other validation samples, and other scenes
            now = dataclasses.replace(now, splits=first.splits, split_sizes=first.split_sizes)
        if now != first and (is_first_seed or self.sweep.source != "digits"):
            raise ValueError(
                f"expected {self.sweep.source} to stay the same, got other data while the sweep ran: "
                f"{what_changed(first, complete)}; what was made before is kept"
            )


def _of_hidden(point: Point) -> str:
    """Such as ``missing=0.3``; the share of unknown labels is left out where it is 0, as older versions did."""
    unknown = f" unknown={point.hidden.unknown:g}" if point.hidden.unknown else ""
    return f"missing={point.hidden.missing:g}{unknown}"


def _grid_run(point: Point) -> GridRun:
    return GridRun(point.setting.loss, point.pair.learning_rate, point.seed, point.pair.weight_decay)


def _row(point: Point, outcome: Outcome) -> Row:
    return Row(
        setting=point.setting.name,
        **point.hidden._asdict(),
        seed=point.seed,
        **point.pair._asdict(),
        stage=point.stage,
        val_mAP=outcome.best_val_mAP,
        best_epoch=outcome.best_epoch,
        val_gap=outcome.val_gap,
        final_gap=outcome.gap,
        final_gamma_neg=outcome.gamma_neg,
        seconds=outcome.seconds,
        test=outcome.test or undefined(),
    )


def _diverged(run: RunFolder) -> bool:
    return any(not math.isfinite(float(row["loss"])) for row in run.rows() if row["loss"])


def _outcome(run: RunFolder, test: dict[str, float], seconds: float) -> Outcome:
    """The outcome that a run's metrics.csv holds."""
    rows = run.rows()
    steps, validations = [row for row in rows if row["loss"]], [row for row in rows if row["val_mAP"]]
    if _diverged(run) or not validations:
        return Outcome((math.nan,), 1, math.nan, math.nan, math.nan, {}, seconds)
    found = tuple(float(row["val_mAP"]) for row in validations)
    best_epoch = best_epoch_of(found)
    gaps = [float(row["gap"]) for row in steps if row["epoch"] == steps[-1]["epoch"]]
    return Outcome(
        val_mAP=found,
        best_epoch=best_epoch,
        val_gap=float(validations[best_epoch - 1]["val_gap"]),
        gap=fmean([gap for gap in gaps if math.isfinite(gap)] or [math.nan]),
        gamma_neg=float(steps[-1]["gamma_neg"]),
        test=test,
        seconds=seconds,
    )
