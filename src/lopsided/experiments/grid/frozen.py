"""What is trained where a backbone or an encoder stays as it is: its features, computed once, and the head on them."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from lopsided.data import Data, ImageOptions
from lopsided.models import ImageNetwork, ModelOptions, TextNetwork, build_model
from lopsided.runs.config import TrainingOptions
from lopsided.runs.preparations import fit_preparation
from lopsided.runs.start import start_head


@dataclass(frozen=True, eq=False)
class FrozenInputs:
    """Features of all samples, and the heads on them.

    Args:
        table: The features.
        head: Gives the linear head that ``lopsided train`` begins with, of a seed: for features as they are, of no
            other scale.
    """

    table: Data
    head: Callable[[int], nn.Module]


def frozen_inputs(
    data: Data, model: ModelOptions, training: TrainingOptions, images: ImageOptions, *, seed: int = 0
) -> FrozenInputs | None:
    """Compute the features of a frozen backbone or text encoder.

    Args:
        data: Images or texts.
        model: Which network.
        training: On which device it computes, and with how many processes that open images.
        images: How images become its inputs.
        seed: Of its weights, where it has none that were trained.

    Returns:
        None where the network is trained as a whole, its head is no linear layer, or images change from epoch to epoch.
    """
    if not model.frozen or model.head not in (None, "linear") or model.dropout:
        return None
    if data.opens_files and images.augments:
        return None
    preparation = fit_preparation(model, data)
    prepared = data if preparation is None else preparation.apply(data)
    inputs, labels = prepared.inputs(images), data.labels.take(data.rows("train"))

    def built(seed: int, *, load_weights: bool) -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return build_model(
                model,
                input_shape=inputs.shape,
                num_labels=len(labels.names),
                kind=inputs.kind,
                load_weights=load_weights,
                **({} if preparation is None else preparation.for_network),
            )

    network = built(seed, load_weights=True)
    if not isinstance(network, TextNetwork) and not (isinstance(network, ImageNetwork) and data.opens_files):
        return None

    @functools.cache
    def drawn(seed: int) -> nn.Module:
        """The head is drawn after the weights below it, which are replaced only then."""
        network = built(seed, load_weights=False)
        assert isinstance(network, TextNetwork | ImageNetwork)
        start_head(network, model, labels=labels)
        return network.head

    from lopsided.training.frozen_features import frozen_features  # late: its imports take seconds
    from lopsided.training.loop.loaders import num_workers

    workers = num_workers(training.workers, data)
    device = torch.device("cpu") if training.accelerator == "cpu" else None
    found = frozen_features(prepared, network=network, images=images, workers=workers, device=device)
    return FrozenInputs(found.table, lambda seed: copy.deepcopy(drawn(seed)))
