"""One writer for a run folder: a lock that says who holds it, and that ends with its holder, killed or not."""

from __future__ import annotations

import errno
import json
import os
import platform
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from lopsided.runs.reading import read_json

NAME = "run.lock"
"""Of the file in a run's folder. It stays there: a lock on a file that is removed would be no lock."""

_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder inside the block, made if it is not there.

    The lock is the operating system's, on a file that names the holder. It is free as soon as the holder ends, killed
    or not; on a disk that machines share it holds between them. Where a disk has no locks, a line says so.

    Args:
        folder: Of a run. Where the block leaves nothing in it, it is removed again.

    Raises:
        ValueError: Another process holds it; the message says which.
        OSError: It cannot be written to.

    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / NAME
    try:
        with held(path, folder):
            try:
                yield
            finally:
                _remove_if_alone(path)
    except HeldError as error:
        raise ValueError(f"{error}: wait for its end, or name another folder") from None


class HeldError(ValueError):
    """Another process holds a lock."""


@contextmanager
def held(path: Path, folder: Path) -> Iterator[None]:
    """Hold the lock of a file, made if it is not there, inside the block, and write into it who holds it.

    Raises:
        HeldError: Another process holds it; the message says which, and names the folder.
        OSError: The file cannot be written to.
    """
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise HeldError(f"{folder}: expected no other process that writes there, got {_holder(path)}") from None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        print(
            f"{folder} is on a disk without locks: nothing keeps a second process from writing there", file=sys.stderr
        )
    try:
        _sign(path)
        yield
    finally:
        lock.release()


def _sign(path: Path) -> None:
    """Write who holds the lock into its file, in place: another file would have another lock."""
    about = {
        "process": os.getpid(),
        "host": platform.node(),
        "since": datetime.now().astimezone().isoformat(sep=" ", timespec="seconds"),
        "command": shlex.join(["lopsided", *sys.argv[1:]])[:300],
    }
    with suppress(OSError), path.open("r+", encoding="utf-8") as file:  # Windows lets nobody else open it
        file.write(json.dumps(about) + "\n")
        file.truncate()


def _holder(path: Path) -> str:
    try:
        about = read_json(path)
        return "process {process} on {host} since {since} ({command})".format(**about)
    except (ValueError, KeyError, OSError):  # it has just begun, or cannot be read
        return "another process"


def _remove_if_alone(path: Path) -> None:
    """Remove a folder in which nothing was written."""
    with suppress(OSError):
        if os.listdir(path.parent) == [path.name]:
            path.unlink()
            path.parent.rmdir()
