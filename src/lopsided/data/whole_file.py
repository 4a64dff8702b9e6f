"""Files that are whole or absent, whenever the process ends and whatever the disk does."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ABANDONED = 600  # seconds in which nothing was written to a part that others may be writing


@contextmanager
def whole(path: Path, *, shared: bool = False) -> Iterator[Path]:
    """A file ``NAME.part`` beside the wanted one to write to; it takes its place where the block ends well.

    Where it does not, the part is removed; the part of a killed process is written over the next time.

    Args:
        path: The wanted file.
        shared: Other processes may write the same file now. Each has a part of its own then, and parts of killed ones
            are removed once nothing has been written to them for ten minutes.

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
    part = path.with_name(f"{path.name}.{os.getpid()}.part" if shared else f"{path.name}.part")
    if shared:
        _remove_abandoned(path)
    try:
        with named(path, part):
            yield part
            with part.open("rb+") as file:  # after a power cut the name must not stand for what never reached the disk
                os.fsync(file.fileno())
            os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def append_lines(path: Path, text: str) -> None:
    """Append to a file at once; where that fails, the file is left as it was.

    Args:
        path: The file.
        text: Whole lines, written as UTF-8.

    Raises:
        OSError: It cannot be written.
    """
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
    """Errors of writing to a file with its name, which a full disk leaves out; those about another file as they are.

    Args:
        path: The file.
        part: What it is called while it is written.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(path), str(part)):
            raise
        raise OSError(error.errno, f"cannot be written: {os.strerror(error.errno)}", str(path)) from error


def _remove_abandoned(path: Path) -> None:
    try:
        for part in path.parent.iterdir():
            ours = part.name.startswith(f"{path.name}.") and part.suffix == ".part"
            if ours and time.time() - part.stat().st_mtime > _ABANDONED:
                part.unlink()
    except OSError:  # another process was faster, or there is no such folder, which the writing will tell
        return
