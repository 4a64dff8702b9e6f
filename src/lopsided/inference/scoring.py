"""From a trained run and data to probabilities, batch by batch."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from lopsided.data import Data, SplitDataset
from lopsided.files.errors import counted, quoted
from lopsided.inference.processes import Order, Share, sharing
from lopsided.metrics import CollectedScores
from lopsided.models.last_layer import last_layer
from lopsided.runs.folder import Trained
from lopsided.training.loop.loaders import EpochBatches, loader, num_workers


def scored_batches(
    trained: Trained, data: Data, *, split: str, batch_size: int, workers: int | None = None
) -> Iterator[tuple[Tensor, dict[str, Tensor]]]:
    """Logits of every batch of a split, in order, with a progress bar on a terminal.

    Where processes share the data (:func:`lopsided.inference.processes.shared`), each computes some of the batches.

    Args:
        trained: The network.
        data: The data, with inputs of the kind that the network was trained on.
        split: One of its splits.
        batch_size: Samples at a time; does not change the logits.
        workers: Processes that open images; by default one for each core up to 8.

    Yields:
        Logits of shape ``(samples, labels)`` on the CPU, and the batch.

    Raises:
        ValueError: The inputs are of another kind or shape, or have other named features.
    """
    return _batches(trained, data, split, batch_size, workers=workers, features=False)


def features_of(trained: Trained, data: Data, *, split: str, batch_size: int) -> tuple[Tensor, list[int]]:
    """What goes into the last layer of a network that :func:`last_layer` takes apart, of a whole split, in order.

    Returns:
        Features of shape ``(samples, width)``, and the numbers of samples whose image could not be opened.
    """
    found, unreadable = list[Tensor](), list[int]()
    for features, batch in _batches(trained, data, split, batch_size, features=True):
        found.append(features)
        unreadable += batch["unreadable"].tolist() if "unreadable" in batch else []
    return torch.cat(found), unreadable


def _batches(
    trained: Trained, data: Data, split: str, batch_size: int, *, features: bool, workers: int | None = None
) -> Iterator[tuple[Tensor, dict[str, Tensor]]]:
    if (processes := sharing(data)) is not None:
        order = Order(split, batch_size, len(data.rows(split)), trained.weights, features)
        return processes.gathered(order, trained, data, computed)
    return computed(trained, data, split, batch_size, Share(), workers=workers, features=features)


def computed(
    trained: Trained,
    data: Data,
    split: str,
    batch_size: int,
    share: Share,
    *,
    workers: int | None = None,
    features: bool = False,
) -> Iterator[tuple[Tensor, dict[str, Tensor]]]:
    """The batches that one process computes; takes and raises what :func:`scored_batches` does.

    Args:
        share: Which of the batches.
        features: Give what goes into the last layer in the place of logits, and no targets.
    """
    data = as_trained(trained, data)
    place = share.device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = trained.model
    if features:
        last = last_layer(model.eval())
        assert last is not None
        model = last.body.eval()
    model = model.to(place, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    dataset = SplitDataset(data, split=split, options=trained.images, sparse_targets=features)
    batches = EpochBatches(len(dataset), batch_size, seed=None, rank=share.rank, num_ranks=share.count)
    with torch.inference_mode():
        for batch in tqdm(
            loader(dataset, batches, workers=num_workers(workers, data, devices=share.count)),
            desc=split,
            unit="batch",
            disable=None,
            leave=False,
        ):
            inputs = batch["inputs"].to(place)
            if inputs.dim() == 4:
                inputs = inputs.contiguous(memory_format=torch.channels_last)
            yield model(inputs).float().cpu(), batch


def as_trained(trained: Trained, data: Data) -> Data:
    """The data with the inputs that a network was trained on; raises what :func:`scored_batches` does."""
    if trained.preparation is not None:
        data = trained.preparation.apply(data)
    data, left_out = data.with_features(trained.inputs.names)
    if left_out:
        named = ", ".join(map(quoted, left_out[:5])) + (" and more" if len(left_out) > 5 else "")
        columns = counted(len(left_out), "column")
        print(f"{data.name}: left out {columns} that the run does not know: {named}", file=sys.stderr)
    if trained.inputs.kind == "sparse":
        data, unseen = data.with_width(trained.inputs.shape[0])
        if unseen:
            print(f"{data.name}: left out {counted(unseen, 'feature')} that no sample of the run had", file=sys.stderr)
    (wanted, shape), came = (trained.inputs.kind, trained.inputs.shape), data.inputs(trained.images)
    if (wanted, shape) != (came.kind, came.shape):
        raise ValueError(
            f"expected inputs such as the run's, {wanted} of shape {shape}, got {came.kind} of shape {came.shape}"
        )
    return data


@dataclass(frozen=True, eq=False)
class Scores:
    """What a network says about the samples of a split, on the CPU."""

    logits: Tensor  # (samples, labels)
    targets: Tensor  # bool, of that shape
    mask: Tensor | None  # bool, True where known; None where all is
    unreadable: list[int]  # numbers of the samples whose image could not be opened


def collected(trained: Trained, data: Data, *, split: str, batch_size: int) -> Scores:
    """Logits and targets of a whole split, in order; takes and raises what :func:`scored_batches` does."""
    scores, unreadable = CollectedScores(), list[int]()
    for logits, batch in scored_batches(trained, data, split=split, batch_size=batch_size):
        scores.update(logits, batch["targets"], batch.get("mask"))
        unreadable += batch["unreadable"].tolist() if "unreadable" in batch else []
    return Scores(*scores.tensors(), unreadable)


@dataclass(frozen=True)
class Coverage:
    """Which labels a mean over labels covers."""

    measured: int  # labels with a known positive: the only ones that have an average precision
    always_true: tuple[int, ...]  # labels without a known negative among them, whose average precision is 1 by itself


def coverage(targets: Tensor, mask: Tensor | None) -> Coverage:
    """Which labels targets of shape ``(samples, labels)`` measure; ``mask`` is True where known, None for all."""
    known = torch.ones_like(targets, dtype=torch.bool) if mask is None else mask
    positives, negatives = ((side & known).any(dim=0) for side in (targets.bool(), ~targets.bool()))
    return Coverage(int(positives.sum()), tuple((positives & ~negatives).nonzero().flatten().tolist()))


def default_split(data: Data) -> str:
    """The split to report results on: test, else val, else the first."""
    return next((split for split in ("test", "val") if split in data.split_names), data.split_names[0])


def same_labels(trained: Trained, data: Data) -> None:
    """Refuse data whose labels are not those of the run, in the same order; the error names the first difference."""
    wanted, came = np.array(trained.labels), np.array(data.labels.names)
    if len(wanted) != len(came):
        raise ValueError(f"expected the data to have the {len(wanted)} labels of the run, got {len(came)}")
    if (wanted != came).any():
        first = int(np.argmax(wanted != came))
        raise ValueError(f"expected label {first} to be {str(wanted[first])!r} as in the run, got {str(came[first])!r}")
