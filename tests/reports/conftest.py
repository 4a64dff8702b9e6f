"""Run folders written by hand: what a report reads, without any training."""

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from lopsided.data import Inputs
from lopsided.metrics.catalogue import CATALOGUE, DECISIONS
from lopsided.models import build_model, usual_kind
from lopsided.reports.runs import Run, read_runs
from lopsided.runs.config import Config, LossOptions, ReportOptions, TrainingOptions
from lopsided.runs.folder import COLUMNS, about_run
from lopsided.runs.loss.criterion import build_criterion

LABELS = ("<script>alert(1)</script>", "a & b", "$x", "plain")


def evaluation_of(share: float, **other: object) -> dict:
    """An evaluation whose every metric is ``share``."""
    top = {metric.name: share for metric in DECISIONS}
    return {"split": "test", **dict.fromkeys(CATALOGUE, share), "top3": top, "threshold": 0.5, **other}


def write_source(folder: Path) -> str:
    """A table of 30 samples, 10 of each split, that names a label like a script."""
    draw = np.random.default_rng(0)
    path = folder / "table.npz"
    np.savez(
        path,
        features=draw.normal(size=(30, 5)).astype(np.float32),
        labels=(draw.random((30, len(LABELS))) < 0.4).astype(np.uint8),
        label_names=np.array(LABELS),
        split=np.repeat(["train", "val", "test"], 10),
    )
    return f"table:{path}"


def write_run(
    path: Path,
    loss: LossOptions | None = None,
    *,
    source: str,
    steps: int = 40,
    epochs: int = 4,
    validated: bool = True,
    nan_from: int | None = None,
    evaluation: dict | None = None,
    labels: tuple[str, ...] = LABELS,
    input_shape: tuple[int, ...] = (5,),
    report: ReportOptions | None = None,
    seed: int = 0,
) -> Path:
    """The folder of a run whose gap grows from -0.5 to 0 and whose gamma_neg from 2 to 4."""
    path.mkdir(parents=True)
    config = Config(
        source=source,
        loss=loss or LossOptions(),
        training=TrainingOptions(epochs=epochs),
        report=report or ReportOptions(),
        seed=seed,
    )
    config.save(path / "config.yaml")
    _write_metrics(path / "metrics.csv", steps, 10, validated, nan_from)
    if evaluation is not None:
        (path / "evaluation.json").write_text(json.dumps(evaluation))
    _write_checkpoint(path, config, labels, input_shape)
    return path


@pytest.fixture
def source(tmp_path: Path) -> str:
    """The data of the runs."""
    return write_source(tmp_path)


@pytest.fixture
def make_run(tmp_path: Path, source: str) -> Callable[..., Path]:
    """:func:`write_run` by the name of a folder, on that data."""
    return lambda name, loss=None, **settings: write_run(tmp_path / name, loss, **{"source": source, **settings})


@pytest.fixture
def five_losses(make_run: Callable[..., Path]) -> tuple[Run, ...]:
    """One run of each look."""
    losses = {
        "cross_entropy": LossOptions(name="cross_entropy"),
        "focal": LossOptions(name="focal"),
        "asymmetric": LossOptions(name="asymmetric"),
        "adaptive": LossOptions(name="adaptive"),
        "printed": LossOptions(name="adaptive", rate=-0.5),
    }
    return read_runs([make_run(name, loss) for name, loss in losses.items()])


def _write_metrics(path: Path, steps: int, per_epoch: int, validated: bool, nan_from: int | None) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for step in range(1, steps + 1):
            share, epoch = step / steps, (step - 1) // per_epoch
            value = math.nan if nan_from is not None and step >= nan_from else 1.0
            numbers = (3 - share, 8 - 4 * share, 0.3, 0.8, 0.5 * share - 0.5, 2 + 2 * share, 1e-3)
            columns = ("loss", "cross_entropy", "p_pos", "p_neg", "gap", "gamma_neg", "learning_rate")
            row = {name: value * number for name, number in zip(columns, numbers, strict=True)}
            writer.writerow({"epoch": epoch, "step": step, **row})
            if validated and step % per_epoch == 0:
                found = dict(zip(COLUMNS[-5:], (0.5 * share, 5.0, 0.4, 0.9, -0.5), strict=True))
                writer.writerow({"epoch": epoch, "step": step, **found})


def _write_checkpoint(path: Path, config: Config, labels: tuple[str, ...], shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    model = build_model(config.model, input_shape=shape, num_labels=len(labels))
    weights = {f"model.{name}": value for name, value in model.state_dict().items()}
    criterion = build_criterion(config.loss, num_labels=len(labels))
    weights |= {f"criterion.{name}": value for name, value in criterion.state_dict().items()}
    (path / "checkpoints").mkdir()
    content = {"lopsided": about_run(labels, Inputs(usual_kind(shape), shape)), "state_dict": weights, "epoch": 0}
    torch.save(content, path / "checkpoints" / "best.ckpt")
