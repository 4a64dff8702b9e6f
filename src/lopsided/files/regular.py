"""Regular files: pipes, devices and folders are refused where one is expected, since a read of them may never end."""

import os
import stat
from pathlib import Path

from lopsided.files.errors import DataError


def check_regular(path: str | Path, *, wanted: str = "a file") -> os.stat_result:
    """What the system says about a regular file, which the error calls ``wanted``; links to files are followed.

    Raises:
        DataError: There is no such file, or it is a folder, a device or a pipe.
    """
    try:
        about = os.stat(path)
    except (OSError, ValueError) as error:  # the second: a path that no file can have
        raise DataError(f"cannot be read: {getattr(error, 'strerror', error)}", path=path) from error
    if not stat.S_ISREG(about.st_mode):
        kind = "a folder" if stat.S_ISDIR(about.st_mode) else "a device or pipe"
        raise DataError(f"expected {wanted}, got {kind}", path=path)
    return about


def read_bytes(path: str | Path, *, at_most: int | None = None) -> bytes:
    """The content of a file.

    Raises:
        DataError: It cannot be read, is not a regular file, or has more than ``at_most`` bytes.
    """
    size = check_regular(path).st_size
    if at_most is not None and size > at_most:
        raise DataError(f"expected a file of at most {at_most:,} bytes, got {size:,}", path=path)
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path=path) from error
