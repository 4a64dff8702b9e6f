"""The trials of a search as those of an Optuna study, which many workers share and a killed worker leaves whole."""

from __future__ import annotations

import secrets
import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.trial import FrozenTrial, Trial, TrialState

from lopsided.experiments.claims import without_password
from lopsided.experiments.storage import errors_named, open_study
from lopsided.experiments.tuning.space import SETTINGS, Candidate, candidate_of
from lopsided.runs.loss.options import LossOptions

_WORKER = "worker"  # attribute of a trial: who makes it
_LOST = "lost"  # of a trial whose worker ended before it: it is not counted, and its values are tried again
_DIVERGED = "diverged"
_TESTED = "tested"  # attribute of a study: what was read of the test split, for which trial


@dataclass(frozen=True)
class Space:
    """What may be chosen.

    Args:
        losses: Names of losses.
        epochs: Numbers of epochs.
        rates: Lowest and highest learning rate.
        decays: Lowest and highest weight decay.
    """

    losses: tuple[str, ...]
    epochs: tuple[int, ...]
    rates: tuple[float, float]
    decays: tuple[float, float]

    def suggested(self, trial: Trial) -> Candidate:
        """What the sampler proposes."""
        name = trial.suggest_categorical("loss", sorted(self.losses))
        params: dict[str, Any] = {"loss": name}
        for setting, (low, high, step) in SETTINGS[name].items():
            params[f"{name}.{setting}"] = trial.suggest_float(f"{name}.{setting}", low, high, step=step)
        params["learning_rate"] = trial.suggest_float("learning_rate", *self.rates, log=True)
        params["weight_decay"] = trial.suggest_float("weight_decay", *self.decays, log=True)
        params["epochs"] = trial.suggest_categorical("epochs", self.epochs)
        return candidate_of(params)


@dataclass(frozen=True)
class Taken:
    """A trial that this worker is to make."""

    number: int
    candidate: Candidate
    trial: Trial


