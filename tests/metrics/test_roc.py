import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from lopsided.metrics import micro_roc_auc, roc_auc


def scene(seed, *, steps=10, samples=40, labels=19):
    """Scores on a few steps, so that most are tied; every label has a positive and a negative."""
    draw = torch.Generator().manual_seed(seed)
    scores = torch.randint(0, steps, (samples, labels), generator=draw) / steps
    targets = torch.rand(samples, labels, generator=draw) < 0.2
    targets[0], targets[1] = True, False
    return scores, targets


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), steps=st.sampled_from([1, 2, 10, 10**6]), known=st.sampled_from([1.0, 0.5]))
def test_each_label_and_the_pool_equal_scikit_learn_with_ties_and_masks(seed, steps, known):
    scores, targets = scene(seed, steps=steps)
    mask = torch.rand(scores.shape, generator=torch.Generator().manual_seed(seed)) < known
    mask[:2] = True
    found = roc_auc(scores, targets, mask=mask)
    for label, value in enumerate(found.tolist()):
        seen = mask[:, label]
        expected = roc_auc_score(targets[seen, label].numpy(), scores[seen, label].numpy())
        assert value == pytest.approx(expected, rel=1e-12)
    pooled = roc_auc_score(targets[mask].numpy(), scores[mask].numpy())
    assert micro_roc_auc(scores, targets, mask=mask).item() == pytest.approx(pooled, rel=1e-12)


def test_a_label_without_positives_or_without_negatives_has_none():
    scores, targets = torch.rand(5, 3), torch.tensor([[1, 0, 1]]).repeat(5, 1)
    targets[0, 2] = 0
    assert np.isnan(roc_auc(scores, targets).numpy()).tolist() == [True, True, False]
    assert micro_roc_auc(scores[:, :1], targets[:, :1]).isnan()
