"""What a model card and the tables beside it say of a run, whatever its network."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import torch

from lopsided.inference.thresholds import Decision
from lopsided.metrics.catalogue import CATALOGUE
from lopsided.runs.folder import RunFolder, Trained
from lopsided.runs.loss.calibrators import method_of
from lopsided.runs.own_data import own_data


def counts_of_labels(run: RunFolder) -> tuple[list[int] | None, str]:
    """Training samples that have each label, where the run's data can be read."""
    try:
        data = own_data(run)
        counts = data.labels.take(data.rows("train")).positives_per_label().tolist()
    except (ImportError, OSError, ValueError) as error:
        return None, f"none, because the run's data can't be read: {' '.join(str(error).split()):.160}"
    return counts, f"{len(data.rows('train'))} training samples"


def tags(trained: Trained, decision: Decision, counts: list[int] | None) -> str:
    """A row for each label in the form of programs that tag pictures: its number, name, count and threshold."""
    values = _per_label(trained, decision)
    columns = ["id", "tag_id", "name", "category", "count", "best_threshold"]
    rows = (
        [i, i, name, 0, "" if counts is None else counts[i], f"{values[i]:.6g}"]
        for i, name in enumerate(trained.labels)
    )
    return _csv([columns, *rows])


def thresholds(trained: Trained, decision: Decision) -> str:
    """A row for each label: its number, name and threshold."""
    values = _per_label(trained, decision)
    rows = ([i, name, 0, f"{values[i]:.6g}"] for i, name in enumerate(trained.labels))
    return _csv([["tag_id", "name", "category", "threshold"], *rows])


def _per_label(trained: Trained, decision: Decision) -> list[float]:
    return torch.as_tensor(decision.threshold).expand(len(trained.labels)).tolist()


def _csv(rows: list[list[Any]] | Any) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def about_results(run: RunFolder, trained: Trained, decision: Decision) -> list[str]:
    """The lines of a card about metrics, probabilities, thresholds and settings."""
    config = run.config()
    loss = {"name": config.loss.name, **config.loss.given()}
    return [
        *("", "## Metrics", "", *_metrics(run)),
        *("", "## Probabilities and thresholds", ""),
        f"Logits become probabilities by: {method_of(trained.calibrator, config.loss)}. A sigmoid alone is not that, "
        "unless it says so. Labels are predicted above a probability of "
        f"{decision.describe()}; `selected_tags.csv` and `thresholds.csv` have the number for each label.",
        *("", "## Settings", "", "```json"),
        json.dumps({"loss": loss, "training": _given(config.training)}, indent=2, ensure_ascii=False, default=str),
        "```",
    ]


def data_of(run: RunFolder) -> str:
    """The name of the data and how it was read, for a card."""
    kind, _, place = run.config().source.partition(":")
    return f"`{Path(place).name or kind}`, read as `{kind}`."


def _given(options: Any) -> dict[str, Any]:
    usual = type(options)()
    return {name: value for name, value in vars(options).items() if value != getattr(usual, name)}


def _metrics(run: RunFolder) -> list[str]:
    found = run.evaluation()
    if found is None:
        return ["None measured yet: `lopsided evaluate RUN` writes them."]
    rows = [f"On the split `{found['split']}`:", "", "| metric | value |", "|---|---|"]
    for name, entry in CATALOGUE.items():
        value = found.get(name)
        if entry.group == "usual" and isinstance(value, int | float) and value == value:
            rows.append(f"| {entry.title} | {100 * value:.1f} % |")
    for name, (value, low, high) in found.get("f1", {}).get("chosen", {}).items():
        rows.append(
            f"| {name} F1, with its 95 % interval | {100 * value:.1f} % ({100 * low:.1f} to {100 * high:.1f}) |"
        )
    return rows
