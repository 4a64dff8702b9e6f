"""What is computed for some labels at a time, because of all of them it would not fit into memory."""

from __future__ import annotations

import sys

from torch import nn

from lopsided.data import Data
from lopsided.files.errors import counted
from lopsided.losses.catalogue import CATALOGUE
from lopsided.models.last_layer import last_layer
from lopsided.runs.config import Config
from lopsided.training.loop import label_parts
from lopsided.training.loop.engine import is_first_rank
from lopsided.training.loop.task import labels_apart

_BYTES_HELD = 9
"""Of each label of each sample of a batch: logit, gradient and target."""


def takes_labels_in_parts(config: Config, data: Data, model: nn.Module) -> bool:
    """Whether the logits of a batch are not held, which is said, as is why they are where they are many."""
    elements = config.training.batch_size * len(data.labels.names)
    if elements <= label_parts.MOST_LOGITS:
        return False
    size = f"{config.training.batch_size} samples x {len(data.labels.names)} labels"
    said, held = f"last layer and loss are computed as one, some labels at a time: {size} in a batch", ""
    if not CATALOGUE[config.loss.name].in_family:
        held = f"loss.name={config.loss.name} is not computed together with the last layer"
    elif config.training.label_smoothing:
        held = "smoothed targets are not sparse"
    elif last_layer(model) is None:
        held = "the last layer of the network is not linear"
    if held:
        mebibytes = elements * _BYTES_HELD / 2**20
        said = (
            f"the logits of a batch, {size}, take {mebibytes:,.0f} MiB with gradient and targets, because {held}; "
            "a smaller training.batch_size takes less"
        )
    if is_first_rank():
        print(f"{data.name}: {said}", file=sys.stderr)
    return not held


def labels_measured_apart(data: Data) -> int:
    """How far apart the labels of the validation mAP are, said where it is not of all of them."""
    samples, labels = int((data.splits == "val").sum()), len(data.labels.names)
    every = labels_apart(samples, labels)
    if every > 1 and is_first_rank():
        print(
            f"{data.name}: validation mAP is measured on every {every}th label, because the scores of "
            f"{counted(samples, 'sample')} and {counted(labels, 'label')} would fill the memory",
            file=sys.stderr,
        )
    return every
