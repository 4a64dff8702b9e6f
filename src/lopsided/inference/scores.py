"""Logits of a split, computed once and kept in the run, for every verb that reads them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lopsided.data import Data, DataError
from lopsided.files.regular import check_regular
from lopsided.files.whole import whole
from lopsided.inference.scoring import Scores, collected, features_of, scored_batches
from lopsided.models import ImageNetwork
from lopsided.models.last_layer import last_layer
from lopsided.runs.config import Config
from lopsided.runs.folder import RunFolder, Trained
from lopsided.training.frozen_features import cached_features

FORMAT = 1
"""Of a file of kept logits; raised when older ones could be other than what is computed now."""

MOST_BYTES = 2**30
"""Of all kept logits of a run together; the oldest go first, and a split that is larger is not kept."""


def scores_of(
    run: RunFolder, trained: Trained, data: Data, *, split: str, source: str | None = None, keep: bool = True
) -> Scores:
    """Logits and targets of a split: those that were kept, where nothing that decides them has changed, else new ones.

    Kept logits lie in ``scores/`` in the run. They belong to the weights, to the contents of the samples, all bytes of
    image files included, and to the options by which these become inputs. Targets are always those of ``data``.

    Args:
        run: The run.
        trained: Its network.
        data: The data, with the labels of the run.
        split: One of its splits.
        source: Where the data comes from, if it is not the run's own.
        keep: Read and write kept logits; False computes them anew and leaves no file.

    Raises:
        ValueError: The inputs are of another kind or shape than the run's, or a kept file is damaged.
    """
    if not keep:
        return _computed(trained, data, run.config(), split)
    path, key = _place(run, split, source), _key(trained, data, run.config(), split)
    found = _read(path, key, samples=len(data.rows(split)), width=len(trained.labels))
    if found is None:
        scores = _computed(trained, data, run.config(), split)
        _write(path, key, scores.logits, scores.unreadable)
        return scores
    logits, unreadable = found
    targets, mask = data.labels.without(unreadable).dense(data.rows(split))
    known = None if mask is None else torch.from_numpy(mask)
    return Scores(torch.from_numpy(logits), torch.from_numpy(targets), known, unreadable.tolist())


def last_features(
    run: RunFolder, trained: Trained, data: Data, *, split: str, source: str | None = None, keep: bool = True
) -> tuple[Tensor, list[int]]:
    """What goes into the last layer, shape ``(samples, width)``, and the samples whose image could not be opened.

    It is kept as logits are, and takes and raises what :func:`scores_of` does.
    """
    last = last_layer(trained.model)
    assert last is not None
    path, key = _place(run, split, source, features=True), {}
    if keep:
        key = _key(trained, data, run.config(), split)
        found = _read(path, key, samples=len(data.rows(split)), width=last.width)
        if found is not None:
            return torch.from_numpy(found[0]), found[1].tolist()
    size, of_head = run.config().training.batch_size, _by_head(trained, data)
    if of_head is None:
        features, unreadable = features_of(trained, data, split=split, batch_size=size)
    else:
        head, table, bad = of_head
        features, _ = features_of(head, table, split=split, batch_size=size)
        unreadable = np.intersect1d(bad, data.rows(split)).tolist()
    if keep:
        _write(path, key, features, unreadable)
    return features, unreadable


def batches_of(
    run: RunFolder, trained: Trained, data: Data, *, split: str, source: str | None = None, keep: bool = True
) -> Iterator[tuple[Tensor, dict[str, Tensor]]]:
    """Logits of a split in pieces, with ``rows`` and ``unreadable`` of each: kept ones, else computed and not kept.

    What is computed is never in memory as a whole; takes and raises what :func:`scores_of` does.
    """
    config, rows = run.config(), data.rows(split)
    size, found = config.training.batch_size, None
    if keep and (path := _place(run, split, source)).exists():
        key = _key(trained, data, config, split)
        found = _read(path, key, samples=len(rows), width=len(trained.labels))
    if found is not None:
        logits, unreadable = (torch.from_numpy(part) for part in found)
        for start in range(0, len(rows), size):
            piece = slice(start, start + size)
            yield logits[piece], {"rows": torch.from_numpy(rows[piece]), "unreadable": unreadable}
        return
    of_head = _by_head(trained, data)
    if of_head is None:
        yield from scored_batches(trained, data, split=split, batch_size=size)
        return
    head, features, bad = of_head
    for logits, batch in scored_batches(head, features, split=split, batch_size=size):
        yield logits, {**batch, "unreadable": torch.from_numpy(bad)}


def _computed(trained: Trained, data: Data, config: Config, split: str) -> Scores:
    of_head = _by_head(trained, data)
    if of_head is None:
        return collected(trained, data, split=split, batch_size=config.training.batch_size)
    head, features, bad = of_head
    scores = collected(head, features, split=split, batch_size=config.training.batch_size)
    return dataclasses.replace(scores, unreadable=np.intersect1d(bad, data.rows(split)).tolist())


def _by_head(trained: Trained, data: Data) -> tuple[Trained, Data, np.ndarray] | None:
    """Of a frozen backbone whose features of all images are cached: the head, the features, and unreadable samples."""
    model = trained.model
    if not (data.opens_files and isinstance(model, ImageNetwork) and model.frozen):
        return None
    found = cached_features(data, network=model, images=trained.images)
    if found is None:
        return None
    return dataclasses.replace(trained, model=model.head, inputs=found.table.inputs()), found.table, found.unreadable


def _place(run: RunFolder, split: str, source: str | None, *, features: bool = False) -> Path:
    said = [split, source, *(["features"] if features else [])]
    digest = hashlib.sha256(json.dumps(said).encode()).hexdigest()[:8]
    return run.scores / f"{re.sub(r'[^A-Za-z0-9_-]', '_', split)[:40]}-{digest}.npz"


def _key(trained: Trained, data: Data, config: Config, split: str) -> dict[str, str]:
    """Digests of all that decides the logits, by what an error calls them."""
    data, _ = data.with_features(trained.inputs.names)
    inputs = hashlib.sha256()
    for digest in data.whole_digests(data.rows(split).tolist()):
        inputs.update(digest)
    came = data.inputs(trained.images)
    options = [dataclasses.asdict(part) for part in (config.model, trained.images, trained.inputs, came)]
    prepared = None if trained.preparation is None else trained.preparation.digest
    said = hashlib.sha256(json.dumps([options, prepared], sort_keys=True).encode()).hexdigest()
    return {"format": str(FORMAT), "weights": trained.weights, "samples": inputs.hexdigest(), "options": said}


def _read(path: Path, key: dict[str, str], *, samples: int, width: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Kept logits and the numbers of samples that could not be opened; None where there are none for this key.

    Raises:
        DataError: The file is damaged.
    """
    if not path.exists():
        return None
    try:
        if check_regular(path).st_size > 2 * MOST_BYTES:
            raise ValueError("a larger file")
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in arrays.zip.infolist()):
                raise ValueError("a packed file")
            made_for = json.loads(str(arrays["key"]))
            stale = [name for name in key if made_for[name] != key[name]]
            if stale:
                print(f"{path}: not used, made for other {' and '.join(stale)}; computing anew", file=sys.stderr)
                return None
            logits, unreadable = arrays["logits"], arrays["unreadable"]
        if (logits.shape, logits.dtype) != ((samples, width), np.float32) or unreadable.dtype != np.int64:
            raise ValueError(f"logits of shape {logits.shape}")
    except Exception as error:  # a damaged archive may fail anywhere
        came = str(error)[:80] or type(error).__name__
        raise DataError(
            f"expected kept logits, got a damaged file ({came}): remove it, or add --no-keep", path=path
        ) from error
    return logits, unreadable


def _write(path: Path, key: dict[str, str], logits: Tensor, unreadable: list[int]) -> None:
    """Keep logits, or features, if they are few enough and the folder can be written."""
    if logits.nbytes > MOST_BYTES:
        return
    about: dict[str, Any] = {"key": np.array(json.dumps(key)), "unreadable": np.array(unreadable, np.int64)}
    try:
        path.parent.mkdir(exist_ok=True)
        with whole(path) as part, part.open("wb") as file:
            np.savez(file, logits=logits.float().numpy(), **about)
        kept = sorted(path.parent.glob("*.npz"), key=lambda one: one.stat().st_mtime_ns, reverse=True)
        total = 0
        for one in kept:
            total += one.stat().st_size
            if total > MOST_BYTES and one != path:
                one.unlink(missing_ok=True)
    except OSError as error:  # of a run that can only be read, or on a full disk: the scores are there all the same
        print(f"{path.parent}: logits are not kept: {error.strerror}", file=sys.stderr)
