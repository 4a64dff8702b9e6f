"""Thresholds of labels whose scores are too many to hold."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from lopsided.inference.by_label.blocks import Block, Blocks
from lopsided.metrics import Counts, Thresholds, count
from lopsided.metrics.thresholds import SHRINKAGE, Chooser, Rule, check_rule
from lopsided.runs.calibrators import for_labels

POOLED = 2**24
"""Scores that the common threshold is chosen on, of every n-th sample."""


def thresholds_by_label(
    blocks: Blocks, calibrator: nn.Module, *, rule: Rule, at_least: float | None, per_label: bool
) -> tuple[Thresholds, Counts, int]:
    """What :func:`lopsided.metrics.choose_thresholds` gives, where the common one is chosen on every n-th sample.

    Returns:
        The thresholds, what they come to on all samples, and n.

    Raises:
        ValueError: No positive is known, or the settings do not belong together.
    """
    check_rule(rule, at_least, SHRINKAGE)
    drawn = [_flat(block, calibrator) for block in blocks.some(POOLED)]
    scores, positives = (np.concatenate(part) for part in zip(*drawn, strict=True))
    chooser = Chooser(scores, positives, rule=rule, at_least=at_least, shrinkage=SHRINKAGE)
    values, short, counts = list[torch.Tensor](), list[torch.Tensor](), list[Counts]()
    total = torch.zeros(3, dtype=torch.float64)  # of the common one
    for block in blocks:
        p = for_labels(calibrator, block.part)(block.logits)
        here = count(p, block.targets, threshold=chooser.common, mask=block.mask)
        total += torch.stack([here.true_positives, here.predicted, here.positives]).double().sum(dim=1)
        if per_label:
            known = torch.ones_like(block.targets) if block.mask is None else block.mask
            found = chooser.of_labels(p.float().numpy(), (block.targets & known).numpy(), known.numpy())
            own, missed = (torch.from_numpy(part) for part in found)
            here = count(p, block.targets, threshold=own, mask=block.mask)
        else:
            own, missed = torch.empty(0), torch.zeros(len(here.positives), dtype=torch.bool)
        values.append(own)
        short.append(missed)
        counts.append(here)
    columns = [(part.true_positives, part.predicted, part.positives) for part in counts]
    whole = Counts(*(torch.cat(column) for column in zip(*columns, strict=True)))
    found = Thresholds(
        chooser.common,
        torch.cat(values) if per_label else None,
        whole.positives,
        chooser.reaches(total.unsqueeze(1).numpy()),
        torch.cat(short),
    )
    return found, whole, blocks.every(POOLED)


def _flat(block: Block, calibrator: nn.Module) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of all known elements of a block, and of its positives."""
    p = for_labels(calibrator, block.part)(block.logits).float()
    known = torch.ones_like(block.targets) if block.mask is None else block.mask
    return p[known].numpy(), p[block.targets & known].numpy()
