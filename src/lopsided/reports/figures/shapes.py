"""The members of the loss family by their three numbers, and what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from lopsided.losses import asymmetric_loss
from lopsided.losses.catalogue import CATALOGUE
from lopsided.runs.loss.options import LossOptions, loss_settings

FAMILY = tuple(entry.name for entry in CATALOGUE.values() if entry.in_family)


@dataclass(frozen=True)
class Shape:
    """The three numbers that make a member of the family."""

    gamma_pos: float
    gamma_neg: float
    margin: float


def shape_of(options: LossOptions) -> Shape:
    """Focusing powers and margin of a loss of the family; of an adaptive one, those it starts from.

    Raises:
        ValueError: The loss is not of the family, so that three numbers don't make it.
    """
    if options.name not in FAMILY:
        raise ValueError(f"expected the loss of a curve to be one of {', '.join(FAMILY)}, got {options.name}")
    settings = loss_settings(options)
    gamma = settings.get("gamma", 0.0)
    return Shape(settings.get("gamma_pos", gamma), settings.get("gamma_neg", gamma), settings.get("margin", 0.0))


def negative_loss(probabilities: np.ndarray, shape: Shape) -> np.ndarray:
    """Loss of a negative at each probability in (0, 1), nats, eq. 5."""
    return _loss(probabilities, shape, target=0.0)


def positive_loss(probabilities: np.ndarray, shape: Shape) -> np.ndarray:
    """Loss of a positive at each probability in (0, 1), nats, eq. 5."""
    return _loss(probabilities, shape, target=1.0)


def distinct(settings: Sequence[LossOptions], *, negatives_only: bool = False) -> list[LossOptions]:
    """The settings without those whose curve another has already.

    Args:
        settings: Losses.
        negatives_only: Compare the cost of negatives alone.
    """
    found: dict[object, LossOptions] = {}
    for options in settings:
        shape = shape_of(options)
        found.setdefault((shape.gamma_neg, shape.margin) if negatives_only else shape, options)
    return list(found.values())


def _loss(probabilities: np.ndarray, shape: Shape, *, target: float) -> np.ndarray:
    logits = torch.logit(torch.from_numpy(np.asarray(probabilities, dtype=np.float64)))
    return asymmetric_loss(
        logits,
        torch.full_like(logits, target),
        gamma_pos=shape.gamma_pos,
        gamma_neg=shape.gamma_neg,
        margin=shape.margin,
        reduction="none",
    ).numpy()
