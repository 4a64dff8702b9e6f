import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from lopsided.metrics import ndcg_at_k, precision_at_k, propensities, propensity_scored_precision_at_k


def scene(seed=0, *, samples=40, labels=17, steps=6):
    """Scores on a few steps, so that many are tied."""
    draw = torch.Generator().manual_seed(seed)
    scores = torch.randint(0, steps, (samples, labels), generator=draw) / steps
    return scores, torch.rand(samples, labels, generator=draw) < 0.2


def by_hand(scores, targets, k, mask, worth=None):
    """P@k, nDCG@k and PSP@k sample by sample, from their definitions."""
    precision, ndcg, won, best = [], [], 0.0, 0.0
    worth = np.ones(scores.shape[1]) if worth is None else worth
    for score, truth, seen in zip(scores.tolist(), targets.tolist(), mask.tolist(), strict=True):
        labels = sorted((label for label in range(len(score)) if seen[label]), key=lambda label: (-score[label], label))
        hits = [truth[label] for label in labels[:k]]
        positives = [label for label in labels if truth[label]]
        if labels:
            precision.append(sum(hits) / k)
        if positives:
            gain = sum(hit / math.log2(rank + 2) for rank, hit in enumerate(hits))
            ndcg.append(gain / sum(1 / math.log2(rank + 2) for rank in range(min(k, len(positives)))))
        won += sum(worth[label] for label in labels[:k] if truth[label])
        best += sum(sorted((worth[label] for label in positives), reverse=True)[:k])
    return np.mean(precision), np.mean(ndcg), won / best


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), k=st.integers(1, 17), known=st.sampled_from([1.0, 0.5, 0.1]))
def test_each_equals_its_definition_with_ties_and_masks(seed, k, known):
    scores, targets = scene(seed)
    mask = torch.rand(scores.shape, generator=torch.Generator().manual_seed(seed)) < known
    mask[0], targets[0, 3] = True, True
    propensity = propensities(targets.sum(dim=0), num_samples=len(targets))
    precision, ndcg, scored = by_hand(scores, targets, k, mask, (1 / propensity).numpy())
    options = {"k": k, "mask": mask}
    assert precision_at_k(scores, targets, **options).item() == pytest.approx(precision, rel=1e-12)
    assert ndcg_at_k(scores, targets, **options).item() == pytest.approx(ndcg, rel=1e-12)
    found = propensity_scored_precision_at_k(scores, targets, propensity=propensity, **options)
    assert found.item() == pytest.approx(scored, rel=1e-12)


def test_ndcg_equals_scikit_learn_where_nothing_is_tied_and_each_sample_has_a_positive():
    torch.manual_seed(0)
    scores, (_, targets) = torch.rand(40, 17), scene()
    targets[:, 2] = True
    expected = ndcg_score(targets.numpy(), scores.numpy(), k=5)
    assert ndcg_at_k(scores, targets, k=5).item() == pytest.approx(expected, rel=1e-6)


def test_equal_propensities_make_the_scored_precision_a_share_of_the_best_ranking():
    scores, targets = torch.tensor([[0.9, 0.8, 0.1], [0.9, 0.8, 0.1]]), torch.tensor([[1, 0, 1], [0, 0, 1]])
    found = propensity_scored_precision_at_k(scores, targets, k=2, propensity=torch.full((3,), 0.5))
    assert found.item() == pytest.approx(1 / 3)


def test_propensities_follow_the_paper():
    assert propensities(torch.tensor([1.0]), num_samples=1000).item() == pytest.approx(
        1 / (1 + (math.log(1000) - 1) * 2.5**0.55 * 2.5**-0.55), rel=1e-12
    )
    rare, usual = propensities(torch.tensor([0, 500]), num_samples=1000, a=0.6, b=2.6)
    assert 0 < rare < usual < 1


def test_nothing_to_measure_is_nan():
    scores, targets = torch.rand(3, 4), torch.zeros(3, 4)
    assert ndcg_at_k(scores, targets, k=2).isnan()
    assert propensity_scored_precision_at_k(scores, targets, k=2, propensity=torch.ones(4)).isnan()
    assert precision_at_k(scores, targets, k=2) == 0
    assert precision_at_k(scores, targets, k=2, mask=torch.zeros(3, 4, dtype=torch.bool)).isnan()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 5}, "expected k to lie in 1 to 4"),
        ({"k": 1, "propensity": torch.ones(3)}, r"expected propensity to have the shape \(4,\), got \(3,\)"),
        ({"k": 1, "propensity": torch.zeros(4)}, r"expected propensity to lie in \(0, 1\]"),
    ],
)
def test_what_cannot_be_measured_is_refused(options, message):
    function = propensity_scored_precision_at_k if "propensity" in options else precision_at_k
    with pytest.raises(ValueError, match=message):
        function(torch.rand(3, 4), torch.zeros(3, 4), **options)
