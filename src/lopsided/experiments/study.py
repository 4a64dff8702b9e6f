"""Every run of a sweep as a trial of an Optuna study: an SQLite file, or PostgreSQL for many machines."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from lopsided.experiments.claims import Claims, FileClaims, PostgresClaims
from lopsided.experiments.rows import Key, Row
from lopsided.experiments.settings import Setting
from lopsided.training.formats import FORMAT, check_format

_RATES = FloatDistribution(1e-12, 1e12, log=True)
_NUMBERS = FloatDistribution(-1e6, 1e6)


class Study:
    """The runs that were made, by whichever worker; value of a trial is the validation mAP of its best epoch.

    Trials are added when they are done, whole: a worker that is killed leaves none behind that is half done.

    A context manager, which closes its connections at the end.

    Args:
        storage: ``sqlite:///FILE`` or ``postgresql://...``.
        name: Of the study, which is made if it is not there.

    Raises:
        ValueError: The storage is of another kind, or cannot be reached; or the study is of a newer version.
    """

    def __init__(self, storage: str, name: str) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.name = name
        self.claims, url, options = _opened(storage)
        with self.claims.wait(f"{name} write"):  # two workers that start at once must not both make the tables
            self.storage = optuna.storages.RDBStorage(url, engine_kwargs=options)
            self.study = optuna.create_study(
                storage=self.storage,
                study_name=name,
                direction="maximize",
                load_if_exists=True,
            )
            number = self.study.user_attrs.get("format")
            if number is None and not self.study.get_trials(deepcopy=False):
                self.study.set_user_attr("format", FORMAT)
        try:
            check_format(f"the study {name}", number)
        except ValueError:
            self.__exit__()
            raise

    def __enter__(self) -> Study:
        return self

    def __exit__(self, *_: object) -> None:
        self.claims.close()
        self.storage.engine.dispose()

    def rows(self) -> dict[Key, Row]:
        """Every run so far."""
        rows = (_row(trial) for trial in self.study.get_trials(deepcopy=False))
        return {row.key: row for row in rows if row is not None}

    def add(self, rows: Iterable[Row], settings: Iterable[Setting]) -> None:
        """Keep runs that were made under a claim that is still held.

        Raises:
            ValueError: The claim may have been lost meanwhile.
        """
        by_name = {setting.name: setting for setting in settings}
        self.claims.check()
        with self.claims.wait(f"{self.name} write"):
            for row in rows:
                self.study.add_trial(_trial(row, by_name[row.setting]))


def sqlite_at(path: Path) -> str:
    """The storage of a study in a file."""
    return f"sqlite:///{path.resolve()}"


def _opened(storage: str) -> tuple[Claims, str, dict[str, Any]]:
    """Claims, the address as Optuna takes it, and what its engine needs."""
    kind, _, place = storage.partition("://")
    if kind == "sqlite" and place.startswith("/"):
        path = Path(place[1:])
        path.parent.mkdir(parents=True, exist_ok=True)
        return FileClaims(path.with_name(path.name + ".claims")), storage, {"connect_args": {"timeout": 60}}
    if kind.partition("+")[0] == "postgresql" and place:
        return PostgresClaims(f"postgresql://{place}"), f"postgresql+psycopg://{place}", {"pool_pre_ping": True}
    raise ValueError(f"the storage must be sqlite:///FILE or postgresql://USER@HOST/DATABASE, got {storage!r}")


def _trial(row: Row, setting: Setting) -> FrozenTrial:
    numbers = {name: value for name, value in setting.loss.given().items() if type(value) in (int, float)}
    params: dict[str, Any] = {"learning_rate": row.learning_rate, "seed": row.seed, "missing": row.missing, **numbers}
    distributions: dict[str, BaseDistribution] = dict.fromkeys(params, _NUMBERS)
    distributions |= {"learning_rate": _RATES, "seed": IntDistribution(0, 1_000_000)}
    diverged = not math.isfinite(row.val_mAP)
    return create_trial(
        state=TrialState.FAIL if diverged else TrialState.COMPLETE,
        value=None if diverged else row.val_mAP,
        params=params,
        distributions=distributions,
        user_attrs={"setting": row.setting, "stage": row.stage, "row": row.plain()},
    )


def _row(trial: FrozenTrial) -> Row | None:
    """The run that a trial is; None for one of somebody else's."""
    fields = trial.user_attrs.get("row")
    return Row.of(fields) if fields is not None else None
