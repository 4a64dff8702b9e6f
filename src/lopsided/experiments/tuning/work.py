"""Making the trials of a search: in one batch where data and network allow it, else one by one, with pruning."""

from __future__ import annotations

import itertools
import math
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import optuna
from optuna.trial import TrialState

from lopsided.data import Data, read_source
from lopsided.experiments.grid.batched import GridRun, train_grid, why_not
from lopsided.experiments.grid.frozen import frozen_inputs
from lopsided.experiments.grid.inputs import GridInputs, counted_inputs
from lopsided.experiments.grid.training import best_epoch_of
from lopsided.experiments.tuning.search import Search
from lopsided.experiments.tuning.space import Usual, usual_of
from lopsided.experiments.tuning.trials import Space, Taken
from lopsided.models import ModelOptions, resolved
from lopsided.models.options import ON_COUNTS

AT_ONCE = 8
"""Most trials that train as one model: more learn less from one another."""

WHOLE = 4
"""How many trials come to their end before any ends early: until then there is too little to compare one with."""

_DIVERGED = ("expected the loss to be finite", "expected scores not to be NaN")
"""How the errors of a run begin whose numbers left all bounds."""


@dataclass(frozen=True)
class Made:
    """What a trial came to.

    Args:
        taken: The trial.
        val_mAP: Of the best epoch; None where the run diverged.
        best_epoch: From 1.
        epochs: How many were made.
        pruned: Whether it was ended early.
        seconds: That it took, or its share of the time of its batch.
    """

    taken: Taken
    val_mAP: float | None  # noqa: N815
    best_epoch: int
    epochs: int
    pruned: bool
    seconds: float


class Work:
    """Makes the trials of a search.

    Args:
        search: The search.
        folder: Where trials that are made one by one have their folders while they train.

    Raises:
        ValueError: There is nothing to train or to validate on, or no positive label is known on validation.
    """

    def __init__(self, search: Search, folder: Path) -> None:
        self.search, self.folder = search, folder
        self.data = read_source(search.source, search.data, seed=search.seed)
        _check(self.data, search.source)
        images = search.data.images(frozen=bool(search.model.frozen))
        frozen = frozen_inputs(self.data, search.model, search.training, images, seed=search.seed)
        if frozen:
            self.inputs = GridInputs(frozen.table, ModelOptions(name="linear"), frozen.head)
        else:
            self.inputs = counted_inputs(self.data, search.model)
        self.why_one_by_one = why_not(self.inputs.table, self.inputs.model, search.training)
        self.usual = usual = usual_of("head", inputs="features") if frozen else _usual_of(self.data, search)
        self.space = Space(
            search.losses, search.epoch_choices, search.rates or usual.rates, search.decays or usual.decays
        )

    @property
    def at_once(self) -> int:
        """How many trials this worker takes at a time; few enough that later ones learn from those before."""
        if self.why_one_by_one:
            return 1
        limit = self.search.limit
        return AT_ONCE if limit is None else min(AT_ONCE, max(1, limit // 8))

    def make(self, taken: Sequence[Taken], progress: Callable[[float], object]) -> Iterator[Made]:
        """The trials, as they end.

        Args:
            taken: What is to be made.
            progress: Called with the share of a trial that has been made since.
        """
        if self.why_one_by_one:
            for one in taken:
                yield self._alone(one, progress)
            return
        by_epochs = sorted(taken, key=lambda one: one.candidate.epochs)
        for epochs, group in itertools.groupby(by_epochs, key=lambda one: one.candidate.epochs):
            yield from self._together(list(group), epochs, progress)

    def _together(self, taken: Sequence[Taken], epochs: int, progress: Callable[[float], object]) -> Iterator[Made]:
        training = self.search.config(taken[0].candidate).training
        outcomes = train_grid(
            self.inputs.table,
            [
                GridRun(one.candidate.loss, one.candidate.learning_rate, self.search.seed, one.candidate.weight_decay)
                for one in taken
            ],
            model=self.inputs.model,
            training=training,
            on_epoch=lambda runs: progress(runs / epochs),
            network=self.inputs.network,
        )
        for one, outcome in zip(taken, outcomes, strict=True):
            value = outcome.best_val_mAP
            is_number = math.isfinite(value) and math.isfinite(outcome.val_mAP[-1])
            yield Made(one, value if is_number else None, outcome.best_epoch, epochs, False, outcome.seconds)

    def _alone(self, taken: Taken, progress: Callable[[float], object]) -> Made:
        from lopsided.training.fit import fit  # late: Lightning takes seconds to import

        started, found = time.perf_counter(), list[float]()
        path = self.folder / f"trial-{taken.number}"
        shutil.rmtree(path, ignore_errors=True)

        def after_epoch(epoch: int, value: float) -> None:
            found.append(value)
            progress(1 / taken.candidate.epochs)
            taken.trial.report(max(found), epoch)
            if epoch < taken.candidate.epochs and taken.trial.should_prune() and _may_end_early(taken.trial):
                raise optuna.TrialPruned

        pruned = diverged = False
        try:
            fit(self.search.config(taken.candidate), path, data=self.data, after_epoch=after_epoch)
        except optuna.TrialPruned:
            pruned = True
        except ValueError as error:
            if not str(error).startswith(_DIVERGED):
                raise
            diverged = True
        finally:
            shutil.rmtree(path, ignore_errors=True)
        best = best_epoch_of(found) if found else 1
        seconds = time.perf_counter() - started
        return Made(taken, None if diverged else found[best - 1], best, len(found), pruned, seconds)


def _may_end_early(trial: optuna.Trial) -> bool:
    complete = [one for one in trial.study.get_trials(deepcopy=False) if one.state == TrialState.COMPLETE]
    return len(complete) >= WHOLE


def pruner_of(search: Search) -> optuna.pruners.BasePruner:
    """The pruner that the options name, in epochs."""
    most = max(search.epoch_choices)
    least = max(1, most // 9)
    match search.pruner:
        case "halving":
            return optuna.pruners.SuccessiveHalvingPruner(min_resource=least, reduction_factor=3)
        case "hyperband":
            return optuna.pruners.HyperbandPruner(min_resource=least, max_resource=most, reduction_factor=3)
        case _:
            return optuna.pruners.NopPruner()


def _check(data: Data, source: str) -> None:
    if absent := [split for split in ("train", "val") if split not in data.split_names]:
        raise ValueError(
            f"expected {source} to have a {absent[0]} split to choose by, got {', '.join(data.split_names)}"
        )
    if not np.count_nonzero(data.labels.take(data.rows("val")).positives_per_label()):
        raise ValueError(
            f"expected a known positive label in the val split of {source}, to choose by, got none among "
            f"{len(data.rows('val'))} samples"
        )


def _usual_of(data: Data, search: Search) -> Usual:
    model, inputs = search.model, data.inputs(search.data.images())
    if inputs.kind == "texts":  # which become counts of words, unless an encoder reads them
        return usual_of(model.name, inputs="sparse" if model.name in ON_COUNTS else inputs.kind)
    return usual_of(resolved(model, input_shape=inputs.shape, kind=inputs.kind).name, inputs=inputs.kind)
