"""Where studies are kept: an SQLite file, or PostgreSQL for many machines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import SQLAlchemyError

from lopsided.experiments.claims import Claims, FileClaims, PostgresClaims


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
