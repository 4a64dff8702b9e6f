"""Fitting a calibration to a split that the network was not trained on, label by label, with scikit-learn."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lopsided.data import Data
from lopsided.inference.by_label.blocks import Block, Blocks, blocks_of
from lopsided.inference.scores import scores_of
from lopsided.inference.scoring import same_labels
from lopsided.runs.folder import RunFolder, made_on
from lopsided.runs.formats import FORMAT
from lopsided.runs.json_files import write_json
from lopsided.runs.lock import writing
from lopsided.runs.loss.calibrators import ClosedForm, Method, for_labels

__all__ = ["calibrate"]

FEW = 10
"""Positives below which a label gets no calibration or threshold of its own."""

POOLED = 2**24
"""Scores that are held to fit what all labels have in common, of every n-th sample."""

_BINS = 4096  # of logits, for all labels together
_KNOTS = 24  # of an isotonic line, at most


def calibrate(
    run: RunFolder,
    data: Data,
    *,
    method: Method,
    split: str = "val",
    source: str | None = None,
    keep: bool = True,
) -> dict[str, Any]:
    """Fit a calibration and keep it in the run, where predict, evaluate, export and audit find it.

    Thresholds that were chosen for other probabilities are removed.

    Args:
        run: A trained run.
        data: The data, with the labels of the run.
        method: temperature (one number for all labels) or, for each label, platt (scale and shift) or isotonic (a
            rising line); a label with fewer than 10 positives or negatives takes the fit of all labels pooled.
        split: What to fit on.
        source: What to call the data where it is not the run's own.
        keep: Read logits that were kept in the run, and keep those that are computed.

    Returns: ``method``, ``split``, ``source`` where it was given, ``epoch``, the fitted numbers, and ``few``, the
        labels that took the pooled fit; where the scores are too many to hold, ``common_on_every``: what is pooled are
        those of every so many-th sample.

    Raises:
        ValueError: The data does not fit the run, there is no positive to fit on, or another process writes there.
    """
    if method not in get_args(Method):
        raise ValueError(f"expected the method to be one of {', '.join(get_args(Method))}, got {method!r}")
    with writing(run.path):
        trained = run.load()
        same_labels(trained, data)
        blocks = blocks_of(run, trained, data, split=split, source=source, keep=keep)
        if blocks is not None:
            fit = fitted_by_label(blocks, closed=trained.closed_form, method=method)
        else:
            scores = scores_of(run, trained, data, split=split, source=source, keep=keep)
            fit = fitted(scores.logits, scores.targets, scores.mask, closed=trained.closed_form, method=method)
        few = [trained.labels[k] for k in fit.pop("few")]
        about = {"format": FORMAT, "method": method, **made_on(trained, split=split, source=source)}
        content = {**about, **fit, "few": few}
        run.thresholds_file.unlink(missing_ok=True)
        write_json(run.calibration_file, content)
        return content


def fitted(
    logits: Tensor, targets: Tensor, mask: Tensor | None, *, closed: ClosedForm, method: Method
) -> dict[str, Any]:
    """The numbers of a calibration.

    Args:
        logits: Shape ``(samples, labels)``.
        targets: 0 or 1, shape of ``logits``.
        mask: True where the label is known; None where all labels are.
        closed: The closed form of the run.
        method: temperature, platt or isotonic.

    Returns: ``method``, ``few`` (numbers of labels that took the pooled fit) and what :func:`from_fit` reads.

    Raises:
        ValueError: There is no known positive, or no known negative.
    """
    block = Block(slice(0, logits.shape[1]), logits, targets.bool(), mask)
    return _fitted([block], [block], closed, method)


def fitted_by_label(blocks: Blocks, *, closed: ClosedForm, method: Method) -> dict[str, Any]:
    """The same of scores that are too many to hold: what all labels have in common is fitted to every n-th sample."""
    fit = _fitted(blocks.some(POOLED), blocks, closed, method)
    return {**fit, "common_on_every": blocks.every(POOLED)}


def _fitted(some: Iterable[Block], blocks: Iterable[Block], closed: ClosedForm, method: Method) -> dict[str, Any]:
    """Fit what is common to labels to some blocks, and each label to its own."""
    parts = [_pooled(block, closed if method == "temperature" else None) for block in some]
    pooled = _binned(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    if method == "temperature":
        return {"method": method, "few": [], "temperature": _temperature(*pooled)}
    fit = _platt if method == "platt" else _isotonic
    common = fit(*pooled)
    if common is None:
        raise ValueError("expected scores that rise with the truth, got a network that is no better than chance")
    found, few = [], []
    for block in blocks:
        scores, truth, known = _arrays(block)
        for k in range(scores.shape[1]):
            chosen = known[:, k]
            num_positives = int(truth[chosen, k].sum())
            if min(num_positives, int(chosen.sum()) - num_positives) < FEW:
                few.append(len(found))
                found.append(common)
            else:
                found.append(fit(scores[chosen, k], truth[chosen, k], np.ones(chosen.sum())) or common)
    one, other = ([part[i] for part in found] for i in (0, 1))
    if method == "platt":
        return {"method": method, "few": few, "scale": one, "shift": other}
    return {"method": method, "few": few, "knots": {"logits": one, "probabilities": other}}


def _pooled(block: Block, closed: ClosedForm | None) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Logits of all known elements, or with a closed form their log odds by it, and the truth."""
    scores, truth, known = _arrays(block)
    if closed is not None:
        scores = for_labels(closed, block.part).log_odds(block.logits).numpy()
    return scores[known], truth[known]


