"""The data of a run: found again from any folder, and refused where it is no longer what the run was trained on."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from lopsided.data import Data, read_source
from lopsided.data.contents.identity import Identity, what_changed
from lopsided.data.source import for_new_data, is_source, split_source
from lopsided.runs import frequencies
from lopsided.runs.config import Config
from lopsided.runs.folder import RunFolder
from lopsided.runs.formats import FORMAT
from lopsided.runs.json_files import write_json
from lopsided.runs.reading import read_json

__all__ = ["data_for", "own_data"]


def data_for(run: RunFolder, source: str | None) -> Data:
    """The data that a verb is to look at, with the labels of the run.

    Args:
        run: A trained run.
        source: Other data, which is taken whole: no validation samples are set aside. None: the run's own.

    Raises:
        ValueError: It cannot be read, has labels that the run does not know, or is no longer the run's own.
    """
    if source is None:
        return own_data(run)
    config = run.config()
    return read_source(source, for_new_data(config.data, source), seed=config.seed, label_names=run.labels())


def validation_split(data: Data, *, own: bool) -> str:
    """What is fitted to by default: the validation split, or the only split of data that is not the run's own.

    Raises:
        ValueError: Other data has several splits, none of them for validation.
    """
    if own or "val" in data.split_names:
        return "val"
    first, *others = data.split_names
    if others:
        raise ValueError(
            f"expected --split, the part of {data.name} to use, got none, of {', '.join(data.split_names)}"
        )
    return first


def own_data(run: RunFolder) -> Data:
    """What the run was trained on, with its other splits.

    It is looked for where it lay when the run was trained, then by the same path relative to the run's folder, then
    where the configuration says, relative to the current folder; only data with the same contents counts. For runs of
    versions that kept no identity, the configuration alone decides.

    Raises:
        ValueError: It is not found, or has changed; the message says how.
    """
    config, was = run.config(), run.identity()
    if was is None:
        return read_source(config.source, config.data, seed=config.seed, label_names=run.labels())
    return _found(run, was)[1]


def own_source(run: RunFolder) -> str:
    """Where the run's own data lies, for another run that is started from the current folder.

    Raises:
        ValueError: It is not found below the current folder, and other data lies in the other places.
    """
    there, was = sources_of(run), run.identity()
    return there[0] if len(there) == 1 or was is None else _found(run, was)[0]


def _found(run: RunFolder, was: Identity) -> tuple[str, Data]:
    """The first place where the data of a run is what it was, and the data."""
    config = run.config()
    missed, changed = list[Exception](), list[str]()
    for source in sources_of(run):
        try:
            data = read_source(source, config.data, seed=config.seed)
        except (ValueError, OSError) as error:
            missed.append(error)
            continue
        change = what_changed(was, data)
        if change is None:
            return source, data
        changed.append(f"expected the data that {run.path} was trained on, got {source}, in which {change}")
    if not changed:
        raise missed[0]
    raise ValueError(f"{changed[0]}: train again, or name data to use instead: lopsided VERB {run.path} SOURCE")


def relabelled_data(run: RunFolder, source: str, *, check: bool = True) -> Data:
    """The run's own data as it is now, in the place that :func:`is_own` knows; its labels may have been corrected.

    Raises:
        ValueError: It cannot be read or, with ``check``, its samples or splits have changed; the message says what.
    """
    config, was = run.config(), run.identity()
    data = read_source(source, config.data, seed=config.seed, label_names=run.labels())
    change = what_changed(was, data, labels=False) if check and was is not None else None
    if change is not None:
        raise ValueError(
            f"expected the samples and splits that {run.path} was trained on, got {source}, in which {change}: rows "
            "may be others now, and the run may have been trained on what it is to judge; train again"
        )
    return data


def is_own(run: RunFolder, source: str) -> bool:
    """Whether a source lies where the data of the run does, however it is written."""
    return any(same_place(source, own) for own in sources_of(run))


def same_place(one: str, other: str) -> bool:
    """Whether two sources are of one kind and lie in one place, however it is written.

    >>> same_place("table:a/../b.csv", "table:b.csv"), same_place("table:b.csv", "listing:b.csv")
    (True, False)
    """
    (kind, _, place), (its_kind, _, its_place) = one.partition(":"), other.partition(":")
    return kind == its_kind and Path(place).expanduser().resolve() == Path(its_place).expanduser().resolve()


def sources_of(run: RunFolder) -> list[str]:
    """Where the data of a run may lie, the likeliest first."""
    source = run.config().source
    kind, place = split_source(source)
    if not place:
        return [source]
    try:
        kept = read_json(run.data_file)
    except ValueError:  # of an older version, lost or damaged: the configuration says where
        kept = {}
    paths = []
    if isinstance(path := kept.get("path"), str):
        paths.append(Path(path))
    if isinstance(path := kept.get("from_run"), str):
        paths.append(run.path / path)
    here = Path(place).expanduser().resolve()
    others = [path for path in dict.fromkeys(path.resolve() for path in paths) if path != here]
    if kept.get("path") == str(here):
        return [source, *(f"{kind}:{path}" for path in others)]
    return [*(f"{kind}:{path}" for path in others), source]


def write_data_file(run: RunFolder, config: Config, identity: Identity, data: Data) -> None:
    """Keep where the data of a run lies, the identity of it, and how frequent its labels are in training."""
    place = split_source(config.source)[1] if is_source(config.source) else ""  # data that a caller made
    where: dict[str, Any] = {}
    if place:
        path = Path(place).expanduser().resolve()
        where["path"] = str(path)
        with suppress(ValueError):  # another drive
            where["from_run"] = os.path.relpath(path, run.path.resolve())
    about = {"format": FORMAT, "source": config.source, **where, "identity": identity.plain()}
    write_json(run.data_file, {**about, **frequencies.plain(data)})
