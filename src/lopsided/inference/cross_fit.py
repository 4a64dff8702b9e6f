"""Out-of-sample scores for every sample, those of the training split by runs that did not see them."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lopsided.data import Data
from lopsided.data.contents.identity import identity_of
from lopsided.data.splits.stratification import stratify
from lopsided.data.splits.together import kept_together
from lopsided.files.memory import check_memory
from lopsided.inference.scores import scores_of
from lopsided.inference.scoring import same_labels
from lopsided.runs.config import Config
from lopsided.runs.folder import RunFolder
from lopsided.runs.json_files import write_json
from lopsided.runs.reading import read_json
from lopsided.training.fit import fit

_RANDOM_STREAM = 105  # of a seed, apart from the streams of other draws
_HELD = "held out"
_BYTES = 64  # of memory that an audit takes for each score


@dataclass(frozen=True, eq=False)
class OutOfSample:
    """What networks say about samples that they were not trained on."""

    rows: np.ndarray  # sample numbers in the data, int64, ascending
    probabilities: Tensor  # float32, shape (rows, labels)
    logits: Tensor  # of that shape
    targets: Tensor  # bool, as noted in the data
    known: Tensor  # bool, True where the label is known
    unreadable: list[int]  # sample numbers of images that could not be opened, all of whose labels are unknown


def out_of_sample(
    run: RunFolder,
    data: Data,
    *,
    folds: int | None = None,
    splits: tuple[str, ...] | None = None,
    on_fold: Callable[[int], None] = lambda _: None,
    source: str | None = None,
    keep: bool = True,
) -> OutOfSample:
    """Scores of samples by networks that were not trained on them.

    Args:
        run: A trained run.
        data: The data, with the labels of the run.
        folds: Train this many runs of the same configuration on ``data``, each without one part of the training split,
            which it then scores; >= 2. They are kept in ``audit/`` in the run, and not trained again for the same data.
            None: the run itself scores everything.
        splits: Which splits to score; by default all, and without ``folds`` all but ``train``.
        on_fold: Called with the number of each fold, from 1, before it is trained.
        source: Where the data comes from, if it is not the run's own.
        keep: Read logits that were kept in the runs, and keep those that are computed.

    Raises:
        ValueError: There is nothing that the run was not trained on, or the data does not fit the run.
    """
    trained, config = run.load(), run.config()
    same_labels(trained, data)
    own = splits or tuple(name for name in data.split_names if folds or name != "train")
    if not own:
        raise ValueError("expected samples that the run was not trained on, got a train split alone: add --folds 3")
    check_room(sum(len(data.rows(split)) for split in own), len(trained.labels), path=run.path)
    parts: list[tuple[np.ndarray, RunFolder, Data, str]] = []
    for split in own:
        if split == "train" and folds:
            for number, held in enumerate(fold_rows(data, folds=folds, seed=config.seed), start=1):
                on_fold(number)
                held_out = _with_split(data, held, _HELD)
                parts.append((held, _fold_run(run, config, held_out, f"{number}-of-{folds}"), held_out, _HELD))
        else:
            parts.append((data.rows(split), run, data, split))
    found, unreadable = [], []
    for rows, folder, its_data, split in parts:
        network = trained if folder is run else folder.load()
        scores = scores_of(folder, network, its_data, split=split, source=source, keep=keep)
        known = torch.ones_like(scores.targets) if scores.mask is None else scores.mask
        found.append((torch.from_numpy(rows), network.calibrator(scores.logits), scores.logits, scores.targets, known))
        unreadable += scores.unreadable
    rows, *rest = (torch.cat(column) for column in zip(*found, strict=True))
    order = rows.argsort()
    return OutOfSample(rows[order].numpy(), *(part[order] for part in rest), unreadable=sorted(unreadable))


def check_room(samples: int, labels: int, *, path: str | Path) -> None:
    """Refuse an audit of more scores than the memory takes, before anything is trained for it.

    Raises:
        DataError: There are more; ``path`` says whose they are.
    """
    what = f"an audit, which holds all {samples:,} samples x {labels:,} labels at once,"
    check_memory(samples * labels * _BYTES, what=what, path=path)


def fold_rows(data: Data, *, folds: int, seed: int) -> list[np.ndarray]:
    """Training samples in parts of about equal size, stratified over labels: the sample numbers of each, ascending.

    Equal samples share a part, and so do those of one group.

    Raises:
        ValueError: ``folds`` is below 2, or above the number of training samples that may be parted.
    """
    train = data.rows("train")
    items = np.unique(kept_together(data)[train], return_inverse=True)[1]
    count = int(items.max()) + 1
    if not 2 <= folds <= count:
        raise ValueError(
            f"expected folds to lie in 2 to {count}, the number of different training samples, got {folds}"
            if data.groups is None
            else f"expected folds to lie in 2 to {count}, the number of groups of training samples, got {folds}"
        )
    parts = stratify(data.labels.positives[train], [1 / folds] * folds, items=items, seed=seed)
    return [train[parts == part] for part in range(folds)]


def _fold_run(run: RunFolder, config: Config, data: Data, name: str) -> RunFolder:
    """The run of one fold, which is trained unless it is there already from the same data and options."""
    folder = RunFolder(run.path / "audit" / f"fold-{name}")
    no_part = ("source", "training.workers")  # the other options decide the run, and may be others than before
    deciding = {key: value for key, value in config.flat().items() if key not in no_part and key[:7] != "report."}
    wanted = {"data": identity_of(data).digest, "config": deciding}
    about = folder.path / "fold.json"
    try:
        if about.is_file() and read_json(about) == wanted:
            return folder
    except ValueError:  # a damaged file counts as absent
        pass
    about.unlink(missing_ok=True)  # first: a removal that is cut short must not leave a fold that looks done
    shutil.rmtree(folder.path, ignore_errors=True)
    fit(config, folder.path, data=data)
    write_json(about, wanted)  # last: a fold without it was cut short
    return folder


def _with_split(data: Data, rows: np.ndarray, name: str) -> Data:
    splits = data.splits.astype(np.promote_types(data.splits.dtype, f"<U{len(name)}"))
    splits[rows] = name
    return dataclasses.replace(data, splits=splits)