def _arrays(block: Block) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]:
    known = np.ones(block.logits.shape, dtype=bool) if block.mask is None else block.mask.numpy()
    return block.logits.float().numpy(), block.targets.numpy(), known


def _binned(
    scores: NDArray[np.float32], truth: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.float64]]:
    """Fewer scores, with truth and weights: each bin's mean, once for its negatives and once for its positives."""
    if not truth.any() or truth.all():
        raise ValueError("expected known positives and known negatives to fit to, got only one of the two")
    if len(scores) <= _BINS:
        return scores, truth, np.ones(len(scores))
    edges = np.unique(np.quantile(scores, np.linspace(0, 1, _BINS + 1)[1:-1]))
    bins, size = np.searchsorted(edges, scores), len(edges) + 1
    counts = [np.bincount(bins[truth == side], minlength=size).astype(float) for side in (False, True)]
    means = np.bincount(bins, weights=scores, minlength=size) / np.maximum(counts[0] + counts[1], 1)
    return np.tile(means, 2).astype(np.float32), np.repeat([False, True], size), np.concatenate(counts)


def _temperature(scores: NDArray[np.float32], truth: NDArray[np.bool_], weights: NDArray[np.float64]) -> float:
    scale, _ = _logistic(scores, truth, weights, with_shift=False)
    return float(np.clip(1 / max(scale, 1e-3), 0.05, 20))


def _platt(
    scores: NDArray[np.float32], truth: NDArray[np.bool_], weights: NDArray[np.float64]
) -> tuple[float, float] | None:
    scale, shift = _logistic(scores, truth, weights, with_shift=True)
    return (scale, shift) if scale > 1e-3 else None  # upside down: chance, or a label that nobody can see


def _logistic(
    scores: NDArray[np.float32], truth: NDArray[np.bool_], weights: NDArray[np.float64], *, with_shift: bool
) -> tuple[float, float]:
    from sklearn.linear_model import LogisticRegression  # takes a second, so only when wanted

    model = LogisticRegression(C=10.0, fit_intercept=with_shift).fit(scores[:, None], truth, sample_weight=weights)
    return float(model.coef_[0, 0]), float(model.intercept_[0]) if with_shift else 0.0


def _isotonic(
    scores: NDArray[np.float32], truth: NDArray[np.bool_], weights: NDArray[np.float64]
) -> tuple[list[float], list[float]]:
    from sklearn.isotonic import IsotonicRegression

    model = IsotonicRegression(y_min=0, y_max=1).fit(scores, truth, sample_weight=weights)
    knots, values = model.X_thresholds_, model.y_thresholds_
    some = np.unique(np.linspace(0, len(knots) - 1, _KNOTS).round().astype(int))
    return knots[some].tolist(), values[some].tolist()
