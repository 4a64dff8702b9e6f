"""The number of the format that run folders, and what is kept beside them, are written in."""

from __future__ import annotations

from typing import Any

import lopsided

FORMAT = 1
"""Of a run's environment.json, checkpoints, calibration, thresholds and evaluation, and of a sweep's study; raised
when an older reader could not read them. What has no number has the first."""


def check_format(what: object, found: Any = None) -> None:
    """Refuse what a newer version wrote, by the number that stands there; None, for no number, counts as 1.

    Raises:
        ValueError: The number is higher than this version knows, or no number of a format.

    >>> check_format("runs/old/environment.json")
    >>> check_format("runs/new/environment.json", FORMAT + 1)
    Traceback (most recent call last):
    ...
    ValueError: runs/new/environment.json has format 2, made by a newer lopsided than this (0.1.0 reads up to 1): ...
    """
    number = 1 if found is None else found
    if type(number) is not int or number < 1:
        raise ValueError(f"expected {what} to have the number of a format, 1 to {FORMAT}, got {number!r:.60}")
    if number > FORMAT:
        raise ValueError(
            f"{what} has format {number}, made by a newer lopsided than this ({lopsided.__version__} reads up to "
            f"{FORMAT}): upgrade it, pip install --upgrade lopsided"
        )
