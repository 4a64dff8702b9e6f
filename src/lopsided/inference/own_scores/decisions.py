"""The decisions of runs on scores of another program: metrics, calibration, thresholds, an audit."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lopsided.inference.audit import Audit
from lopsided.inference.audit import audit as ranked
from lopsided.inference.by_label.sources import Mapped
from lopsided.inference.calibrate import fitted, fitted_by_label
from lopsided.inference.cross_fit import OutOfSample, check_room
from lopsided.inference.evaluate import Told, described, described_by_label
from lopsided.inference.evaluations.rankings import Asked
from lopsided.inference.own_scores.reading import Kind, OwnScores
from lopsided.inference.scoring import Scores
from lopsided.inference.thresholds import HALF, Decision, chosen_by_label, chosen_thresholds, decision_in
from lopsided.metrics.catalogue import KS
from lopsided.metrics.ranked.frequencies import A, B
from lopsided.metrics.thresholds import Rule
from lopsided.runs.formats import FORMAT, check_format
from lopsided.runs.frequencies import frequencies_in
from lopsided.runs.loss.calibrators import Calibrator, ClosedForm, Method, from_fit
from lopsided.runs.reading import read_json

__all__ = ["audit_scores", "calibrate_scores", "choose_for_scores", "evaluate_scores"]

_NOTHING_UNDONE = ClosedForm(0.0, 0.0, 0.0, False)
_LEAST = 1e-12  # probability whose logit is taken for smaller ones


def evaluate_scores(
    scores: OwnScores,
    *,
    split: str | None = None,
    threshold: float | None = None,
    thresholds: dict[str, Any] | None = None,
    calibration: dict[str, Any] | None = None,
    ks: Sequence[int] | None = None,
    propensity: tuple[float, float] = (A, B),
) -> dict[str, Any]:
    """Every metric of some scores, by the names that ``lopsided evaluate --json`` has.

    Args:
        scores: What was read.
        split: Which split; by default test, else val, else the first.
        threshold: Probability above which a label is predicted, in [0, 1] (default: 0.5).
        thresholds: What :func:`choose_for_scores` gave, instead.
        calibration: What :func:`calibrate_scores` gave.
        ks: For P@k and its kin, numbers of best-ranked labels beside 1, 3 and 5.
        propensity: ``a`` and ``b`` of :func:`lopsided.metrics.propensities`, whose frequencies are those of the
            training split, where the file or the source has one.

    Raises:
        ValueError: Thresholds or calibration are of other labels, of another kind of scores, or not of one another.
    """
    if threshold is not None and thresholds is not None:
        raise ValueError("expected threshold or thresholds, got both")
    if threshold is not None and not 0 <= threshold <= 1:
        raise ValueError(f"expected threshold to lie in [0, 1], got {threshold}")
    asked = Asked(KS if ks is None else tuple(ks), *propensity)
    asked.check(scores.values.shape[1])
    names = scores.split_names
    split = split or next((name for name in ("test", "val") if name in names), names[0])
    part = scores.of_split(split)
    decision = Decision(HALF if threshold is None else threshold)
    if thresholds is not None:
        _check_fits(part, thresholds, "thresholds")
        if thresholds.get("calibration") != _digest(calibration):
            raise ValueError("expected thresholds of the same calibration, got others: choose them again")
        decision = decision_in(thresholds, part.data.labels.names)
    chosen = [
        name
        for name, made in (("thresholds", thresholds), ("calibration", calibration))
        if made is not None and (made["source"], made["split"]) == (part.place, split)
    ]
    told = Told(
        labels=part.data.labels.names,
        decision=decision,
        chosen=chosen,
        method="as they are" if calibration is None else calibration["method"],
        fit=calibration,
        asked=asked,
        training=frequencies_in(scores.data),
    )
    calibrator, before = _ToProbabilities(part, calibration), _ToProbabilities(part, None)
    if (blocks := part.blocks) is not None:
        result = described_by_label(blocks, calibrator, before=before, told=told)
    else:
        found = _truth(part)
        result = described(found, calibrator(found.logits), before=before(found.logits), told=told)
    result["calibration"]["uncalibrated"] = "the scores as they are"
    return {"split": split, **result}


def calibrate_scores(scores: OwnScores, *, method: Method = "platt", split: str | None = None) -> dict[str, Any]:
    """Fit a calibration to scores of samples that their network was not trained on.

    Args:
        scores: What was read.
        method: temperature, platt or isotonic; see :func:`lopsided.inference.calibrate.calibrate`.
        split: What to fit on; by default val, or the only split.

    Returns: What :func:`evaluate_scores` and :func:`choose_for_scores` take, and a file of JSON holds.
    """
    part = scores.of_split(split or _split_to_fit(scores))
    names = part.data.labels.names
    if (blocks := part.blocks) is not None:
        logits = dataclasses.replace(blocks, source=Mapped(blocks.source, partial(_logits, part.kind)))
        fit = fitted_by_label(logits, closed=_NOTHING_UNDONE, method=method)
    else:
        truth = _truth(part)
        logits = _logits(part.kind, truth.logits)
        fit = fitted(logits, truth.targets, truth.mask, closed=_NOTHING_UNDONE, method=method)
    few = [names[k] for k in fit.pop("few")]
    return {**_about(part), "method": method, **fit, "few": few}


def choose_for_scores(
    scores: OwnScores,
    *,
    rule: Rule = "f1",
    at_least: float | None = None,
    per_label: bool = False,
    split: str | None = None,
    calibration: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Choose thresholds on scores of samples that their network was not trained on.

    Args:
        scores: What was read.
        rule: f1, precision or recall; see :func:`lopsided.metrics.choose_thresholds`.
        at_least: For precision and recall, in (0, 1].
        per_label: One for each label.
        split: What to choose on; by default val, or the only split.
        calibration: What :func:`calibrate_scores` gave, if probabilities are to be calibrated first.

    Returns: What :func:`evaluate_scores` takes, and a file of JSON holds.
    """
    part = scores.of_split(split or _split_to_fit(scores))
    calibrator, names = _ToProbabilities(part, calibration), part.data.labels.names
    if (blocks := part.blocks) is not None:
        found = chosen_by_label(blocks, calibrator, names, rule=rule, at_least=at_least, per_label=per_label)
    else:
        truth = _truth(part)
        found = chosen_thresholds(
            calibrator(truth.logits), truth, names, rule=rule, at_least=at_least, per_label=per_label
        )
    return {**_about(part), "calibration": _digest(calibration), **found}


