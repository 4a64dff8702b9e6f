"""Every metric of a run on one split."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lopsided.data import Data
from lopsided.inference.by_label.blocks import Blocks, blocks_of
from lopsided.inference.by_label.measured import measured
from lopsided.inference.evaluations.chosen import chosen_on
from lopsided.inference.evaluations.rankings import Asked, about_rankings
from lopsided.inference.scores import scores_of
from lopsided.inference.scoring import Scores, coverage, default_split, same_labels
from lopsided.inference.thresholds import HALF, Decision, decision_of
from lopsided.metrics import (
    Reliability,
    equal_mass_edges,
    f1_draws,
    interval,
    operating_point,
    operating_point_from,
    reliability,
)
from lopsided.metrics.catalogue import KS, decisions, values_of
from lopsided.metrics.ranked.frequencies import A, B, Frequencies
from lopsided.metrics.ranked.rankings import rankings
from lopsided.runs.folder import RunFolder
from lopsided.runs.formats import FORMAT
from lopsided.runs.frequencies import frequencies_of
from lopsided.runs.json_files import write_json
from lopsided.runs.lock import writing
from lopsided.runs.loss.calibrators import method_of

__all__ = ["evaluate"]

TOP_K = 3


def evaluate(
    run: RunFolder,
    data: Data,
    *,
    split: str | None = None,
    threshold: float | None = None,
    save: bool = True,
    source: str | None = None,
    keep: bool = True,
    ks: Sequence[int] | None = None,
    propensity: tuple[float, float] = (A, B),
) -> dict[str, Any]:
    """Metrics of the best averaged weights.

    Args:
        run: A trained run.
        data: The data, with the labels of the run.
        split: Which split; by default test, else val, else the first.
        threshold: Probability above which a label is predicted, in [0, 1]; by default those that were chosen for the
            run, else 0.5.
        save: Write them to evaluation.json in the run, which its report shows; off for other data than the run's own.
        source: Where the data comes from, if it is not the run's own.
        keep: Read logits that were kept in the run, and keep those that are computed.
        ks: For P@k and its kin, numbers of best-ranked labels beside 1, 3 and 5.
        propensity: ``a`` and ``b`` of :func:`lopsided.metrics.propensities`.

    Returns:
        Every metric of :mod:`lopsided.metrics.catalogue` by its name, and what :func:`described` says beside them; for
        images, ``unreadable``: numbers of samples that could not be opened, whose labels count as unknown.

    Raises:
        ValueError: The data does not fit the run, or it is to be saved and another process writes to the run.
    """
    asked = Asked(KS if ks is None else tuple(ks), *propensity)
    with writing(run.path) if save else nullcontext():
        return _measured(run, data, split=split, threshold=threshold, save=save, source=source, keep=keep, asked=asked)


def _measured(
    run: RunFolder,
    data: Data,
    *,
    split: str | None,
    threshold: float | None,
    save: bool,
    source: str | None,
    keep: bool,
    asked: Asked,
) -> dict[str, Any]:
    trained = run.load()
    same_labels(trained, data)
    asked.check(len(trained.labels))
    if split is None:
        split = default_split(data)
    decision = decision_of(run, trained, threshold)
    fit = run.decided(run.calibration_file, epoch=trained.epoch, weights=trained.weights)
    blocks = blocks_of(run, trained, data, split=split, source=source, keep=keep)
    told = Told(
        labels=trained.labels,
        decision=decision,
        chosen=chosen_on(run, split=split, source=source, thresholds=decision.chosen, fit=fit),
        method=method_of(trained.calibrator, run.config().loss),
        fit=fit,
        asked=asked,
        training=frequencies_of(run, data if source is None else None, num_labels=len(trained.labels)),
    )
    if blocks is not None:
        result = described_by_label(blocks, trained.calibrator, before=torch.sigmoid, told=told)
        unreadable = blocks.unreadable
    else:
        scores = scores_of(run, trained, data, split=split, source=source, keep=keep)
        result = described(scores, trained.calibrator(scores.logits), before=torch.sigmoid(scores.logits), told=told)
        unreadable = scores.unreadable
    result = {"split": split, **result}
    if data.opens_files:
        result["unreadable"] = unreadable
    if save:
        write_json(run.evaluation_file, {"format": FORMAT, "weights": trained.weights, **result})
    return result


class Told(NamedTuple):
    """What :func:`described` is told beside scores, whoever computed them and wherever they are.

    Args:
        labels: Names.
        decision: Above which probability labels are predicted.
        chosen: Which of weights, thresholds and calibration were chosen on these samples.
        method: What makes the probabilities.
        fit: How a calibration was fitted; None where none was.
        asked: What is asked of rankings.
        training: How frequent labels are in training; None where that is not known.
    """

    labels: tuple[str, ...]
    decision: Decision
    chosen: list[str]
    method: str
    fit: dict[str, Any] | None
    asked: Asked
    training: Frequencies | None


def described(
    scores: Scores,
    probabilities: Tensor,
    *,
    before: Tensor,
    told: Told,
) -> dict[str, Any]:
    """What :func:`evaluate` returns of scores, whoever computed them.

    Args:
        scores: Scores, by which samples are ranked, and the truth.
        probabilities: Of the same shape.
        before: Probabilities without any calibration.
        told: What decides beside them.

    Returns:
        Every metric (mAP over ``labels_measured`` labels; decisions at ``threshold``); ``top3``: decisions on the three
        most probable labels of each sample that are above it; ``calibration``: Brier score, calibration errors and
        bins, of sigmoid and probabilities; ``chosen_on_this_split``: which of weights, thresholds and calibration were;
        for chosen thresholds, ``thresholds``: how, and ``f1``: their gain over 0.5, unless something was chosen on this
        split; and what :mod:`lopsided.inference.evaluations.rankings` says.
    """
    labels, decision, chosen, method, fit, asked, training = told
    targets, mask = scores.targets, scores.mask
    seen, wide = coverage(targets, mask), reliability(probabilities, targets, mask=mask)
    found = rankings(scores.logits, targets, num_ranks=asked.num_ranks, mask=mask, training=asked.told(training))
    point = operating_point(probabilities, targets, threshold=decision.threshold, mask=mask)
    result = {
        **values_of(found, point, wide, ks=asked.ks),
        **about_rankings(found, labels, asked),
        "top3": _of_top(probabilities, scores, decision),
        "threshold": decision.common,
        "samples": len(targets) if mask is None else int(mask.any(dim=1).sum()),  # of which anything is known
        "chosen_on_this_split": chosen,
        "labels_measured": seen.measured,
        "labels_without_positives": len(labels) - seen.measured,
        "labels_always_true": [labels[k] for k in seen.always_true],
        "calibration": _calibration(method, fit, scores, probabilities, before, wide),
    }
    if decision.chosen is not None:
        result["thresholds"] = _how_chosen(decision.chosen)
        if not chosen:
            result["f1"] = _compared(probabilities, scores, decision)
    return result


def described_by_label(
    blocks: Blocks,
    calibrator: nn.Module,
    *,
    before: Callable[[Tensor], Tensor],
    told: Told,
) -> dict[str, Any]:
    """What :func:`described` gives of scores that are too many to hold, without ``f1``, whose draws need them all.

    ``calibrator`` and ``before`` make probabilities of scores, with the calibration and without any.
    """
    labels, decision, chosen, method, fit, asked, training = told
    found = measured(
        blocks,
        calibrator,
        before=before,
        threshold=decision.threshold,
        top_k=TOP_K,
        num_ranks=asked.num_ranks,
        training=asked.told(training),
    )
    measured_labels = found.positives > 0
    always = (measured_labels & (found.negatives == 0)).nonzero().flatten().tolist()
    result = {
        **values_of(found.rankings, found.point, found.bins, ks=asked.ks),
        **about_rankings(found.rankings, labels, asked),
        "top3": decisions(operating_point_from(found.top)),
        "threshold": decision.common,
        "samples": found.samples,
        "chosen_on_this_split": chosen,
        "labels_measured": int(measured_labels.sum()),
        "labels_without_positives": len(labels) - int(measured_labels.sum()),
        "labels_always_true": [labels[k] for k in always],
        "calibration": {"method": method, **_fitted_on(fit), "before": found.before, "after": found.after},
    }
    return result if decision.chosen is None else {**result, "thresholds": _how_chosen(decision.chosen)}


def _how_chosen(chosen: dict[str, Any]) -> dict[str, Any]:
    kept = ("rule", "at_least", "per_label", "split", "source", "few")
    return {name: chosen[name] for name in kept if name in chosen}


def _fitted_on(fit: dict[str, Any] | None) -> dict[str, Any]:
    if fit is None:
        return {}
    return {"fitted_on": fit["split"], **({"source": fit["source"]} if "source" in fit else {})}


def _of_top(probabilities: Tensor, scores: Scores, decision: Decision) -> dict[str, float]:
    top_k = min(TOP_K, probabilities.shape[1])
    point = operating_point(
        probabilities,
        scores.targets,
        threshold=decision.threshold,
        top_k=top_k,
        top_k_above_threshold=True,
        mask=scores.mask,
    )
    return decisions(point)


def _calibration(
    method: str,
    fit: dict[str, Any] | None,
    scores: Scores,
    probabilities: Tensor,
    uncalibrated: Tensor,
    wide: Reliability,
) -> dict[str, Any]:
    """Calibration of the sigmoid, as ``before``, and of the probabilities, as ``after``."""
    after = _truthfulness(probabilities, scores, wide)
    before = after if torch.equal(uncalibrated, probabilities) else _truthfulness(uncalibrated, scores)
    return {"method": method, **_fitted_on(fit), "before": before, "after": after}


def _truthfulness(probabilities: Tensor, scores: Scores, wide: Reliability | None = None) -> dict[str, Any]:
    edges = equal_mass_edges(probabilities, 15, mask=scores.mask)
    wide = wide or reliability(probabilities, scores.targets, mask=scores.mask)
    even = reliability(probabilities, scores.targets, edges=edges, mask=scores.mask)
    return {"brier": wide.brier, "ece": wide.error, "ece_equal_mass": even.error, "bins": wide.rows()}


def _compared(probabilities: Tensor, scores: Scores, decision: Decision) -> dict[str, Any]:
    """Macro and micro F1 with the chosen thresholds and with 0.5, each with its 95 % interval, and the difference."""
    point, draws = {}, {}
    for name, threshold in (("chosen", decision.threshold), ("at_half", HALF)):
        found = operating_point(probabilities, scores.targets, threshold=threshold, mask=scores.mask)
        point[name] = {"macro": found.mean_f1, "micro": found.of1}
        draws[name] = f1_draws(probabilities, scores.targets, threshold=threshold, mask=scores.mask)
    point["gain"] = {of: point["chosen"][of] - point["at_half"][of] for of in ("macro", "micro")}
    draws["gain"] = draws["chosen"] - draws["at_half"]
    return {
        name: {of: [value, *interval(draws[name][row])] for row, (of, value) in enumerate(values.items())}
        for name, values in point.items()
    }
