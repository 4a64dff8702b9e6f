"""Every run of a sweep as a trial of an Optuna study: an SQLite file, or PostgreSQL for many machines."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from lopsided.data.contents.identity import Identity
from lopsided.experiments.claims import without_password
from lopsided.experiments.rows import Key, Row
from lopsided.experiments.settings import NUMBERS, RATES, Setting
from lopsided.experiments.storage import check_storage as check_storage
from lopsided.experiments.storage import errors_named, open_study
from lopsided.experiments.storage import sqlite_at as sqlite_at
from lopsided.runs.config import TrainingOptions

_RATES = FloatDistribution(*RATES, log=True)
_NUMBERS = FloatDistribution(*NUMBERS)
_DATA = "data"  # attribute of a study: the identity of what its runs were made on
_UNIT = "unit"  # attribute of a study: the runs that were added last, or are being added


class Study:
    """The runs that were made, by whichever worker; value of a trial is the validation mAP of its best epoch.

    Runs that are made together are added together, in one step, and then become trials: a worker that is killed leaves
    nothing behind that is half done. (A part of a unit would be completed in a batch of another size, whose numbers
    differ in their last bits.)

    A context manager, which closes its connections at the end.

    Args:
        storage: ``sqlite:///FILE`` or ``postgresql://...``.
        name: Of the study, which is made if it is not there.
        settings: What its runs are trained with.
        weight_decay: Of runs that an older version made, which did not write it down.

    Raises:
        ValueError: The storage is of another kind, cannot be reached, or, at any time, cannot be written; or the study
            is of a newer version, or of one with other defaults.
    """

    def __init__(
        self,
        storage: str,
        name: str,
        settings: Iterable[Setting] = (),
        *,
        weight_decay: float = TrainingOptions().weight_decay,
    ) -> None:
        self.weight_decay = weight_decay
        self.name, self.place = name, without_password(storage)
        self.claims, self.storage, self.study = open_study(
            storage, name, {setting.name: setting.loss for setting in settings}
        )
        with self.claims.wait(f"{name} write"), errors_named(self.place):
            self._make_trials()

    def __enter__(self) -> Study:
        return self

    def __exit__(self, *_: object) -> None:
        self.claims.close()
        self.storage.engine.dispose()

    def begin(self, identity: Identity, *, like: str) -> list[Identity | None]:
        """Note what the runs of this study are made on, and find those of the same line on other data.

        Args:
            identity: Of the data.
            like: What the names of these studies begin with.

        Returns:
            What each of them was made on, the newest last; None where an older version made it.
        """
        with errors_named(self.place):
            self.study.set_user_attr(_DATA, identity.plain())
            all_studies = sorted(self.storage.get_all_studies(), key=lambda study: study._study_id)
        others = [study for study in all_studies if study.study_name.startswith(like) and study.study_name != self.name]
        return [Identity.of(plain) if (plain := study.user_attrs.get(_DATA)) else None for study in others]

    def rows(self) -> dict[Key, Row]:
        """Every run so far."""
        with errors_named(self.place):
            unit = [self._row(run["row"]) for run in self.study.user_attrs.get(_UNIT, [])]
            # Read after the unit, so that one whose trials are made meanwhile is seen here or there.
            return self._rows_of_trials() | {row.key: row for row in unit}

    def add(self, rows: Iterable[Row], settings: Iterable[Setting]) -> None:
        """Keep runs that were made under a claim that is still held.

        Raises:
            ValueError: The claim may have been lost meanwhile.
        """
        by_name = {setting.name: setting for setting in settings}
        unit = [{"row": row.plain(), "numbers": _numbers(by_name[row.setting])} for row in rows]
        self.claims.check()
        with self.claims.wait(f"{self.name} write"), errors_named(self.place):
            self._make_trials()  # of a unit whose worker was killed meanwhile
            self.study.set_user_attr(_UNIT, unit)
            self._make_trials()

    def _make_trials(self) -> None:
        """Make trials of those runs of the last unit that are none yet."""
        there = self._rows_of_trials()
        for run in self.study.user_attrs.get(_UNIT, []):
            row = self._row(run["row"])
            if row.key not in there:
                self.study.add_trial(_trial(row, run["numbers"]))

    def _rows_of_trials(self) -> dict[Key, Row]:
        found = (trial.user_attrs.get("row") for trial in self.study.get_trials(deepcopy=False))
        rows = [self._row(plain) for plain in found if plain is not None]  # others are somebody else's
        return {row.key: row for row in rows}

    def _row(self, plain: dict[str, Any]) -> Row:
        return Row.of(plain, weight_decay=self.weight_decay)


def _numbers(setting: Setting) -> dict[str, float]:
    return {name: value for name, value in setting.loss.given().items() if type(value) in (int, float)}


def _trial(row: Row, numbers: dict[str, float]) -> FrozenTrial:
    key = row.key._asdict()
    params: dict[str, Any] = {name: value for name, value in key.items() if name not in ("setting", "stage")}
    params |= {name: value for name, value in numbers.items() if name not in params}
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
