"""Average precision: per label, mean over labels, and of all labels in one ranking; exact with ties."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lopsided.metrics import native_ranking
from lopsided.metrics.checks import as_truth, check_no_nan, check_shapes, known_positives

# Labels that a thread copies into columns at a time: few, for memory and for even shares among threads.
_LABELS_PER_BLOCK = 8

# From all scores of a ranking, and those of its positives, to one value.
OfRanking: TypeAlias = Callable[[NDArray[np.floating], NDArray[np.floating]], float]


def average_precision(scores: Tensor, targets: Tensor, *, mask: Tensor | None = None) -> Tensor:
    r"""Average precision of each label: the mean, over its positives, of the precision at that positive's score.

    With :math:`P` the scores of a label's positives and :math:`S` the scores of all its known elements,

    .. math:: AP = \frac{1}{|P|} \sum_{s \in P} \frac{|\{p \in P: p \ge s\}|}{|\{t \in S: t \ge s\}|}.

    Tied scores count together, so the order of rows cannot matter. Computed on the CPU, by as many threads as
    torch uses, natively where that was built; beside the inputs it keeps a few columns, without the native module
    also the targets as bool, and of half precision a float32 copy.

    Args:
        scores: Logits or probabilities, only their order matters, shape ``(samples, labels)``, floating point.
        targets: 0 or 1, bool, integer or float, shape of ``scores``.
        mask: True where the label is known, bool, broadcasts to ``scores``; unknown elements take no part.

    Returns:
        Values in (0, 1], float64, shape ``(labels,)``, on the CPU; nan for a label without known positives.

    Example:
        >>> average_precision(torch.tensor([[0.9], [0.8], [0.7]]), torch.tensor([[1], [0], [1]]))
        tensor([0.8333], dtype=torch.float64)
    """
    if (values := native_ranking.average_precision(scores, targets, mask)) is not None:
        return values
    return per_label(_of_ranking, scores, targets, mask)


def eleven_point_average_precision(scores: Tensor, targets: Tensor, *, mask: Tensor | None = None) -> Tensor:
    r"""Average precision of each label as PASCAL VOC 2007 measured it: interpolated at eleven levels of recall.

    With :math:`p(\tilde r)` the precision at the score where recall becomes :math:`\tilde r`,

    .. math:: AP = \frac{1}{11} \sum_{r \in \{0, 0.1, ..., 1\}} \max_{\tilde r \ge r} p(\tilde r).

    Values differ from those of :func:`average_precision` by a few points and cannot be compared with them. Tied scores
    count together, so the order of rows cannot matter. The mean over labels is ``.nanmean()`` of the result.

    Args:
        scores: Logits or probabilities, only their order matters, shape ``(samples, labels)``, floating point.
        targets: 0 or 1, bool, integer or float, shape of ``scores``.
        mask: True where the label is known, bool, broadcasts to ``scores``; the challenge leaves out difficult ones.

    Returns:
        Values in (0, 1], float64, shape ``(labels,)``, on the CPU; nan for a label without known positives.

    Example:
        >>> eleven_point_average_precision(torch.tensor([[0.9], [0.8], [0.7]]), torch.tensor([[1], [0], [1]]))
        tensor([0.8485], dtype=torch.float64)

    Source: Everingham et al., IJCV 2010, section 4.2.
    """
    return per_label(_of_ranking_at_eleven_points, scores, targets, mask)


def mean_average_precision(scores: Tensor, targets: Tensor, *, mask: Tensor | None = None) -> Tensor:
    """Mean of :func:`average_precision` over the labels that have a known positive (mAP, macro).

    Args:
        scores: Logits or probabilities, only their order matters, shape ``(samples, labels)``, floating point.
        targets: 0 or 1, bool, integer or float, shape of ``scores``.
        mask: True where the label is known, bool, broadcasts to ``scores``; unknown elements take no part.

    Returns:
        Scalar in (0, 1], float64, on the CPU; nan where no label has a known positive.

    Example:
        >>> scores = torch.tensor([[0.9, 0.2], [0.8, 0.1], [0.7, 0.3]])
        >>> mean_average_precision(scores, torch.tensor([[1, 0], [0, 0], [1, 0]]))
        tensor(0.8333, dtype=torch.float64)
    """
    return average_precision(scores, targets, mask=mask).nanmean()


def micro_average_precision(scores: Tensor, targets: Tensor, *, mask: Tensor | None = None) -> Tensor:
    """Average precision of all known elements pooled into one ranking, whatever their label.

    Args:
        scores: Logits or probabilities, only their order matters, shape ``(samples, labels)``, floating point.
        targets: 0 or 1, bool, integer or float, shape of ``scores``.
        mask: True where the label is known, bool, broadcasts to ``scores``; unknown elements take no part.

    Returns:
        Scalar in (0, 1], float64, on the CPU; nan where there is no known positive.

    Example:
        >>> scores = torch.tensor([[0.9, 0.8], [0.7, 0.6]])
        >>> micro_average_precision(scores, torch.tensor([[1, 0], [1, 0]]))
        tensor(0.8333, dtype=torch.float64)
    """
    if (value := native_ranking.average_precision(scores, targets, mask, pooled=True)) is not None:
        return value[0]
    elements, positives, known = checked_arrays(scores, targets, mask)
    ranking = elements.ravel() if known is None else elements[known]
    return torch.tensor(_of_ranking(ranking, elements[positives]), dtype=torch.float64, device="cpu")


def per_label(of_ranking: OfRanking, scores: Tensor, targets: Tensor, mask: Tensor | None) -> Tensor:
    """One value for each label, float64, by as many threads as torch uses."""
    columns, positives, known = checked_arrays(scores, targets, mask)

    def of_block(first: int) -> list[float]:
        block = slice(first, first + _LABELS_PER_BLOCK)
        seen = None if known is None else known[:, block]
        return _of_columns(of_ranking, columns[:, block], positives[:, block], seen)

    # numpy lets go of the interpreter lock while it sorts and searches, so threads do run side by side.
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        blocks = pool.map(of_block, range(0, columns.shape[1], _LABELS_PER_BLOCK))
        return torch.tensor([value for block in blocks for value in block], dtype=torch.float64, device="cpu")


def checked_arrays(
    scores: Tensor, targets: Tensor, mask: Tensor | None
) -> tuple[NDArray[np.floating], NDArray[np.bool_], NDArray[np.bool_] | None]:
    """Scores, known positives and the full mask, on the CPU.

    Numpy does the work, because torch's threads keep the cores busy for a while after each operation on a large tensor.
    Where it finds something to refuse, torch's checks say where that is.
    """
    full_mask = check_shapes("scores", scores, targets, mask)
    known = None if full_mask is None else _array(full_mask)
    score_array, target_array = _array(scores), _array(targets)
    positives = target_array.astype(bool, copy=False)
    if known is not None:
        positives = positives & known
    if target_array.dtype != bool and not np.all(target_array[positives] == 1):
        known_positives(targets, full_mask)
    if np.isnan(np.min(score_array, initial=0)):
        check_no_nan("scores", scores, full_mask)
    return score_array, positives, known


def _array(tensor: Tensor) -> NDArray[Any]:
    """The tensor on the CPU as numpy sees it, half precision (which numpy sorts slowly or not at all) as float32."""
    tensor = tensor.detach().cpu().resolve_neg()
    if tensor.dtype == torch.bool:
        return as_truth(tensor)
    return (tensor.float() if tensor.is_floating_point() and tensor.dtype != torch.float64 else tensor).numpy()


def _of_columns(
    of_ranking: OfRanking,
    scores: NDArray[np.floating],
    positives: NDArray[np.bool_],
    known: NDArray[np.bool_] | None,
) -> list[float]:
    """One value for each of a few labels, one after the other."""
    columns = zip(np.ascontiguousarray(scores.T), np.ascontiguousarray(positives.T), strict=True)
    if known is None:
        return [of_ranking(column, column[positive]) for column, positive in columns]
    known_columns = np.ascontiguousarray(known.T)
    return [
        of_ranking(column[seen], column[positive])
        for (column, positive), seen in zip(columns, known_columns, strict=True)
    ]


def _of_ranking(scores: NDArray[np.floating], positives: NDArray[np.floating]) -> float:
    """Average precision of one ranking, from all its scores and those of its positives, both in any order."""
    if positives.size == 0:
        return float("nan")
    return precision_at_positives(*_at_positives(scores, positives))


def _of_ranking_at_eleven_points(scores: NDArray[np.floating], positives: NDArray[np.floating]) -> float:
    """The same, interpolated; precision is highest at positives, so only these are looked at."""
    if positives.size == 0:
        return float("nan")
    return eleven_points_at_positives(*_at_positives(scores, positives))


def precision_at_positives(found: NDArray[np.integer], retrieved: NDArray[np.integer]) -> float:
    """Average precision, from what :func:`_at_positives` gives of one or more positives."""
    return float(np.mean(found / retrieved))


def eleven_points_at_positives(found: NDArray[np.integer], retrieved: NDArray[np.integer]) -> float:
    """The same, interpolated at eleven levels of recall."""
    # In whole numbers, found / P >= k / 10, because 3 / 10 and 0.1 * 3 differ as floats.
    reaching = np.searchsorted(-10 * found, -found.size * np.arange(11), side="right")
    return float(np.mean(np.maximum.accumulate(found / retrieved)[reaching - 1]))


def _at_positives(
    scores: NDArray[np.floating], positives: NDArray[np.floating]
) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """For each positive, by ascending score: how many positives, and how many elements, score at least as high."""
    # The sort carries no index, which makes it several times faster: only the ranks of the positives are needed.
    ordered, hits = np.sort(scores), np.sort(positives)
    found = hits.size - np.searchsorted(hits, hits)
    return found, ordered.size - np.searchsorted(ordered, hits)  # ties included
