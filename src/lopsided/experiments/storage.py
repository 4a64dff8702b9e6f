"""Where studies are kept: an SQLite file, or PostgreSQL for many machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import SQLAlchemyError

from lopsided.experiments.claims import Claims, FileClaims, PostgresClaims, without_password
from lopsided.runs.formats import FORMAT, check_format
from lopsided.runs.loss.options import LossOptions, loss_settings

_LOSSES = "losses"  # attribute of a study: every setting of each of its losses, also those that were left out


def sqlite_at(path: Path) -> str:
    """The storage of a study in a file."""
    return f"sqlite:///{path.resolve()}"


def check_storage(storage: str) -> None:
    """Refuse what is no storage, before any work.

    Raises:
        ValueError: It is of another kind.
    """
    kind, _, place = storage.partition("://")
    is_file = kind == "sqlite" and place.startswith("/")
    if not is_file and not (kind.partition("+")[0] == "postgresql" and place):
        raise ValueError(
            f"expected the storage to be sqlite:///FILE or postgresql://USER@HOST/DATABASE, got {storage!r}"
        )


def opened(storage: str) -> tuple[Claims, str, dict[str, Any]]:
    """Claims, the address as Optuna takes it, and the options of its engine."""
    check_storage(storage)
    kind, _, place = storage.partition("://")
    if kind == "sqlite":
        path = Path(place[1:])
        path.parent.mkdir(parents=True, exist_ok=True)
        return FileClaims(path.with_name(path.name + ".claims")), storage, {"connect_args": {"timeout": 60}}
    return PostgresClaims(f"postgresql://{place}"), f"postgresql+psycopg://{place}", {"pool_pre_ping": True}


def open_study(
    storage: str, name: str, losses: Mapping[str, LossOptions], *, pruner: optuna.pruners.BasePruner | None = None
) -> tuple[Claims, optuna.storages.RDBStorage, optuna.Study]:
    """A study, which is made if it is not there, with its storage and the claims of its workers; both are to be closed.

    Args:
        storage: ``sqlite:///FILE`` or ``postgresql://...``.
        name: Of the study; the higher the value of a trial is, the better.
        losses: What its runs are trained with, by the names that it has for them.
        pruner: Ends trials early.

    Raises:
        ValueError: The storage cannot be used, or the study is of a newer version, or of one with other defaults.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    claims, url, options = opened(storage)
    # Two workers that start at once must not both make the tables.
    with claims.wait(f"{name} write"), errors_named(without_password(storage)):
        database = optuna.storages.RDBStorage(url, engine_kwargs=options)
        study = optuna.create_study(
            storage=database,
            study_name=name,
            direction="maximize",
            load_if_exists=True,
            pruner=pruner or optuna.pruners.NopPruner(),
        )
        number = study.user_attrs.get("format")
        if number is None and not study.get_trials(deepcopy=False):
            study.set_user_attr("format", FORMAT)
        before, now = study.user_attrs.get(_LOSSES, {}), {key: loss_settings(loss) for key, loss in losses.items()}
        if now.keys() - before.keys():
            study.set_user_attr(_LOSSES, {**now, **before})
    try:
        check_format(f"the study {name}", number)
        _check_defaults(before, now)
    except ValueError:
        claims.close()
        database.engine.dispose()
        raise
    return claims, database, study


def _check_defaults(before: Mapping[str, Mapping[str, Any]], now: Mapping[str, Mapping[str, Any]]) -> None:
    for loss in before.keys() & now.keys():
        for setting in {**before[loss], **now[loss]}:
            there, here = (of[loss].get(setting, "none") for of in (before, now))
            if there != here:
                raise ValueError(
                    f"expected the runs of {loss} to have {setting} {here}, got {there}: a version of lopsided with "
                    "other defaults made them; give another --out or --storage"
                )


@contextmanager
def errors_named(place: str) -> Iterator[None]:
    """Turn errors of the storage into one that names it."""
    try:
        yield
    except (SQLAlchemyError, StorageInternalError) as error:
        reason: BaseException = error
        while reason.__cause__ is not None:
            reason = reason.__cause__
        raise ValueError(f"expected the storage {place} to be usable, got: {reason}") from error
