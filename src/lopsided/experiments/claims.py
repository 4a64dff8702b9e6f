"""Who works on what: claims that end with the process that holds them, however it ends.

A claim is a lock of the operating system (on a file beside an SQLite study) or of PostgreSQL (an advisory lock of the
worker's session). Neither needs a clock or a heartbeat: where a worker is killed or loses its connection, the lock is
free at once and another worker takes over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout


class Claims(Protocol):
    """Locks by name, each held by one worker at a time."""

    def claim(self, name: str) -> AbstractContextManager[bool]:
        """Hold the lock inside the block if it is free; False where another worker has it."""
        ...

    def wait(self, name: str) -> AbstractContextManager[None]:
        """Hold the lock inside the block, once it is free."""
        ...

    def check(self) -> None:
        """Raise if claims that are held may have been lost."""
        ...

    def close(self) -> None:
        """End all claims."""
        ...


class FileClaims:
    """Claims of workers on one machine.

    Args:
        folder: Where the lock files lie, made if it is not there; they stay behind, empty.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder

    @contextmanager
    def claim(self, name: str) -> Iterator[bool]:
        """See :class:`Claims`."""
        lock = self._lock(name)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    @contextmanager
    def wait(self, name: str) -> Iterator[None]:
        """See :class:`Claims`."""
        with self._lock(name):
            yield

    def check(self) -> None:
        """A file lock is not lost while its process lives."""

    def close(self) -> None:
        """Each lock was released at the end of its block."""

    def _lock(self, name: str) -> FileLock:
        return FileLock(self.folder / f"{hashlib.sha256(name.encode()).hexdigest()[:16]}.lock")


class PostgresClaims:
    """Claims of workers on any machine that reaches one PostgreSQL server.

    Args:
        url: ``postgresql://...``; not one of a pooler that gives each transaction another session.

    Raises:
        ValueError: The server cannot be reached.
    """

    def __init__(self, url: str) -> None:
        import psycopg

        self.lost: type[Exception] = psycopg.OperationalError
        try:
            # A dead worker's machine may close nothing: the server asks for a sign of life after half a minute.
            self.session: Any = psycopg.connect(url, autocommit=True, keepalives_idle=30, connect_timeout=20)
            self.session.execute("SET tcp_keepalives_idle = 30")
        except psycopg.OperationalError as error:
            reason = " ".join(str(error).split())
            raise ValueError(f"expected the storage {without_password(url)} to be reachable, got: {reason}") from error

    @contextmanager
    def claim(self, name: str) -> Iterator[bool]:
        """See :class:`Claims`."""
        (held,) = self.session.execute("SELECT pg_try_advisory_lock(%s)", (_number(name),)).fetchone()
        try:
            yield held
        finally:
            if held and not self.session.broken:
                self.session.execute("SELECT pg_advisory_unlock(%s)", (_number(name),))

    @contextmanager
    def wait(self, name: str) -> Iterator[None]:
        """See :class:`Claims`."""
        self.session.execute("SELECT pg_advisory_lock(%s)", (_number(name),))
        try:
            yield
        finally:
            if not self.session.broken:
                self.session.execute("SELECT pg_advisory_unlock(%s)", (_number(name),))

    def check(self) -> None:
        """Raise if the session has ended, and its locks with it: another worker may have taken the work."""
        try:
            self.session.execute("SELECT 1")
        except self.lost as error:
            raise ValueError(
                "the connection to the storage broke, and the claim with it: start the same line again"
            ) from error

    def close(self) -> None:
        """End the session."""
        self.session.close()


def without_password(url: str) -> str:
    """The address as it may stand in an error.

    >>> without_password("postgresql://me:secret@host/lab")
    'postgresql://me@host/lab'
    """
    scheme, _, rest = url.partition("://")
    place, at, host = rest.rpartition("@")
    return f"{scheme}://{place.partition(':')[0]}{at}{host}"


def _number(name: str) -> int:
    """The number of an advisory lock, signed, 64 bits, from its name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
