"""Thresholds of a run: chosen on validation, kept in thresholds.json, applied by predict, evaluate and export."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lopsided.data import Data
from lopsided.inference.by_label.blocks import Blocks, blocks_of
from lopsided.inference.by_label.thresholds import thresholds_by_label
from lopsided.inference.calibrate import FEW
from lopsided.inference.scores import scores_of
from lopsided.inference.scoring import Scores, same_labels
from lopsided.metrics import Counts, Thresholds, choose_thresholds, count
from lopsided.metrics.thresholds import SHRINKAGE, Rule
from lopsided.runs.folder import RunFolder, Trained, made_on
from lopsided.runs.formats import FORMAT
from lopsided.runs.json_files import write_json
from lopsided.runs.lock import writing

__all__ = ["choose"]

HALF = 0.5
"""The threshold of a run where none was chosen."""


@dataclass(frozen=True, eq=False)
class Decision:
    """Above which probability labels are predicted, and how that was chosen."""

    common: float  # for all labels together
    per_label: Tensor | None = None  # shape (labels,); None where all have the common one
    chosen: dict[str, Any] | None = None  # thresholds.json without its labels; None for a number that was given

    @property
    def threshold(self) -> float | Tensor:
        """What probabilities are compared with."""
        return self.common if self.per_label is None else self.per_label

    def describe(self) -> str:
        """Such as ``0.5`` or ``0.31 (best F1 of each label on val)``."""
        if self.chosen is None:
            return f"{self.common:g}"
        rule, at_least = self.chosen["rule"], self.chosen["at_least"]
        aim = "best F1" if rule == "f1" else f"{rule} at least {at_least:g}"
        each = " of each label" if self.per_label is not None else ""
        where = f" of {self.chosen['source']}" if "source" in self.chosen else ""
        return f"{self.common:.2g} ({aim}{each} on {self.chosen['split']}{where})"


def decision_of(run: RunFolder, trained: Trained, threshold: float | None = None) -> Decision:
    """The thresholds to apply: the one that is given, in [0, 1], or those that were chosen for the run, or 0.5.

    Raises:
        ValueError: The number is out of range, or thresholds.json is damaged or of other weights.
    """
    if threshold is not None:
        if not 0 <= threshold <= 1:
            raise ValueError(f"expected threshold to lie in [0, 1], got {threshold}")
        return Decision(threshold)
    content = run.decided(run.thresholds_file, epoch=trained.epoch, weights=trained.weights)
    if content is None:
        return Decision(HALF)
    try:
        return decision_in(content, trained.labels)
    except ValueError as error:
        raise ValueError(f"expected {run.thresholds_file} to be what lopsided wrote, got {error!s:.100}") from error


def decision_in(content: dict[str, Any], names: tuple[str, ...]) -> Decision:
    """The decision that the content of thresholds.json says, for labels of these names.

    Raises:
        ValueError: It is no such content, or a label is missing.
    """
    try:
        labels, chosen = content["labels"], {name: value for name, value in content.items() if name != "labels"}
        values = torch.tensor([labels[name]["threshold"] for name in names], dtype=torch.float32)
        decision = Decision(float(chosen["common"]), values if chosen["per_label"] else None, chosen)
        decision.describe()
        if (
            not all(isinstance(chosen.get(name, ""), str) for name in ("split", "source"))
            or not torch.isfinite(values).all()
        ):
            raise ValueError("thresholds that are no numbers, or a split that is no name")
        return decision
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{error!r:.100}") from error


def choose(
    run: RunFolder,
    data: Data,
    *,
    rule: Rule = "f1",
    at_least: float | None = None,
    per_label: bool = False,
    split: str = "val",
    source: str | None = None,
    keep: bool = True,
) -> dict[str, Any]:
    """Choose thresholds on a split that the network was not trained on, and keep them in the run.

    Args:
        run: A trained run.
        data: The data, with the labels of the run.
        rule: f1, precision or recall; see :func:`lopsided.metrics.choose_thresholds`.
        at_least: For precision and recall, in (0, 1].
        per_label: One for each label; those of labels with few positives stay near the common one.
        split: What to choose on.
        source: What to call the data where it is not the run's own.
        keep: Read logits that were kept in the run, and keep those that are computed.

    Returns: What thresholds.json holds: ``rule``, ``at_least``, ``per_label``, ``split``, ``source`` where it was
        given, ``epoch``, ``common``, ``reached`` (whether the common one reaches ``at_least``), ``short`` (labels whose
        own one does not), ``few`` (labels with fewer than 10 positives there) and ``labels``: for each, ``threshold``,
        ``positives``, and ``precision``, ``recall`` and ``f1`` on that split. Where its scores are too many to hold,
        ``common_on_every``: the common one was chosen on every so many-th sample.

    Raises:
        ValueError: The data does not fit the run, no positive is known, the settings do not belong together, or another
            process writes to the run.
    """
    with writing(run.path):
        trained = run.load()
        same_labels(trained, data)
        blocks = blocks_of(run, trained, data, split=split, source=source, keep=keep)
        if blocks is not None:
            chosen = chosen_by_label(
                blocks, trained.calibrator, trained.labels, rule=rule, at_least=at_least, per_label=per_label
            )
        else:
            scores = scores_of(run, trained, data, split=split, source=source, keep=keep)
            probabilities = trained.calibrator(scores.logits)
            chosen = chosen_thresholds(
                probabilities, scores, trained.labels, rule=rule, at_least=at_least, per_label=per_label
            )
        content = {"format": FORMAT, **made_on(trained, split=split, source=source), **chosen}
        write_json(run.thresholds_file, content)
        return content


def chosen_thresholds(
    probabilities: Tensor,
    scores: Scores,
    labels: tuple[str, ...],
    *,
    rule: Rule,
    at_least: float | None,
    per_label: bool,
) -> dict[str, Any]:
    """The part of thresholds.json that says what was chosen and what it comes to, of probabilities by whoever."""
    targets, mask = scores.targets, scores.mask
    found = choose_thresholds(probabilities, targets, rule=rule, at_least=at_least, per_label=per_label, mask=mask)
    values = found.common if found.per_label is None else found.per_label
    return _content(found, count(probabilities, targets, threshold=values, mask=mask), labels, rule, at_least)


def chosen_by_label(
    blocks: Blocks,
    calibrator: nn.Module,
    labels: tuple[str, ...],
    *,
    rule: Rule,
    at_least: float | None,
    per_label: bool,
) -> dict[str, Any]:
    """The same of scores that are too many to hold."""
    found, counts, every = thresholds_by_label(blocks, calibrator, rule=rule, at_least=at_least, per_label=per_label)
    return {**_content(found, counts, labels, rule, at_least), "common_on_every": every}


def _content(
    found: Thresholds, counts: Counts, labels: tuple[str, ...], rule: Rule, at_least: float | None
) -> dict[str, Any]:
    values = torch.full((len(labels),), found.common) if found.per_label is None else found.per_label
    per_label = found.per_label is not None
    hits, predicted, positives = (part.double() for part in (counts.true_positives, counts.predicted, counts.positives))
    columns = {
        "threshold": values,
        "positives": counts.positives,
        "precision": hits / predicted.clamp(min=1),
        "recall": hits / positives.clamp(min=1),
        "f1": 2 * hits / (predicted + positives).clamp(min=1),
    }
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    return {
        "rule": rule,
        "at_least": at_least,
        "per_label": per_label,
        "shrinkage": SHRINKAGE if per_label else None,
        "common": found.common,
        "reached": found.reached,
        "short": [name for name, short in zip(labels, found.short.tolist(), strict=True) if short],
        "few": [name for name, n in zip(labels, counts.positives.tolist(), strict=True) if n < FEW],
        "labels": {name: dict(zip(columns, row, strict=True)) for name, row in zip(labels, rows, strict=True)},
    }
