"""What a frozen backbone makes of every image, computed once and kept on disk, so that a head trains in seconds."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from lopsided.data import Data, ImageOptions, SplitDataset, Table
from lopsided.data.contents.identity import identity_of
from lopsided.files.memory import SHARE, machine_memory
from lopsided.files.whole import whole
from lopsided.models import ImageNetwork, TextNetwork
from lopsided.runs.folder import digest_of_tensors
from lopsided.training.loop.loaders import loader

FORMAT = 2
"""Number of what is kept; raised when images would give other features than those on disk."""

SHARD = 2048  # images in a file; what an interruption loses at most


@dataclass(frozen=True, eq=False)
class FrozenFeatures:
    """Features of the images of a data set.

    Args:
        table: The samples of the data, in its order, with its splits and labels, and with features for inputs.
        unreadable: Samples whose image could not be opened, int64, ascending; all their labels are unknown.
        folder: Where the features are kept.
    """

    table: Table
    unreadable: np.ndarray
    folder: Path


def frozen_features(
    data: Data,
    *,
    network: ImageNetwork | TextNetwork,
    images: ImageOptions,
    cache: Path | None = None,
    batch_size: int = 32,
    workers: int = 0,
    device: torch.device | None = None,
) -> FrozenFeatures:
    """Features of every image, of all splits, without augmentation, for the head of ``network`` to train on.

    Args:
        data: The images.
        network: Its ``features`` are computed, in evaluation mode; it stays on ``device``.
        images: Size and way of resizing; the rest is for training on images.
        cache: Folder for features; by default, that of :func:`default_cache`. What is there for the same images,
            size, backbone and weights is read; an interrupted pass goes on after its last whole file.
        batch_size: Images at a time.
        workers: Processes that open images; 0 opens them here.
        device: Where to compute; by default a GPU if there is one.

    Returns:
        A table of float32 features, ``(samples, features)``, or ``(samples, features, height, width)`` for a head
        that takes maps; on disk they have the same precision.

    Raises:
        ValueError: The features would not fit into the memory of this machine.
    """
    device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
    key = _key(data, network, images)
    name = Path(network.backbone.name).name
    folder = (cache or default_cache()) / f"{name}-{_digest(key)[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    with whole(folder / "about.json") as part:
        part.write_text(json.dumps(key, indent=2) + "\n", encoding="utf-8")
    was_training = network.training
    # Channels last: the same numbers, in some 0.6 of the time on a CPU.
    network.to(device, memory_format=torch.channels_last).eval()  # pyright: ignore[reportCallIssue]
    try:
        shape = _shape(network, images.size, device)
        _check_fits(len(data), shape)
        features, unreadable = _gathered(
            data, network, images, folder, shape, batch_size=batch_size, workers=workers, device=device
        )
    finally:
        network.to(memory_format=torch.contiguous_format).train(was_training)  # pyright: ignore[reportCallIssue]
    return _as_table(data, features, unreadable, folder)


def cached_features(
    data: Data, *, network: ImageNetwork, images: ImageOptions, cache: Path | None = None
) -> FrozenFeatures | None:
    """What :func:`frozen_features` gives, if all of it is on disk; None where anything would have to be computed."""
    folder = (cache or default_cache()) / f"{network.backbone.name}-{_digest(_key(data, network, images))[:16]}"
    if not folder.is_dir():
        return None
    shape = _shape(network.eval(), images.size, next(network.parameters()).device)
    features, unreadable = np.empty((len(data), *shape), np.float32), list[np.ndarray]()
    for rows in _shards(len(data)):
        found = _read_shard(_file(folder, rows), (len(rows), *shape))
        if found is None:
            return None
        features[rows.start : rows.stop] = found[0]
        unreadable.append(found[1])
    return _as_table(data, features, np.sort(np.concatenate(unreadable)), folder)


def default_cache() -> Path:
    """``lopsided/features`` in ``$XDG_CACHE_HOME``, or in ``~/.cache``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lopsided" / "features"


def weights_digest(module: nn.Module) -> str:
    """SHA-256 of a module's weights and statistics, their names and shapes, in hexadecimal digits."""
    return digest_of_tensors(module.state_dict())


def _as_table(data: Data, features: np.ndarray, unreadable: np.ndarray, folder: Path) -> FrozenFeatures:
    labels = data.labels.without(unreadable)
    truth = None if data.truth is None else data.truth.without(unreadable)
    table = Table(data.name, features, labels, data.splits, truth, weights=data.weights)
    return FrozenFeatures(table, unreadable, folder)


def _shards(count: int) -> list[range]:
    return [range(start, min(start + SHARD, count)) for start in range(0, count, SHARD)]


