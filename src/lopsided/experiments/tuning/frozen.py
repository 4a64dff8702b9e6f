"""What is trained where a backbone or an encoder stays as it is: its features, computed once, and the head on them."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import nn

from lopsided.data import Data
from lopsided.experiments.tuning.search import Search
from lopsided.models import ImageNetwork, ModelOptions, TextNetwork, build_model
from lopsided.runs.preparations import fit_preparation
from lopsided.runs.start import start_head


def head_on_features(data: Data, search: Search) -> tuple[Data, ModelOptions, Callable[[int], nn.Module]] | None:
    """Features, the options of a linear layer, and what makes the head with its first weights.

    The head is the one that ``lopsided train`` trains with the same seed: on the features as they are, of no other
    scale.

    Args:
        data: Images or texts.
        search: Which network.

    Returns:
        None where the network is trained as a whole, its head is no linear layer, or images change from epoch to epoch.
    """
    model, options = search.model, search.data
    if not model.frozen or model.head not in (None, "linear") or model.dropout:
        return None
    images = options.images(frozen=True)
    if data.opens_files and images.augments:
        return None
    preparation = fit_preparation(model, data)
    prepared = data if preparation is None else preparation.apply(data)
    inputs = prepared.inputs(images)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(search.seed)
        network = build_model(
            model,
            input_shape=inputs.shape,
            num_labels=len(data.labels.names),
            kind=inputs.kind,
            **({} if preparation is None else preparation.for_network),
        )
    if not isinstance(network, TextNetwork) and not (isinstance(network, ImageNetwork) and data.opens_files):
        return None
    start_head(network, model, labels=data.labels.take(data.rows("train")))
    head = copy.deepcopy(network.head)

    from lopsided.training.frozen_features import frozen_features  # late: its imports take seconds
    from lopsided.training.loop.loaders import num_workers

    workers = num_workers(search.training.workers, data)
    device = torch.device("cpu") if search.training.accelerator == "cpu" else None
    found = frozen_features(prepared, network=network, images=images, workers=workers, device=device)
    return found.table, ModelOptions(name="linear"), lambda _: copy.deepcopy(head)