def audit_scores(
    scores: OwnScores, *, most: int = 2000, split: str | None = None, calibration: dict[str, Any] | None = None
) -> tuple[Audit, OwnScores]:
    """Rank labels by how doubtful they are, by scores of networks that did not see the sample.

    Args:
        scores: What was read, with folds: samples of one fold were scored by a network that was trained on others.
        most: Number of suspects, >= 1.
        split: Which split; by default all.
        calibration: What :func:`calibrate_scores` gave.

    Returns: The audit, and the scores that it is about.

    Raises:
        ValueError: There are no folds, so that nothing says that the scores are out of sample.
    """
    part = scores if split is None else scores.of_split(split)
    folds = set() if part.folds is None else {str(fold) for fold in part.folds}
    if len(folds - {""}) < 2 or "" in folds:
        came = "none" if part.folds is None else "an empty cell" if "" in folds else f"only {next(iter(folds))!r}"
        raise ValueError(
            f"expected a column 'fold' with the part of the data that each sample was left out with, 2 or more, got "
            f"{came}: scores of a network on what it was trained on prove nothing about its labels"
        )
    check_room(*part.values.shape, path=part.place)
    truth = _truth(part)
    known = torch.ones_like(truth.targets) if truth.mask is None else truth.mask
    probabilities = _ToProbabilities(part, calibration)(truth.logits).float()
    logits = _logits(part.kind, truth.logits)
    return ranked(OutOfSample(part.rows, probabilities, logits, truth.targets, known, []), most=most), part


def read_made(path: Path, wanted: str) -> dict[str, Any]:
    """What a file of ``calibration`` or ``thresholds`` holds.

    Raises:
        ValueError: It is something else.
    """
    content = read_json(path)
    check_format(path, content.get("format"))
    key = "common" if wanted == "thresholds" else "method"
    if any(name not in content for name in (key, "scores", "label_names", "split", "source")):
        raise ValueError(f"expected {path} to hold {wanted} of scores, as lopsided wrote it, got something else")
    return content


def _truth(part: OwnScores) -> Scores:
    targets, mask = part.data.labels.dense(part.rows)
    known = None if mask is None else torch.from_numpy(mask)
    return Scores(part.tensor, torch.from_numpy(targets), known, [])


def _logits(kind: Kind, scores: Tensor) -> Tensor:
    if kind == "logits":
        return scores
    p = scores.double().clamp(_LEAST, 1 - _LEAST)
    return torch.log(p) - torch.log1p(-p)


class _ToProbabilities(nn.Module):
    """From scores to probabilities, calibrated or as they are."""

    def __init__(self, part: OwnScores, calibration: dict[str, Any] | None) -> None:
        super().__init__()
        self.kind: Kind = part.kind
        self.fitted: Calibrator | None = None
        if calibration is None:
            return
        _check_fits(part, calibration, "the calibration")
        try:
            self.fitted = from_fit(_NOTHING_UNDONE, calibration, num_labels=part.values.shape[1])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ValueError(f"expected a calibration as lopsided wrote it, got {error!r:.100}") from error

    def forward(self, scores: Tensor) -> Tensor:
        """Probabilities, shape of ``scores``."""
        if self.fitted is not None:
            return self.fitted(_logits(self.kind, scores))
        return torch.sigmoid(scores) if self.kind == "logits" else scores


def _about(part: OwnScores) -> dict[str, Any]:
    about = {"format": FORMAT, "source": part.place, "split": str(part.splits[0]), "scores": part.kind}
    return {**about, "label_names": list(part.data.labels.names)}


def _check_fits(part: OwnScores, made: dict[str, Any], what: str) -> None:
    if made["scores"] != part.kind:
        raise ValueError(f"expected {what} to be made for {part.kind}, got what was made for {made['scores']}")
    names = list(part.data.labels.names)
    if made["label_names"] != names:
        other = next((pair for pair in zip(names, made["label_names"], strict=False) if pair[0] != pair[1]), None)
        told = f"{other[0]!r} where they have {other[1]!r}" if other else f"{len(names)} labels"
        raise ValueError(f"expected {what} to be made for the labels of {part.place}, got {told}")


def _digest(calibration: dict[str, Any] | None) -> str | None:
    if calibration is None:
        return None
    return hashlib.sha256(json.dumps(calibration, sort_keys=True).encode()).hexdigest()[:16]


def _split_to_fit(scores: OwnScores) -> str:
    names = scores.split_names
    if "val" in names or len(names) == 1:
        return "val" if "val" in names else names[0]
    raise ValueError(f"expected --split, the part of {scores.place} to use, got none, of {', '.join(names)}")
