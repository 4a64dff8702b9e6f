"""What a search leaves in its folder, for people and for other programs."""

from __future__ import annotations

import csv
import io
import json
import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from lopsided.experiments.out_folder import check_asked
from lopsided.experiments.tuning.search import Search
from lopsided.experiments.tuning.space import candidate_of
from lopsided.experiments.tuning.trials import Trials, diverged
from lopsided.runs.environment import environment
from lopsided.runs.formats import FORMAT, check_format
from lopsided.runs.json_files import write_json, write_whole
from lopsided.runs.reading import read_json

_FEWEST = 8  # trials that something can be said of
_NEAR = 1.5  # factor from the end of a range


def begin_outputs(search: Search, out: Path, *, study: str) -> None:
    """Note in the folder which search it is of.

    Raises:
        ValueError: The folder is that of another search, or of a sweep.
    """
    if (out / "sweep.json").is_file():
        raise ValueError(f"expected a folder for a search, got {out} with the results of a sweep: name another --out")
    path, asked = out / "tune.json", json.loads(json.dumps(search.decides))
    if not path.is_file():
        write_json(path, {"format": FORMAT, "study": study, "asked": asked})
        return
    kept = read_json(path)
    check_format(path, kept.get("format"))
    there = {**kept.get("asked", {}), "source": asked["source"]}  # data is known by its contents
    check_asked(there, asked, what=f"the search in {out}")


def write_outputs(
    search: Search, trials: Trials, best: FrozenTrial, out: Path, *, test: Mapping[str, float]
) -> dict[str, Any]:
    """Write best.yaml (a configuration), trials.csv (every trial that ended) and tune.json (what came out).

    Args:
        search: The search.
        trials: Its study.
        best: The trial with the highest validation mAP.
        out: Where to write.
        test: Metrics of the best on the test split; empty where there is none.

    Returns:
        What tune.json holds.
    """
    ended, candidate = trials.ended(), candidate_of(best.params)
    search.config(candidate).save(out / "best.yaml")
    _write_trials(out / "trials.csv", ended)
    space = trials.space
    about: dict[str, Any] = {
        "format": FORMAT,
        "study": trials.name,
        "asked": search.decides,
        "limit": search.limit,
        "hours": search.hours,
        "trials": len(ended),
        "pruned": sum(trial.state == TrialState.PRUNED and not diverged(trial) for trial in ended),
        "diverged": sum(diverged(trial) for trial in ended),
        "best": {
            "trial": best.number,
            "loss": {"name": candidate.loss.name, **candidate.loss.given()},
            "learning_rate": candidate.learning_rate,
            "weight_decay": candidate.weight_decay,
            "epochs": candidate.epochs,
        },
        "val_mAP": best.value,
        "test": {name: None if math.isnan(value) else value for name, value in test.items()},
        "test_read": len(trials.tested),
        "ranges": {"learning_rate": list(space.rates), "weight_decay": list(space.decays)},
        "at_edge": [
            name
            for name, bounds in (("learning_rate", space.rates), ("weight_decay", space.decays))
            if _at_end(best.params[name], bounds)
        ],
        "importances": _importances(ended),
        "importances_of_best_loss": _importances(
            [trial for trial in ended if trial.params["loss"] == candidate.loss.name]
        ),
        "environment": environment(),
    }
    write_json(out / "tune.json", about)
    return about


def _at_end(value: float, bounds: tuple[float, float]) -> bool:
    return value < bounds[0] * _NEAR or value > bounds[1] / _NEAR


def _write_trials(path: Path, ended: Sequence[FrozenTrial]) -> None:
    settings = sorted({name for trial in ended for name in candidate_of(trial.params).loss.given()})
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    names = ("trial", "state", "val_mAP", "best_epoch", "epochs_made", "seconds", "loss")
    table.writerow([*names, "learning_rate", "weight_decay", "epochs", *(f"loss.{name}" for name in settings)])
    for trial in ended:
        candidate, about = candidate_of(trial.params), trial.user_attrs
        given = candidate.loss.given()
        table.writerow(
            [
                trial.number,
                "diverged" if diverged(trial) else trial.state.name.lower(),
                "" if trial.value is None else repr(trial.value),
                about.get("best_epoch", ""),
                about.get("epochs_made", ""),
                f"{about['seconds']:.2f}" if "seconds" in about else "",
                candidate.loss.name,
                candidate.learning_rate,
                candidate.weight_decay,
                candidate.epochs,
                *(given.get(name, "") for name in settings),
            ]
        )
    write_whole(path, text.getvalue())


def _importances(ended: Sequence[FrozenTrial]) -> dict[str, float]:
    """Share of the variance of validation mAP that each parameter explains, by functional ANOVA (Hutter et al., ICML
    2014), of the trials that were made to their end; empty where they are too few, or all alike."""
    complete = [trial for trial in ended if trial.state == TrialState.COMPLETE]
    if len(complete) < _FEWEST or len({trial.value for trial in complete}) == 1:
        return {}
    study = optuna.create_study(direction="maximize")
    study.add_trials(complete)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = optuna.importance.get_param_importances(
                study, evaluator=optuna.importance.FanovaImportanceEvaluator(seed=0)
            )
        except (RuntimeError, ValueError):  # no parameter has two values
            return {}
    varied = {name for trial in complete for name in trial.params} - {
        name for name in found if len({trial.params[name] for trial in complete}) == 1
    }
    return {name: float(share) for name, share in found.items() if name in varied and math.isfinite(share)}
