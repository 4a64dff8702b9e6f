"""P@k, nDCG@k, propensities and PSP@k against the formulas of pyxclib's evaluation, written with loops.

Nothing is tied, because pyxclib leaves the order of equal scores open.
"""

import math

import numpy as np
import pytest
import torch

from lopsided.metrics import ndcg_at_k, precision_at_k, propensities, propensity_scored_precision_at_k

K = 5


@pytest.fixture(scope="module")
def scene():
    draw = np.random.default_rng(4)
    shares = 0.9 / np.arange(1, 31) ** 0.7
    return draw.normal(size=(60, 30)), draw.random((60, 30)) < shares, draw.random((200, 30)) < shares


def ranked(scores):
    return [sorted(range(scores.shape[1]), key=lambda label: -row[label])[:K] for row in scores]


def inverse_propensities(train, a, b):
    """xclib.evaluation.xc_metrics.compute_inv_propesity."""
    num_samples, num_labels = train.shape
    c = (np.log(num_samples) - 1) * np.power(b + 1, a)
    return [1.0 + c * np.power(train[:, label].sum() + b, -a) for label in range(num_labels)]


def psprecision(scores, truth, inverse):
    """xclib.evaluation.xc_metrics.psprecision: at each k, what was won over the most that could be won."""

    def won(order):
        of_rank = np.zeros(K)
        for row, labels in enumerate(order):
            for rank, label in enumerate(labels):
                of_rank[rank] += truth[row, label] * inverse[label]
        return np.cumsum(of_rank)

    return won(ranked(scores)) / won(ranked(truth * np.array(inverse)))


def ndcg(scores, truth):
    """xclib.evaluation.xc_metrics.ndcg."""
    values = np.zeros(K)
    for row, labels in enumerate(ranked(scores)):
        gain = best = 0.0
        for rank, label in enumerate(labels):
            gain += truth[row, label] / math.log2(rank + 2)
            best += (rank < truth[row].sum()) / math.log2(rank + 2)
            values[rank] += gain / best if best else 0.0
    return values / len(scores)


@pytest.mark.parametrize(("a", "b"), [(0.55, 1.5), (0.6, 2.6), (0.5, 0.4)])
def test_the_propensity_scored_precision_is_pyxclibs(scene, a, b):
    scores, truth, train = scene
    inverse = inverse_propensities(train, a, b)
    ours = propensities(torch.from_numpy(train.sum(axis=0)), num_samples=len(train), a=a, b=b)
    assert (1 / ours).tolist() == pytest.approx(inverse, rel=1e-12)
    for k, wanted in enumerate(psprecision(scores, truth, inverse), start=1):
        found = propensity_scored_precision_at_k(
            torch.from_numpy(scores), torch.from_numpy(truth), k=k, propensity=ours
        )
        assert found.item() == pytest.approx(wanted, rel=1e-12)


def test_precision_and_gain_are_pyxclibs(scene):
    scores, truth, _ = scene
    truth = truth.copy()
    truth[~truth.any(axis=1), 0] = True  # where there is none, pyxclib counts 0 and we count nothing
    given = torch.from_numpy(scores), torch.from_numpy(truth)
    for k, wanted in enumerate(ndcg(scores, truth), start=1):
        hits = [truth[row, label] for row, labels in enumerate(ranked(scores)) for label in labels[:k]]
        assert precision_at_k(*given, k=k).item() == pytest.approx(np.mean(hits), rel=1e-12)
        assert ndcg_at_k(*given, k=k).item() == pytest.approx(wanted, rel=1e-12)
