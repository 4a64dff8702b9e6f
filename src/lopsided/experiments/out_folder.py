"""The folder that a sweep writes to: for one sweep at a time, by one worker or many, and for one data set."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from lopsided.data import Data
from lopsided.data.contents.identity import Identity, identity_of, what_changed
from lopsided.runs.formats import FORMAT, check_format
from lopsided.runs.json_files import write_json
from lopsided.runs.lock import HeldError, held
from lopsided.runs.reading import read_json


@contextmanager
def working_in(out: Path, *, study: str, data: Data) -> Iterator[None]:
    """Be one of the workers of a sweep inside the block.

    Args:
        out: The folder, made if it is not there. ``data.json`` in it says what its results were made on.
        study: Name of the sweep's study; workers of one study share the folder.
        data: What this worker trains on.

    Raises:
        ValueError: The folder holds results on other data, or a worker of another sweep is at work there.
    """
    out.mkdir(parents=True, exist_ok=True)
    own = out / f"worker-{study}-{os.getpid()}-{secrets.token_hex(4)}.lock"
    with outputs_lock(out):
        _check_data(out, data)
        for path in sorted(out.glob("worker-*.lock")):
            _check_worker(path, out, study)
        mine = held(own, out)
        mine.__enter__()
    try:
        yield
    finally:
        own.unlink(missing_ok=True)
        mine.__exit__(None, None, None)


def check_asked(before: Mapping[str, Any], now: Mapping[str, Any], *, what: str) -> None:
    """Refuse to go on with, or to take the place of, what was made of something else.

    Args:
        before: What decided the results that are there, by name.
        now: The same of what is asked for; a name that one of them lacks counts as None.
        what: What was begun, in words.

    Raises:
        ValueError: They differ; it names the first that does.
    """
    for name in {**before, **now}:
        if before.get(name) != now.get(name):
            raise ValueError(
                f"expected {name} to be {_shown(before.get(name))}, as when {what} was begun, got "
                f"{_shown(now.get(name))}: name another --out"
            )


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(f"{part:g}" if isinstance(part, float) else str(part) for part in value)
    return "left out" if value is None else str(value)


def outputs_lock(out: Path) -> FileLock:
    """Held by a worker that writes the results: workers end at about the same time, and write the same files."""
    return FileLock(out / "outputs.lock")


def _check_data(out: Path, data: Data) -> None:
    """Refuse a folder with results on other data; note in a new one what its results are made on."""
    path = out / "data.json"
    if not path.is_file():
        write_json(path, {"format": FORMAT, "identity": identity_of(data).plain()})
        return
    kept = read_json(path)
    check_format(path, kept.get("format"))
    try:
        was = Identity.of(kept.get("identity"))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    change = what_changed(was, data)
    if change is not None:
        raise ValueError(
            f"expected the data that the results in {out} were made on, got data in which {change}: name another --out "
            "(these results stay), or bring the old data back"
        )


def _check_worker(path: Path, out: Path, study: str) -> None:
    """Refuse to work beside a worker of another sweep; what a killed one left is removed."""
    try:
        with held(path, out):
            path.unlink()
    except HeldError as error:
        if not path.name.startswith(f"worker-{study}-"):
            raise ValueError(f"{error}, for another sweep: name another --out") from None
