"""Files that are whole or absent, whenever the process ends and whatever the disk does."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

try:
    import fcntl as _fcntl
except ImportError:  # Windows, where nobody can remove a file that another process has open
    _fcntl = None

_fcntl: Any
_ABANDONED = 600  # seconds in which nothing was written to a part, where there are no locks to tell
_held: set[int] = set()  # descriptors of what this process writes


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A file ``NAME.PID-RANDOM.part`` beside the wanted one to write to; it takes its place where the block ends well.

    Every writer has a part of its own, so that of two that write the same file at once the last one wins, whole. Where
    the block does not end well, the part is removed. The part of a killed process is removed by the next writer: a
    writer holds a lock on its part, which ends with the process, on whichever machine that is.

    Args:
        path: The wanted file.

    Raises:
        OSError: It cannot be written: the disk is full, the folder is gone or read-only.

    Example:
        >>> from tempfile import mkdtemp
        >>> path = Path(mkdtemp()) / "a.txt"
        >>> with whole(path) as part:
        ...     _ = part.write_text("all of it")
        >>> path.read_text()
        'all of it'
    """
    part = _own_part(path)
    try:
        with named(path, part):
            _remove_abandoned(path)
            with _locked(lambda: os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)):
                yield part
                with part.open("rb+") as file:  # after a power cut the name must not stand for what is not on the disk
                    os.fsync(file.fileno())
                os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def folder_for(path: Path) -> Iterator[Path]:
    """A hidden folder beside a file, for what is to become that file; removed at the end, as are those that killed
    processes left for it."""
    hidden = path.with_name(f".{path.name}")
    folder = _own_part(hidden)

    def make() -> int:
        folder.mkdir()
        return os.open(folder if _fcntl else os.devnull, os.O_RDONLY)  # Windows opens no folders

    _remove_abandoned(hidden)
    try:
        with named(path, folder), _locked(make):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def append_lines(path: Path, text: str) -> None:
    """Append whole lines to a file at once, as UTF-8; where that fails, the file is left as it was."""
    rest = memoryview(text.encode())
    with named(path), path.open("ab", buffering=0) as file:
        size = file.tell()
        try:
            while rest:  # a disk that is nearly full takes a part, and says so the next time
                rest = rest[file.write(rest) :]
        except BaseException:
            file.truncate(size)
            raise


@contextmanager
def named(path: Path, part: Path | None = None) -> Iterator[None]:
    """Give errors of writing to a file (or to its part) the file's name, which those of a full disk lack."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(path), str(part)):
            raise
        raise OSError(error.errno, f"cannot be written: {os.strerror(error.errno)}", str(path)) from error


def _stem(path: Path) -> str:
    """What the names of its parts begin with; shorter than a name may be."""
    return os.fsdecode(os.fsencode(path.name)[:200])


def _own_part(path: Path) -> Path:
    return path.with_name(f"{_stem(path)}.{os.getpid()}-{secrets.token_hex(4)}.part")


@contextmanager
def _locked(make: Callable[[], int]) -> Iterator[None]:
    """Hold the lock on a file or folder that ``make`` makes and opens; forked processes do not inherit it."""
    number = make()
    if _fcntl is None:
        os.close(number)  # or it could not be renamed
        yield
        return
    _forget_in_children()
    _try_lock(number, wait=True)
    while not os.fstat(number).st_nlink:  # somebody took it for abandoned before it was locked
        os.close(number)
        number = make()
        _try_lock(number, wait=True)
    _held.add(number)
    try:
        yield
    finally:
        _held.discard(number)
        os.close(number)


@cache
def _forget_in_children() -> None:
    def close_held() -> None:
        while _held:
            with suppress(OSError):
                os.close(_held.pop())

    os.register_at_fork(after_in_child=close_held)


def _try_lock(number: int, *, wait: bool) -> bool:
    """Whether the lock on an open file is ours now; on a disk without locks it never is."""
    try:
        _fcntl.flock(number, _fcntl.LOCK_EX if wait else _fcntl.LOCK_EX | _fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _remove_abandoned(path: Path) -> None:
    """Remove what killed processes left; older versions called it ``NAME.part`` and ``NAME.PID.part``."""
    theirs = re.compile(re.escape(_stem(path)) + r"(\.\d+(-[0-9a-f]{8})?)?\.part", re.DOTALL)
    try:
        parts = [entry.path for entry in os.scandir(path.parent) if theirs.fullmatch(entry.name)]
    except OSError:  # there is no such folder, which the writing will tell
        return
    for part in parts:
        with suppress(OSError):  # another process was faster
            _remove_if_free(part)


def _remove_if_free(part: str) -> None:
    if _fcntl is None:
        if time.time() - os.stat(part).st_mtime > _ABANDONED:
            _remove(part)  # fails where it is still written
        return
    number = os.open(part, os.O_NOFOLLOW | (os.O_RDONLY if os.path.isdir(part) else os.O_RDWR))
    try:
        if _try_lock(number, wait=False):
            _remove(part)
    finally:
        os.close(number)


def _remove(part: str) -> None:
    shutil.rmtree(part) if os.path.isdir(part) else os.unlink(part)
