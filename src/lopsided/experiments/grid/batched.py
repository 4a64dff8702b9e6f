"""Many settings of a grid trained as one batched model, on a table of features."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence

import torch
from torch import nn

from lopsided.data import Data
from lopsided.experiments.grid.run import GridRun, Outcome
from lopsided.experiments.grid.stack import Stack
from lopsided.experiments.grid.training import GridTraining, alike, choose_device
from lopsided.models import ModelOptions, build_model, resolved
from lopsided.runs.config import TrainingOptions
from lopsided.runs.start import start_head

_CPU_BYTES = 2**30  # of a chunk's training state

_IN_ONE_MODEL = ("epochs", "batch_size", "learning_rate", "weight_decay", "ema_decay", "workers", "accelerator")


def train_grid(
    table: Data,
    runs: Sequence[GridRun],
    *,
    model: ModelOptions | None = None,
    training: TrainingOptions | None = None,
    test: bool = False,
    device: torch.device | None = None,
    memory: int | None = None,
    on_epoch: Callable[[int], object] | None = None,
    network: Callable[[int], nn.Module] | None = None,
) -> list[Outcome]:
    """Train all runs at once: their weights stacked, their settings as tensors, one pass over the data.

    A run comes to what ``lopsided.training.fit.fit`` comes to with the same seed, and to what it comes to in a call of
    its own, within float32 rounding (the order of additions differs): first weights, order of batches, schedule,
    averaging and choice of the best epoch are the same. Only runs of one seed see the same batches; two calls with the
    same arguments on one machine agree bit by bit.

    Args:
        table: Features of shape ``(samples, features)``, dense or sparse, with splits train and val; those that stay
            sparse are never written out.
        runs: In any order.
        model: linear, or mlp without dropout; tfidf is linear on features that stay sparse.
        training: How to train; learning rate and weight decay are those of each run.
        test: Whether the test split is read, once, at the end.
        device: Where to train; by default, what ``training.accelerator`` says.
        memory: Bytes that training may take; more runs than fit are trained one chunk after the other. By default
            1 GiB, or half of the GPU's free memory.
        on_epoch: Called after each epoch with the number of runs that made it.
        network: Gives the first network of a seed, in place of ``model``: a head on what a backbone made of the data.

    Returns:
        One outcome for each run, in their order.

    Raises:
        ValueError: The model, an option or the table is not for training in one batch.
    """
    model, training = model or ModelOptions(), training or TrainingOptions()
    if reason := why_not(table, model, training):
        raise ValueError(reason)
    for split in ("train", "val", *(["test"] if test else [])):
        table.rows(split)  # refuses a split that is not there
    device = device or choose_device(training)

    def build(seed: int) -> nn.Module:
        return network_of(table, model, seed=seed) if network is None else network(seed)

    runs = [_with_decay(run, training.weight_decay) for run in runs]
    order = sorted(range(len(runs)), key=lambda place: alike(runs[place]))
    at_once = _runs_that_fit(build(0), table, training, device, memory)
    outcomes: dict[int, Outcome] = {}
    for start in range(0, len(order), at_once):
        places = order[start : start + at_once]
        chunk = GridTraining(table, [runs[place] for place in places], build, training, device)
        started = time.perf_counter()
        chunk.train(on_epoch)
        found = chunk.outcomes(test=test)
        seconds = (time.perf_counter() - started) / len(places)
        outcomes |= {place: Outcome(**one, seconds=seconds) for place, one in zip(places, found, strict=True)}
    return [outcomes[place] for place in range(len(runs))]


def _with_decay(run: GridRun, usual: float) -> GridRun:
    return run if run.weight_decay is not None else dataclasses.replace(run, weight_decay=usual)


def why_not(table: Data, model: ModelOptions, training: TrainingOptions) -> str | None:
    """Why such runs cannot be trained in one batch, or None where they can."""
    if table.opens_files:
        return f"{table.kind} are trained on one by one"
    if table.weights is not None:
        return "training in one batch does not know weights of samples"
    inputs = table.inputs()
    if inputs.kind not in ("features", "sparse"):
        shape = f" {inputs.shape}" if inputs.shape else ""
        return f"training in one batch needs features of shape (samples, features), got {inputs.kind}{shape}"
    model = resolved(model, input_shape=inputs.shape, kind=inputs.kind)
    if model.name not in ("linear", "mlp", "tfidf") or model.dropout:
        return f"training in one batch is for linear and for mlp without dropout, got model.name={model.name}"
    for name, usual in vars(TrainingOptions()).items():
        if name not in _IN_ONE_MODEL and getattr(training, name) != usual:
            return f"training in one batch does not know training.{name}, got {getattr(training, name)}"
    return None


def network_of(table: Data, model: ModelOptions, *, seed: int) -> nn.Module:
    """The network that a run of this seed starts from; the state of the random generators stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        inputs = table.inputs()
        network = build_model(model, input_shape=inputs.shape, num_labels=len(table.labels.names), kind=inputs.kind)
        start_head(network, model, labels=table.labels.take(table.rows("train")))
        return network


def _runs_that_fit(
    network: nn.Module, table: Data, training: TrainingOptions, device: torch.device, memory: int | None
) -> int:
    if memory is None:
        memory = torch.cuda.mem_get_info(device)[0] // 2 if device.type == "cuda" else _CPU_BYTES
    scored = max(len(table.rows(split)) for split in table.split_names if split in ("val", "test"))
    return max(1, memory // Stack(network, 1).bytes_of_run(batch_size=training.batch_size, num_scored=scored))