class Trials:
    """The study of a search, by whichever worker; a context manager, which closes its connections at the end.

    A trial counts once it has ended: with its validation mAP, pruned, or diverged. One whose worker was killed is lost;
    the next worker to look finds the worker's claim free, and has its values tried again under another number.

    Args:
        storage: ``sqlite:///FILE`` or ``postgresql://...``.
        name: Of the study, which is made if it is not there.
        space: What may be chosen.
        seed: Of the sampler; what it proposes follows from the seed and the trials so far.
        pruner: Ends trials early.

    Raises:
        ValueError: The storage cannot be used, or the study is of a newer version, or of one with other defaults.
    """

    def __init__(
        self, storage: str, name: str, space: Space, *, seed: int, pruner: optuna.pruners.BasePruner | None = None
    ) -> None:
        self.name, self.place, self.space, self.seed = name, without_password(storage), space, seed
        self.worker = secrets.token_hex(8)
        self.claims, self.storage, self.study = open_study(
            storage, name, {loss: LossOptions(loss) for loss in space.losses}, pruner=pruner
        )
        self.held = ExitStack()
        self.held.enter_context(self.claims.claim(f"{name} worker {self.worker}"))

    def __enter__(self) -> Trials:
        return self

    def __exit__(self, *_: object) -> None:
        self.held.close()
        self.claims.close()
        self.storage.engine.dispose()

    def begin(self, first: Iterable[Candidate], *, at_most: int | None) -> None:
        """Have these tried before the sampler proposes anything, unless the search was begun already."""
        with self.claims.wait(f"{self.name} write"), errors_named(self.place):
            if self.study.get_trials(deepcopy=False):
                return
            for candidate in list(first)[:at_most]:
                self.study.enqueue_trial(candidate.params, skip_if_exists=True)

    def take(self, count: int, *, at_most: int | None) -> list[Taken]:
        """The next trials for this worker; fewer, or none, where the search would have more than ``at_most``."""
        with self.claims.wait(f"{self.name} write"), errors_named(self.place):
            self._lose_those_of_dead_workers()
            there = sum(counts(trial) or trial.state == TrialState.RUNNING for trial in self._all() if not lost(trial))
            left = count if at_most is None else min(count, at_most - there)
            return [self._next() for _ in range(left)]

    def tell(self, taken: Taken, value: float | None, *, pruned: bool = False, about: Mapping[str, Any]) -> None:
        """Keep what a trial came to.

        Args:
            taken: The trial.
            value: Validation mAP; None where it diverged.
            pruned: Whether it was ended early.
            about: What else is to be kept of it.

        Raises:
            ValueError: The claim may have been lost meanwhile.
        """
        self.claims.check()
        with self.claims.wait(f"{self.name} write"), errors_named(self.place):
            for name, what in {**about, **({_DIVERGED: True} if value is None else {})}.items():
                taken.trial.set_user_attr(name, what)
            if pruned or value is None:
                self.study.tell(taken.number, state=TrialState.PRUNED)
            else:
                self.study.tell(taken.number, value)

    def ended(self) -> list[FrozenTrial]:
        """The trials that count, in their order."""
        with errors_named(self.place):
            return [trial for trial in self._all() if counts(trial)]

    def others_at_work(self) -> bool:
        """Whether other workers make trials now."""
        with self.claims.wait(f"{self.name} write"), errors_named(self.place):
            self._lose_those_of_dead_workers()
            return any(trial.state == TrialState.RUNNING for trial in self._all())

    @property
    def tested(self) -> list[dict[str, Any]]:
        """What was read of the test split so far: the number of a trial and its metrics, the newest last."""
        with errors_named(self.place):
            return list(self.study.user_attrs.get(_TESTED, []))

    def keep_test(self, number: int, metrics: Mapping[str, float]) -> None:
        """Note that the test split was read for a trial."""
        self.claims.check()
        with errors_named(self.place):
            self.study.set_user_attr(_TESTED, [*self.tested, {"trial": number, "metrics": dict(metrics)}])

    def _all(self) -> Sequence[FrozenTrial]:
        return self.study.get_trials(deepcopy=False)

    def _next(self) -> Taken:
        # A sampler of its own for each trial: what is proposed is the same after a stop as without one, and two workers
        # that begin together propose different things.
        self.study.sampler = _sampler(self.seed * 1_000_003 + len(self._all()))
        trial = self.study.ask()
        trial.set_user_attr(_WORKER, self.worker)
        return Taken(trial.number, self.space.suggested(trial), trial)

    def _lose_those_of_dead_workers(self) -> None:
        alive = {self.worker: True}
        for trial in self._all():
            if trial.state != TrialState.RUNNING:
                continue
            worker = str(trial.user_attrs.get(_WORKER, ""))  # empty: killed before it signed
            if worker not in alive:
                alive[worker] = bool(worker) and self._is_alive(worker)
            if alive[worker]:
                continue
            self.storage.set_trial_user_attr(trial._trial_id, _LOST, True)
            self.study.tell(trial.number, state=TrialState.FAIL)
            if params := trial.params or trial.system_attrs.get("fixed_params"):
                self.study.enqueue_trial(params)

    def _is_alive(self, worker: str) -> bool:
        with self.claims.claim(f"{self.name} worker {worker}") as is_free:
            return not is_free


def counts(trial: FrozenTrial) -> bool:
    """Whether a trial has ended, with whatever result."""
    return trial.state in (TrialState.COMPLETE, TrialState.PRUNED)


def lost(trial: FrozenTrial) -> bool:
    """Whether its worker ended before it."""
    return bool(trial.user_attrs.get(_LOST))


def diverged(trial: FrozenTrial) -> bool:
    """Whether its loss was no number."""
    return bool(trial.user_attrs.get(_DIVERGED))


def best_of(trials: Iterable[FrozenTrial]) -> FrozenTrial | None:
    """The trial with the highest validation mAP, the first of equals; None where none came to its end."""
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    return max(complete, key=lambda trial: (trial.value, -trial.number), default=None)


def _sampler(seed: int) -> optuna.samplers.BaseSampler:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return optuna.samplers.TPESampler(
            multivariate=True, group=True, constant_liar=True, n_startup_trials=8, seed=seed % 2**32
        )
