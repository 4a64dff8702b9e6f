"""How many of the k best-ranked labels of a sample are right: precision, nDCG, and precision weighted by rarity."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lopsided.metrics.ranked.top import Shares, share, top_ranked


def precision_at_k(scores: Tensor, targets: Tensor, *, k: int, mask: Tensor | None = None) -> Tensor:
    """Mean over samples of the share of true labels among the k best-ranked ones (P@k).

    A sample with fewer than k known labels is divided by k all the same; one without any takes no part.

    Args:
        scores: Logits or probabilities, only their order matters, shape ``(samples, labels)``, floating point; of equal
            ones the lowest labels come first.
        targets: 0 or 1, bool, integer or float, shape of ``scores``.
        k: Labels of each sample, 1 to ``labels``.
        mask: True where the label is known, bool, broadcasts to ``scores``; unknown labels are not ranked.

    Returns:
        Scalar in [0, 1], float64, on the CPU; nan without any sample.

    >>> precision_at_k(torch.tensor([[0.9, 0.8, 0.1], [0.2, 0.7, 0.6]]), torch.tensor([[1, 0, 0], [0, 1, 1]]), k=2)
    tensor(0.7500, dtype=torch.float64)

    Source: Jain et al., KDD 2016; Bhatia et al., the Extreme Classification Repository.
    """
    return _scalar(top_ranked(scores, targets, num_ranks=k, mask=mask).precision(k))


def ndcg_at_k(scores: Tensor, targets: Tensor, *, k: int, mask: Tensor | None = None) -> Tensor:
    r"""Mean over samples of the normalised discounted cumulative gain of the k best-ranked labels (nDCG@k).

    .. math:: \frac{\sum_{r=1}^{k} y_r / \log_2(r + 1)}{\sum_{r=1}^{\min(k, |y|)} 1 / \log_2(r + 1)}

    with :math:`y_r` the truth of the label at rank r. A sample without known positives takes no part.

    Args:
        scores: As for :func:`precision_at_k`.
        targets: 0 or 1, bool, integer or float, shape of ``scores``.
        k: Labels of each sample, 1 to ``labels``.
        mask: True where the label is known, bool, broadcasts to ``scores``; unknown labels are not ranked.

    Returns:
        Scalar in [0, 1], float64, on the CPU; nan without any sample that has a positive.

    >>> ndcg_at_k(torch.tensor([[0.9, 0.8, 0.1]]), torch.tensor([[0, 1, 0]]), k=2)
    tensor(0.6309, dtype=torch.float64)

    Source: Bhatia et al., the Extreme Classification Repository.
    """
    return _scalar(top_ranked(scores, targets, num_ranks=k, mask=mask).gain(k))


def propensities(positives_per_label: Tensor, *, num_samples: int, a: float = 0.55, b: float = 1.5) -> Tensor:
    r"""How probably a label that is true is noted, from how often it is noted in training.

    .. math:: p_l = \frac{1}{1 + C e^{-a \log(N_l + b)}}, \quad C = (\log N - 1)(b + 1)^a

    Args:
        positives_per_label: Of the training samples, at least 0, shape ``(labels,)``.
        num_samples: Training samples N, at least 3.
        a: Of the data set: 0.5 for Wikipedia, 0.6 for Amazon, 0.55 elsewhere, as the paper fitted them.
        b: Likewise 0.4, 2.6 and 1.5.

    Returns:
        Values in (0, 1), float64, shape ``(labels,)``, on the CPU.

    >>> propensities(torch.tensor([1, 100]), num_samples=1000)
    tensor([0.1448, 0.5648], dtype=torch.float64)

    Source: Jain et al., KDD 2016, section 3.1.
    """
    if num_samples < 3:
        raise ValueError(f"expected num_samples to be at least 3, got {num_samples}")
    counts = positives_per_label.detach().cpu().double()
    if counts.ndim != 1 or bool((~(counts >= 0)).any()):
        raise ValueError(f"expected positives_per_label to be counts of shape (labels,), got {tuple(counts.shape)}")
    size = (math.log(num_samples) - 1) * (b + 1) ** a
    return 1 / (1 + size * (counts + b) ** -a)


def propensity_scored_precision_at_k(
    scores: Tensor, targets: Tensor, *, k: int, propensity: Tensor, mask: Tensor | None = None
) -> Tensor:
    """P@k in which a rare label counts more: each hit by 1 / propensity, over what the best ranking would have (PSP@k).

    Args:
        scores: As for :func:`precision_at_k`.
        targets: 0 or 1, bool, integer or float, shape of ``scores``.
        k: Labels of each sample, 1 to ``labels``.
        propensity: In (0, 1], shape ``(labels,)``, see :func:`propensities`.
        mask: True where the label is known, bool, broadcasts to ``scores``; unknown labels are not ranked.

    Returns:
        Scalar in [0, 1], float64, on the CPU: both sums are taken over all samples first; nan without any positive.

    >>> rare_first = torch.tensor([[0.1, 0.9]])
    >>> propensity_scored_precision_at_k(rare_first, torch.tensor([[1, 1]]), k=1, propensity=torch.tensor([0.5, 0.25]))
    tensor(1., dtype=torch.float64)

    Source: Jain et al., KDD 2016, eq. 4, normalised as in the Extreme Classification Repository.
    """
    if propensity.shape != scores.shape[1:]:
        raise ValueError(
            f"expected propensity to have the shape {tuple(scores.shape[1:])}, got {tuple(propensity.shape)}"
        )
    weights = propensity.detach().cpu().double()
    if not bool(((weights > 0) & (weights <= 1)).all()):
        raise ValueError("expected propensity to lie in (0, 1], got other values")
    return _scalar(top_ranked(scores, targets, num_ranks=k, mask=mask).scored_precision(k, weights.numpy()))


def _scalar(found: Shares) -> Tensor:
    return torch.tensor(share(found), dtype=torch.float64, device="cpu")
