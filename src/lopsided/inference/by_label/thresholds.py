"""Thresholds of labels whose scores are too many to hold."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from lopsided.inference.by_label.blocks import Block, Blocks
from lopsided.metrics import Counts, Thresholds, count
from lopsided.metrics.thresholds import SHRINKAGE, Chooser, Rule, check_rule
from lopsided.runs.loss.calibrators import for_labels

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
    # Made at once: small results that are made beside large blocks, and stay, would keep the memory of each block.
    values, short = torch.zeros(blocks.num_labels), torch.zeros(blocks.num_labels, dtype=torch.bool)
    counts = torch.zeros(3, blocks.num_labels, dtype=torch.int64)
    total = torch.zeros(3, dtype=torch.float64)  # of the common one
    for block in blocks:
        p = for_labels(calibrator, block.part)(block.logits)
        here = _stacked(count(p, block.targets, threshold=chooser.common, mask=block.mask))
        total += here.double().sum(dim=1)
        if per_label:
            known = torch.ones_like(block.targets) if block.mask is None else block.mask
            found = chooser.of_labels(p.float().numpy(), (block.targets & known).numpy(), known.numpy())
            values[block.part], short[block.part] = (torch.from_numpy(part) for part in found)
            here = _stacked(count(p, block.targets, threshold=values[block.part], mask=block.mask))
        counts[:, block.part] = here
    reached = chooser.reaches(total.unsqueeze(1).numpy())
    whole = Counts(*counts)
    found = Thresholds(chooser.common, values if per_label else None, whole.positives, reached, short)
    return found, whole, blocks.every(POOLED)


def _stacked(counts: Counts) -> torch.Tensor:
    return torch.stack([counts.true_positives, counts.predicted, counts.positives])


def _flat(block: Block, calibrator: nn.Module) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of all known elements of a block, and of its positives."""
    p = for_labels(calibrator, block.part)(block.logits).float()
    known = torch.ones_like(block.targets) if block.mask is None else block.mask
    return p[known].numpy(), p[block.targets & known].numpy()
