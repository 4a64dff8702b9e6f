"""A whole search: trials are taken, made and kept, by one worker or many, and the best is measured at the end."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial

from lopsided.data.contents.identity import identity_of
from lopsided.experiments.out_folder import outputs_lock, working_in
from lopsided.experiments.storage import check_storage, sqlite_at
from lopsided.experiments.tuning.outputs import begin_outputs, write_outputs
from lopsided.experiments.tuning.progress import Progress
from lopsided.experiments.tuning.search import Search
from lopsided.experiments.tuning.space import candidate_of, first_candidates
from lopsided.experiments.tuning.trials import Trials, best_of
from lopsided.experiments.tuning.work import Work, pruner_of
from lopsided.metrics.catalogue import CATALOGUE
from lopsided.runs.config import Config
from lopsided.runs.folder import RunFolder

__all__ = ["Tuned", "tune"]

POLL = 0.5  # seconds between two looks at what other workers have done


@dataclass(frozen=True)
class Tuned:
    """What a search came to.

    Args:
        best: File with the best configuration, which ``lopsided train --config`` takes.
        run: Folder of the run that was trained with it.
        about: What tune.json holds.
    """

    best: Path
    run: Path
    about: dict[str, Any]


def tune(search: Search, out: Path, *, storage: str | None = None) -> Tuned:
    """Find the best configuration on the validation split, train it, and measure it once on the test split.

    A trial is kept when it has ended: a search that is stopped anywhere goes on where it stood, and loses no trial but
    those that were running. Several workers with one storage share the trials.

    Args:
        search: What is searched, and the budget.
        out: Folder of the results: best.yaml, trials.csv, tune.json and best/, the run with the best configuration.
        storage: Of the study, ``sqlite:///FILE`` or ``postgresql://...``; by default study.db in ``out``.

    Raises:
        ValueError: There is nothing to choose by, the storage cannot be reached, ``out`` holds results on other data or
            of another search, or no trial came to its end.
    """
    storage = storage or sqlite_at(out / "study.db")
    check_storage(storage)
    work = Work(search, out / "running")
    name = f"{search.study_name}-{identity_of(work.data).digest[:12]}"
    with working_in(out, study=name, data=work.data):
        begin_outputs(search, out, study=name)
        with Trials(storage, name, work.space, seed=search.seed, pruner=pruner_of(search)) as trials:
            _make_all(search, work, trials)
            best = best_of(ended := trials.ended())
            if best is None:
                raise ValueError(
                    f"expected a trial that comes to its end, got {len(ended)} that did not: give lower --rates"
                )
            with trials.claims.wait(f"{name} test"), outputs_lock(out):
                test = _measured(search, work, trials, best, out / "best")
                about = write_outputs(search, trials, best, out, test=test)
    return Tuned(out / "best.yaml", out / "best", about)


def _make_all(search: Search, work: Work, trials: Trials) -> None:
    """Make trials until the budget is spent, and wait for those of other workers."""
    started, longest = time.monotonic(), 0.0
    first = first_candidates(
        search.losses, work.usual, epochs=max(search.epoch_choices), rates=work.space.rates, decays=work.space.decays
    )
    trials.begin(first, at_most=search.limit)
    with Progress(search, trials, one_by_one=work.why_one_by_one) as progress:
        while _in_time(search, started, longest) or not trials.ended():
            began = time.monotonic()
            taken = trials.take(work.at_once, at_most=search.limit)
            for made in work.make(taken, progress.advance):
                about = {"seconds": made.seconds, "best_epoch": made.best_epoch, "epochs_made": made.epochs}
                trials.tell(made.taken, made.val_mAP, pruned=made.pruned, about=about)
                progress.ended(made)
            longest = max(longest, time.monotonic() - began) if taken else longest
            if not taken and not trials.others_at_work():
                break
            if not taken:
                time.sleep(POLL)
        while trials.others_at_work():  # they may find something better
            time.sleep(POLL)


def _in_time(search: Search, started: float, longest: float) -> bool:
    """Whether trials that take as long as the longest so far would end in time."""
    return search.hours is None or time.monotonic() - started + longest < search.hours * 3600


def _measured(search: Search, work: Work, trials: Trials, best: FrozenTrial, folder: Path) -> dict[str, float]:
    """Train the best configuration, unless its run is there, and read the test split, unless it was read for it."""
    from lopsided.inference.evaluate import evaluate  # late: Lightning takes seconds to import
    from lopsided.training.fit import fit

    config, run = search.config(candidate_of(best.params)), RunFolder(folder)
    if run.config_file.is_file() and not _is_of(run.config(), config):
        shutil.rmtree(folder)
    fit(config, folder, resume=True, data=work.data)
    for kept in trials.tested:
        if kept["trial"] == best.number:
            return kept["metrics"]
    if "test" not in work.data.split_names:
        return {}
    found = evaluate(run, work.data, split="test")
    metrics = {name: float(found[name]) for name in CATALOGUE}
    trials.keep_test(best.number, metrics)
    return metrics


def _is_of(there: Config, wanted: Config) -> bool:
    return there.loss == wanted.loss and all(
        getattr(there.training, name) == getattr(wanted.training, name)
        for name in ("learning_rate", "weight_decay", "epochs")
    )
