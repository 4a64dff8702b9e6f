"""From a trained run and data to probabilities, batch by batch."""

from __future__ import annotations

import dataclasses
import difflib
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from lopsided.data import Data, Table
from lopsided.files.errors import quoted
from lopsided.metrics import CollectedScores
from lopsided.runs.folder import Trained
from lopsided.training.loop.loaders import EpochBatches, dataset_of, loader, num_workers


def scored_batches(
    trained: Trained, data: Data, *, split: str, batch_size: int, workers: int | None = None
) -> Iterator[tuple[Tensor, dict[str, Tensor]]]:
    """Logits of every batch of a split, in order, with a progress bar on a terminal.

    Args:
        trained: The network.
        data: The data; its inputs must be such as the network was trained on.
        split: One of its splits.
        batch_size: Samples at a time; does not change the logits.
        workers: Processes that open images; by default one for each core up to 8.

    Yields:
        Logits of shape ``(samples, labels)`` on the CPU, and the batch.

    Raises:
        ValueError: The inputs are of another kind or shape, or have other named features.
    """
    if isinstance(data, Table):
        data = _features_of_run(trained, data)
        if data.input_shape != trained.input_shape:
            raise ValueError(
                f"expected inputs to have the shape of the run's {trained.input_shape}, got {data.input_shape}"
            )
    elif trained.input_shape != (3, trained.images.size, trained.images.size):
        raise ValueError(f"expected inputs to have the shape of the run's {trained.input_shape}, got images")
    place = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = trained.model.to(place, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    dataset = dataset_of(data, split=split, images=trained.images)
    batches = EpochBatches(len(dataset), batch_size, seed=None)
    with torch.inference_mode():
        for batch in tqdm(
            loader(dataset, batches, workers=num_workers(workers, data)),
            desc=split,
            unit="batch",
            disable=None,
            leave=False,
        ):
            inputs = batch["inputs"].to(place)
            if inputs.dim() == 4:
                inputs = inputs.contiguous(memory_format=torch.channels_last)
            yield model(inputs).float().cpu(), batch


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
    """Which labels a mean over labels is of."""

    measured: int  # labels with a known positive: the only ones that have an average precision
    always_true: tuple[int, ...]  # labels without a known negative among them, whose average precision is 1 by itself


def coverage(targets: Tensor, mask: Tensor | None) -> Coverage:
    """What targets can say about labels.

    Args:
        targets: 0 or 1, shape ``(samples, labels)``.
        mask: True where the label is known, or None where all is.
    """
    known = torch.ones_like(targets, dtype=torch.bool) if mask is None else mask
    positives, negatives = ((side & known).any(dim=0) for side in (targets.bool(), ~targets.bool()))
    return Coverage(int(positives.sum()), tuple((positives & ~negatives).nonzero().flatten().tolist()))


def default_split(data: Data) -> str:
    """The split that results are told of: test, else val, else the first."""
    return next((split for split in ("test", "val") if split in data.split_names), data.split_names[0])


def _features_of_run(trained: Trained, table: Table) -> Table:
    """The table with those of its named features that the network knows, in its order; says which others there are."""
    wanted, came = trained.feature_names, table.feature_names
    if not wanted or not came or wanted == came:
        return table
    place = {name: i for i, name in enumerate(came)}
    if absent := [name for name in wanted if name not in place]:
        others = [name for name in came if name not in set(wanted)]
        near = difflib.get_close_matches(absent[0], others, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f" (and {len(absent) - 1} more)" if len(absent) > 1 else ""
        raise ValueError(f"expected the data to have the features of the run, got none named {absent[0]!r}{hint}")
    order = [place[name] for name in wanted]
    if extra := [name for name in came if name not in set(wanted)]:
        named = ", ".join(map(quoted, extra[:5])) + (" and more" if len(extra) > 5 else "")
        print(f"{table.name}: left out {len(extra)} columns that the run does not know: {named}", file=sys.stderr)
    return dataclasses.replace(table, features=table.features[:, order], feature_names=wanted)


def same_labels(trained: Trained, data: Data) -> None:
    """Refuse data whose labels are not those of the run, in the same order.

    Raises:
        ValueError: They differ; the message names the first difference.
    """
    wanted, came = np.array(trained.labels), np.array(data.labels.names)
    if len(wanted) != len(came):
        raise ValueError(f"expected the data to have the {len(wanted)} labels of the run, got {len(came)}")
    if (wanted != came).any():
        first = int(np.argmax(wanted != came))
        raise ValueError(f"expected label {first} to be {str(wanted[first])!r} as in the run, got {str(came[first])!r}")
