"""How much of this machine's memory data may take, asked before any of it is taken."""

import os
from pathlib import Path

from lopsided.files.errors import DataError

SHARE = 0.8
"""Share of the memory that one file's content may take."""


def check_memory(num_bytes: int, *, what: str, path: str | Path) -> None:
    """Refuse a file whose content, called ``what`` in the error, would take more than this machine can hold.

    Raises:
        DataError: The content has more bytes than four fifths of the memory.
    """
    limit = SHARE * machine_memory()
    if num_bytes > limit:
        came = f"{num_bytes / 2**30:,.0f} GiB"
        raise DataError(
            f"expected {what} of at most {limit / 2**30:,.1f} GiB ({SHARE:.0%} of memory), got {came}", path=path
        )


def machine_memory() -> float:
    """Bytes of memory of this machine; infinite where the system does not say."""
    if "SC_PHYS_PAGES" not in getattr(os, "sysconf_names", {}):
        return float("inf")
    return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
