"""From a configuration to a run folder."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric, seed_everything
from torch import nn
from torch.utils.data import DataLoader

from lopsided.data import Data, ImageOptions, Inputs, SplitDataset, read_source
from lopsided.data.checks.remarks import recognised, remarks
from lopsided.data.checks.summary import always_true
from lopsided.data.contents.identity import Identity, identity_of, what_changed
from lopsided.data.derived.preparation import Preparation
from lopsided.data.splits.folds import fold_of
from lopsided.files.errors import counted, quoted
from lopsided.models import ImageNetwork, Standardise, TextNetwork, build_model
from lopsided.models.checkpointing import keep_fewer_activations
from lopsided.models.images.dry_run import normalises_alone
from lopsided.runs.config import Config
from lopsided.runs.environment import environment
from lopsided.runs.folder import RunFolder, about_run, identity_in
from lopsided.runs.json_files import write_json
from lopsided.runs.label_weights import keep_label_weights, label_weights_of
from lopsided.runs.lock import writing
from lopsided.runs.loss.criterion import about_smoothing, about_unknown, build_criterion, check_targets, check_weights
from lopsided.runs.own_data import write_data_file
from lopsided.runs.preparations import fit_preparation, save_preparation
from lopsided.runs.start import start_head
from lopsided.training.frozen_features import frozen_features
from lopsided.training.loop.engine import build_engine, check_options, is_first_rank, quiet
from lopsided.training.loop.epochs import Loop
from lopsided.training.loop.loaders import EpochBatches, balanced_weights, loader, num_workers
from lopsided.training.loop.row_steps import check_row_steps
from lopsided.training.loop.task import MultiLabelTask
from lopsided.training.unreadable import UnreadableLog
from lopsided.training.within_memory import labels_measured_apart, takes_labels_in_parts

__all__ = ["fit"]


def fit(
    config: Config,
    out: Path,
    *,
    resume: bool = False,
    data: Data | None = None,
    after_epoch: Callable[[int, float], object] | None = None,
) -> RunFolder:
    """Train what the configuration says.

    Args:
        config: Everything that decides the run.
        out: Folder of the run; made if it is not there.
        resume: Go on from the last checkpoint in ``out``, or start if there is none.
        data: The data, if it was read already; read from ``config.source`` otherwise.
        after_epoch: Called with each epoch, from 1, and its validation mAP, once its checkpoint is written; what it
            raises ends the run.

    Returns:
        The folder, with the best and the last checkpoint, metrics.csv and the rest.

    Raises:
        ValueError: ``out`` holds a run and ``resume`` is off, or a run of another configuration or other data, or
                another process writes to it.
        KeyboardInterrupt: It was stopped by Ctrl-C or SIGTERM.
    """
    with writing(out) if is_first_rank() else nullcontext():  # the other ranks are of the same run
        return _fit(config, RunFolder(out), data, resume=resume, after_epoch=after_epoch)


def _fit(
    config: Config,
    run: RunFolder,
    data: Data | None,
    *,
    resume: bool,
    after_epoch: Callable[[int, float], object] | None,
) -> RunFolder:
    last = _last_checkpoint(run, config, resume)
    if data is None:
        data = read_source(config.source, config.data, seed=config.seed)
        _say_what_is_measured(data)
    identity = identity_of(data)
    if last is not None:
        _check_data(last, identity, data)
    _check_train(config, data)
    check_options(config.training, num_validation=int((data.splits == "val").sum()))
    check_targets(config.loss, smoothing=config.training.label_smoothing, mixup=config.data.mixup or 0.0)
    label_weights = _label_weights(run, config, data, goes_on=last is not None)
    _check_sample_weights(config, data)
    for line in (*recognised(data), *remarks(data)) if is_first_rank() else ():
        print(f"{data.name}: {line}", file=sys.stderr)
    images = config.data.images(frozen=bool(config.model.frozen))
    preparation = fit_preparation(config.model, data) if last is None else last.preparation
    if preparation is not None and is_first_rank() and (remark := preparation.remark(data)):
        print(f"{data.name}: {remark}", file=sys.stderr)
    prepared = data if preparation is None else preparation.apply(data)
    inputs = prepared.inputs(images)
    if inputs.kind == "sparse":
        check_row_steps(config.training)
    model = _model(config, prepared, inputs, preparation)
    smallest = _smallest_batch(config, prepared, inputs, model)
    trained_on, unreadable = _trained_on(config, prepared, images, model)
    about = about_run(data.labels.names, inputs, identity, preparation)
    task = _task(config, data, model, about, of_features=trained_on is not prepared, label_weights=label_weights)
    run.path.mkdir(parents=True, exist_ok=True)
    with quiet():
        fabric = build_engine(config.training)
        if is_first_rank():
            _begin(run, config, data, identity, preparation, anew=last is None)
            if last is None:
                keep_label_weights(run, label_weights, data.labels.names)
        fabric.launch()
        train, val = _loaders(config, trained_on, images, fabric, smallest=smallest, sparse_targets=task.in_parts)
        log = UnreadableLog(data, run.unreadable_file, unreadable)
        loop = Loop(task, config=config, run=run, fabric=fabric, train=train, val=val, unreadable=log)
        loop.after_epoch = after_epoch
        if last is not None:
            _go_on(loop, last)
        loop.fit()
    return run


@dataclass(frozen=True)
class _Last:
    """The checkpoint that a run goes on from."""

    path: Path
    content: dict[str, Any]
    identity: Identity | None  # of the data that it was trained on; older versions kept none
    labels: tuple[str, ...]
    features: tuple[str, ...]  # names, of a table whose columns have them
    preparation: Preparation | None  # that it was trained with


def _go_on(loop: Loop, last: _Last) -> None:
    try:
        loop.resume(last.content)
    except (KeyError, IndexError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"expected {last.path} to be a checkpoint to go on from, got {error!r:.100}") from error


def _check_train(config: Config, data: Data) -> None:
    """Refuse data without training samples, such as folds of which none is named to test on."""
    if "train" in data.split_names:
        return
    are_folds = all(fold_of(name) is not None for name in data.split_names)
    hint = "; say --data.fold 0 to test on the first and train on the others" if are_folds else ""
    raise ValueError(f"expected {config.source} to have a train split, got splits {', '.join(data.split_names)}{hint}")


def _say_what_is_measured(data: Data) -> None:
    """A line about the validation split where its mean over labels is not of all of them, or some say nothing."""
    if "val" not in data.split_names or not is_first_rank():
        return
    measured = int(np.count_nonzero(data.labels.take(data.rows("val")).positives_per_label()))
    words = []
    if measured < len(data.labels.names):
        have, count = "has" if measured == 1 else "have", counted(len(data.labels.names), "label")
        words.append(f"is the mean over the {measured} of {count} that {have} a positive there")
    if always := always_true(data, "val"):
        are, by = ("is", "itself") if len(always) == 1 else ("are", "themselves")
        words.append(
            f"has {counted(len(always), 'label')} that {are} always true there, with an average precision of 1 by {by}"
        )
    if words:
        print(f"  validation mAP {'; it '.join(words)}", file=sys.stderr)


def _last_checkpoint(run: RunFolder, config: Config, resume: bool) -> _Last | None:
    """Where a run goes on, if it does."""
    last = run.checkpoints / "last.ckpt"
    if not (run.config_file.exists() and last.exists()):  # nothing trained yet: start over
        return None
    if not resume and is_first_rank():  # what other ranks find, the first one has just written
        raise ValueError(f"{run.path} holds a run already: add --resume to go on with it, or name another folder")
    wanted, there = config.flat(), run.config().flat()
    checkpoint = run.checkpoint(last)
    identity = identity_in(checkpoint)
    for name in there:
        decides_nothing = name.startswith("report.") or name == "training.workers" or (name == "source" and identity)
        if name == "training.label_weights":  # what is in the file decides
            decides_nothing = (wanted[name] is None) == (there[name] is None)
        if wanted[name] != there[name] and not decides_nothing:
            raise ValueError(f"to resume {run.path}, expected {name} to be {there[name]}, got {wanted[name]}")
    about = checkpoint["lopsided"]
    features = tuple(about["feature_names"])
    return _Last(last, checkpoint, identity, tuple(about["labels"]), features, run.preparation(checkpoint))


def _check_data(last: _Last, identity: Identity, data: Data) -> None:
    """Refuse to go on with other data than a run began with."""
    run = last.path.parents[1]
    if last.identity is None:
        came_with = data.labels.names, data.inputs().names
        for what, wanted, came in zip(("labels", "features"), (last.labels, last.features), came_with, strict=True):
            if wanted != came:
                raise ValueError(
                    f"to resume {run}, expected the {what} {quoted(', '.join(wanted))}, got {quoted(', '.join(came))}"
                )
        if is_first_rank():
            print(f"{run} does not say what it was trained on, made by an older version: going on", file=sys.stderr)
    elif last.identity != identity:
        change = what_changed(last.identity, data)
        raise ValueError(
            f"to resume {run}, expected the data that it was trained on, got data in which {change}: bring the old "
            "data back, or train on the new with another --out"
        )


def _begin(
    run: RunFolder, config: Config, data: Data, identity: Identity, preparation: Preparation | None, *, anew: bool
) -> None:
    """Write what is known of a run before its first step, and remove what was made for weights that are no more."""
    if anew:
        best = run.checkpoints / "best.ckpt"  # of a first epoch that was cut short at its end
        made = run.calibration_file, run.thresholds_file, run.evaluation_file, run.unreadable_file, run.loggers_file
        for stale in (best, *made):
            stale.unlink(missing_ok=True)
        if preparation is not None:
            save_preparation(preparation, run.preparation_folder)
        config.save(run.config_file)
        write_json(run.environment_file, environment())
    write_data_file(run, config, identity, data)


def _model(config: Config, data: Data, inputs: Inputs, preparation: Preparation | None) -> nn.Module:
    seed_everything(config.seed, verbose=False)
    model = build_model(
        config.model,
        input_shape=inputs.shape,
        num_labels=len(data.labels.names),
        kind=inputs.kind,
        **({} if preparation is None else preparation.for_network),
    )
    if config.training.gradient_checkpointing:
        keep_fewer_activations(model)
    start_head(model, config.model, labels=data.labels.take(data.rows("train")))
    for module in model.modules():
        if isinstance(module, Standardise):
            module.fit(data.matrix(data.rows("train")))
    return model


def _smallest_batch(config: Config, data: Data, inputs: Inputs, model: nn.Module) -> int:
    """Fewest samples that the network can be trained on at once."""
    shape = inputs.shape
    if not normalises_alone(model, input_shape=shape):
        return 1
    name = f"batch normalisation of {config.model.name}"
    what = f"the {name} has one value per channel in an image of {shape[-2]} x {shape[-1]} pixels"
    if config.training.batch_size < 2:
        raise ValueError(
            f"expected training.batch_size to be at least 2, because {what}, got {config.training.batch_size}"
        )
    if len(data.rows("train")) < 2:
        raise ValueError(f"expected at least 2 training samples, because {what}, got 1")
    return 2


def _trained_on(config: Config, data: Data, images: ImageOptions, model: nn.Module) -> tuple[Data, list[int]]:
    """What batches are made of: the data, or what a frozen backbone makes of it; and images that cannot be opened."""
    changes = data.opens_files and images.augments
    if not isinstance(model, ImageNetwork | TextNetwork) or not model.frozen or changes:
        return data, []
    if isinstance(model, ImageNetwork) and not data.opens_files:  # small pictures in memory
        return data, []
    found = frozen_features(
        data,
        network=model,
        images=images,
        workers=num_workers(config.training.workers, data),
        device=torch.device("cpu") if config.training.accelerator == "cpu" else None,
    )
    return found.table, found.unreadable.tolist()


def _label_weights(run: RunFolder, config: Config, data: Data, *, goes_on: bool) -> np.ndarray | None:
    given = config.training.label_weights
    if given is None:
        return None
    check_weights(config.loss, option="training.label_weights")
    found = label_weights_of(run, given, data.labels.names, goes_on=goes_on)
    if found is not None and is_first_rank():
        print(f"{data.name}: labels weigh from {found.min():g} to {found.max():g} in the loss", file=sys.stderr)
    return found


def _check_sample_weights(config: Config, data: Data) -> None:
    if data.weights is None:
        return
    check_weights(config.loss, option="data.weight_column")
    if not data.weights[data.rows("train")].any():
        raise ValueError(f"{data.name}: expected a training sample with a weight above 0, got 0 for all")


def _task(
    config: Config,
    data: Data,
    model: nn.Module,
    about: dict[str, Any],
    *,
    of_features: bool,
    label_weights: np.ndarray | None,
) -> MultiLabelTask:
    labels, train = data.labels.names, data.labels.take(data.rows("train"))
    smoothing = config.training.label_smoothing
    for remark in (
        about_unknown(config.loss, num_unknown=train.num_unknown),
        about_smoothing(config.loss, smoothing=smoothing),
    ):
        if remark and is_first_rank():
            print(remark, file=sys.stderr)
    criterion = build_criterion(
        config.loss,
        num_labels=len(labels),
        positives=train.positives_per_label().tolist(),
        num_samples=len(train),
        known=train.known_per_label().tolist(),
    )
    task = MultiLabelTask(
        model,
        criterion,
        config.training,
        about,
        layer_decay=config.model.layer_decay,
        of_features=of_features,
        every=labels_measured_apart(data),
        in_parts=takes_labels_in_parts(config, data, model),
        label_weights=None if label_weights is None else torch.from_numpy(label_weights),
    )
    if config.training.compile:
        task.compiled_part.compile()
    return task


def _loaders(
    config: Config, data: Data, images: ImageOptions, fabric: Fabric, *, smallest: int, sparse_targets: bool
) -> tuple[DataLoader, DataLoader | None]:
    options = config.training
    mixes = data.opens_files and images.mixup > 0
    rank, num_ranks = fabric.global_rank, fabric.world_size
    workers = num_workers(options.workers, data, devices=options.devices)
    train = SplitDataset(
        data,
        split="train",
        options=images,
        augment=True,
        seed=config.seed,
        sparse_targets=sparse_targets and not mixes,
    )
    balanced = balanced_weights(data.labels.take(data.rows("train"))) if options.sampling == "balanced" else None
    batches = EpochBatches(
        len(train),
        options.batch_size,
        seed=config.seed,
        weights=balanced,
        with_epoch=True,
        rank=rank,
        num_ranks=num_ranks,
        smallest=smallest,
    )
    if "val" not in data.split_names:
        return loader(train, batches, workers=workers), None
    val = SplitDataset(data, split="val", options=images, sparse_targets=sparse_targets)
    val_batches = EpochBatches(len(val), options.batch_size, seed=None, rank=rank, num_ranks=num_ranks)
    return loader(train, batches, workers=workers), loader(val, val_batches, workers=workers)