def _key(data: Data, network: ImageNetwork | TextNetwork, options: ImageOptions) -> dict[str, Any]:
    """What decides the features, as JSON."""
    if isinstance(network, TextNetwork):
        return {
            "format": FORMAT,
            "encoder": network.backbone.name,
            "pooling": network.backbone.pooling,
            "weights": weights_digest(network.backbone),
            "texts": len(data),
            "tokens": identity_of(data).inputs,
        }
    return {
        "format": FORMAT,
        "backbone": network.backbone.name,
        "pooled": network.backbone.pooled,
        "weights": weights_digest(network.backbone),
        "pixels": weights_digest(network.pixels),
        "size": options.size,
        "resize": options.resize,
        "images": len(data),
        "files": identity_of(data).inputs,
    }


def _digest(key: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()


def _shape(network: ImageNetwork | TextNetwork, size: int, device: torch.device) -> tuple[int, ...]:
    if isinstance(network, TextNetwork):
        return (network.backbone.num_features,)
    with torch.inference_mode():
        return tuple(network.features(torch.zeros(1, 3, size, size, dtype=torch.uint8, device=device)).shape[1:])


def _check_fits(num_images: int, shape: tuple[int, ...]) -> None:
    needed, there = num_images * math.prod(shape) * 4 / 2**30, machine_memory() / 2**30
    if needed > SHARE * there:
        raise ValueError(
            f"expected features of {num_images} images of shape {shape} to fit into memory ({there:.0f} GiB), "
            f"they take {needed:.0f} GiB: choose model.head=linear, a smaller data.image_size, or model.frozen=false"
        )


def _gathered(
    data: Data,
    network: ImageNetwork | TextNetwork,
    options: ImageOptions,
    folder: Path,
    shape: tuple[int, ...],
    *,
    batch_size: int,
    workers: int,
    device: torch.device,
) -> tuple[np.ndarray, np.ndarray]:
    """Features of all images and the rows of unreadable ones: from the files that are there, else computed."""
    features = np.empty((len(data), *shape), np.float32)
    unreadable: list[np.ndarray] = []
    missing: list[range] = []
    for rows in _shards(len(data)):
        found = _read_shard(_file(folder, rows), (len(rows), *shape))
        if found is None:
            missing.append(rows)
        else:
            features[rows.start : rows.stop] = found[0]
            unreadable.append(found[1])
    batches: list[list[int]] = []
    ends: dict[int, range] = {}
    for rows in missing:
        order = list(data.by_length(rows))
        batches += [order[at : at + batch_size] for at in range(0, len(order), batch_size)]
        ends[order[-1]] = rows
    done = len(data) - sum(len(rows) for rows in missing)
    bad: list[int] = []
    with tqdm(total=len(data), initial=done, desc="features", unit="sample", disable=None, leave=False) as bar:
        for batch, values in _computed(data, network, options, batches, workers=workers, device=device):
            rows = batch["rows"].numpy()
            features[rows] = values.numpy()
            bad += batch["unreadable"].tolist() if "unreadable" in batch else []
            bar.update(len(rows))
            if (shard := ends.get(int(rows[-1]))) is not None:
                _write_shard(_file(folder, shard), features[shard.start : shard.stop], np.array(bad, np.int64))
                unreadable.append(np.array(bad, np.int64))
                bad = []
    return features, np.sort(np.concatenate(unreadable))


def _computed(
    data: Data,
    network: ImageNetwork | TextNetwork,
    options: ImageOptions,
    batches: list[list[int]],
    *,
    workers: int,
    device: torch.device,
) -> Iterator[tuple[dict[str, Tensor], Tensor]]:
    if not batches:
        return
    in_one_split = dataclasses.replace(data, splits=np.full(len(data), "all"))  # so that positions are rows
    dataset = SplitDataset(in_one_split, split="all", options=options)
    with torch.inference_mode():
        for batch in loader(dataset, batches, workers=workers):
            inputs = batch["inputs"].to(device)
            if inputs.dim() == 4:
                inputs = inputs.contiguous(memory_format=torch.channels_last)
            yield batch, network.features(inputs).float().cpu()


def _file(folder: Path, rows: range) -> Path:
    return folder / f"{rows.start:09d}.npz"


def _read_shard(path: Path, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray] | None:
    """Features and unreadable rows of a file, or None where there is no such file, or one that is damaged."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            features, unreadable = arrays["features"], arrays["unreadable"]
    except Exception:  # a damaged archive may fail anywhere
        return None
    return (features, unreadable) if _is_shard(features, unreadable, shape) else None


def _is_shard(features: object, unreadable: object, shape: tuple[int, ...]) -> bool:
    return (
        isinstance(features, np.ndarray)
        and isinstance(unreadable, np.ndarray)
        and (features.shape, features.dtype) == (shape, np.float32)
        and unreadable.ndim == 1
        and unreadable.dtype == np.int64
    )


def _write_shard(path: Path, features: np.ndarray, unreadable: np.ndarray) -> None:
    with whole(path) as part, part.open("wb") as file:
        np.savez(file, features=features, unreadable=unreadable)
