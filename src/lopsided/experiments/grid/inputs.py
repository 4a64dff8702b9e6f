"""What a grid trains on: features as they are, counts of words, or what a frozen backbone makes of images and texts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from lopsided.data import Data, ImageOptions
from lopsided.models import ModelOptions, TextNetwork, build_model
from lopsided.runs.config import TrainingOptions
from lopsided.runs.preparations import fit_preparation
from lopsided.runs.start import start_head


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
    if data.opens_files:
        if not model.frozen or model.head not in (None, "linear") or model.dropout or images.augments:
            return GridInputs(data, model)
        from lopsided.training.frozen_features import features_of_images  # late: it needs a backbone

        return GridInputs(features_of_images(data, model, images).table, ModelOptions(name="linear"))
    if data.inputs().kind != "texts":
        return GridInputs(data, model)
    if model.dropout or not (model.frozen or model.name in ("auto", "tfidf", "mlp")):
        return GridInputs(data, model)
    preparation = fit_preparation(model, data)
    assert preparation is not None
    prepared = preparation.apply(data)
    if prepared.inputs().kind == "sparse":
        return GridInputs(prepared, model)
    return _of_frozen_encoder(prepared, model, training, images, preparation.for_network)


def _of_frozen_encoder(
    tokens: Data, model: ModelOptions, training: TrainingOptions, images: ImageOptions, for_network: dict
) -> GridInputs:
    from lopsided.training.frozen_features import frozen_features  # late: it needs an encoder

    inputs, labels = tokens.inputs(), tokens.labels.take(tokens.rows("train"))

    def built(*, load_weights: bool) -> TextNetwork:
        network = build_model(
            model,
            input_shape=inputs.shape,
            num_labels=len(labels.names),
            kind=inputs.kind,
            load_weights=load_weights,
            **for_network,
        )
        assert isinstance(network, TextNetwork)
        return network

    def head(seed: int) -> nn.Module:
        """The head that the trainer starts from: drawn after the weights of the encoder, which then are replaced."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = built(load_weights=False)
            start_head(network, model, labels=labels)
            return network.head

    device = torch.device("cpu") if training.accelerator == "cpu" else None
    table = frozen_features(tokens, network=built(load_weights=True), images=images, device=device).table
    return GridInputs(table, ModelOptions(name="linear"), head)
