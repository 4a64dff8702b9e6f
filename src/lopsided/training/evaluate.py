"""Every metric of a run on one split."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch

from lopsided.data import Data, Manifest
from lopsided.metrics import (
    CollectedScores,
    eleven_point_average_precision,
    mean_average_precision,
    micro_average_precision,
    operating_point,
)
from lopsided.metrics.operating_point import OperatingPoint
from lopsided.training.files import write_json
from lopsided.training.run_folder import RunFolder
from lopsided.training.scoring import default_split, same_labels, scored_batches

TOP_K = 3


def evaluate(
    run: RunFolder, data: Data, *, split: str | None = None, threshold: float = 0.5, save: bool = True
) -> dict[str, Any]:
    """Metrics of the best averaged weights.

    Args:
        run: A trained run.
        data: The data, with the labels of the run.
        split: Which split; by default test, else val, else the first.
        threshold: Probability above which a label is predicted, in [0, 1].
        save: Write them to evaluation.json in the run, which its report shows; off for other data than the run's own.

    Returns:
        ``split``, ``mAP`` (over labels with positives), ``mAP_11`` (of 11 points, as of Pascal VOC 2007), ``micro_AP``,
        ``cp`` to ``mean_f1`` at the threshold, ``top3`` with the same for the three most probable labels of each sample
        that are above the threshold, as published tables have it, ``threshold``, all in [0, 1]; and of images
        ``unreadable``, the numbers of samples that could not be opened, all of whose labels count as unknown.

    Raises:
        ValueError: The data does not fit the run.
    """
    trained = run.load()
    same_labels(trained, data)
    if split is None:
        split = default_split(data)
    collected = CollectedScores()
    unreadable: list[int] = []
    for logits, batch in scored_batches(trained, data, split=split, batch_size=run.config().training.batch_size):
        collected.update(logits, batch["targets"], batch.get("mask"))
        unreadable += batch["unreadable"].tolist() if "unreadable" in batch else []
    logits, targets, mask = collected.tensors()
    probabilities = torch.sigmoid(logits)
    top_k = min(TOP_K, len(trained.labels))
    result = {
        "split": split,
        "mAP": float(mean_average_precision(logits, targets, mask=mask)),
        "mAP_11": float(eleven_point_average_precision(logits, targets, mask=mask).nanmean()),
        "micro_AP": float(micro_average_precision(logits, targets, mask=mask)),
        **_named(operating_point(probabilities, targets, threshold=threshold, mask=mask)),
        "top3": _named(
            operating_point(
                probabilities, targets, threshold=threshold, top_k=top_k, top_k_above_threshold=True, mask=mask
            )
        ),
        "threshold": threshold,
    }
    if isinstance(data, Manifest):
        result["unreadable"] = unreadable
    if save:
        write_json(run.evaluation_file, result)
    return result


def _named(point: OperatingPoint) -> dict[str, float]:
    return {name.rstrip("_"): value for name, value in asdict(point).items()}
