"""What a grid trains on: features as they are, counts of words, or what a frozen backbone makes of images and texts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from lopsided.data import Data, ImageOptions
from lopsided.experiments.grid.frozen import frozen_inputs
from lopsided.models import ModelOptions
from lopsided.models.options import ON_COUNTS
from lopsided.runs.config import TrainingOptions
from lopsided.runs.preparations import fit_preparation


@dataclass(frozen=True, eq=False)
class GridInputs:
    """Data and network for :func:`lopsided.experiments.grid.train_grid`; whether they serve, ``why_not`` says.

    Args:
        table: The samples.
        model: What is trained on them.
        network: Gives the first network of a seed, where ``model`` does not say it.
    """

    table: Data
    model: ModelOptions
    network: Callable[[int], nn.Module] | None = None


def grid_inputs(data: Data, model: ModelOptions, training: TrainingOptions, images: ImageOptions) -> GridInputs:
    """Turn data into what a grid trains on; as it is where runs have to be trained one by one.

    Args:
        data: As it was read, with the labels of one seed.
        model: The network; of a frozen backbone its head is trained.
        training: On which device a backbone computes.
        images: How images become its inputs.
    """
    if (found := frozen_inputs(data, model, training, images)) is not None:
        # On images, the layer is one that brings features to one scale first; on texts, the trainer's head.
        return GridInputs(found.table, ModelOptions(name="linear"), None if data.opens_files else found.head)
    return counted_inputs(data, model)


def counted_inputs(data: Data, model: ModelOptions) -> GridInputs:
    """Turn texts into counts of words; anything else stays as it is.

    Args:
        data: As it was read, with the labels of one seed.
        model: The network.
    """
    if data.opens_files or data.inputs().kind != "texts":
        return GridInputs(data, model)
    if model.dropout or model.name not in ON_COUNTS:
        return GridInputs(data, model)
    preparation = fit_preparation(model, data)
    assert preparation is not None
    return GridInputs(preparation.apply(data), model)
