import math

import numpy as np
import pytest
import torch

from lopsided.metrics import propensities
from lopsided.metrics.ranked.top import share, top_ranked


def scene(seed=0, samples=30, labels=8):
    draw = torch.Generator().manual_seed(seed)
    scores = torch.randint(0, 5, (samples, labels), generator=draw) / 5
    return scores, torch.rand(samples, labels, generator=draw) < 0.3, torch.rand(samples, labels, generator=draw) < 0.6


def test_parts_of_the_samples_add_up_to_all_of_them():
    scores, targets, mask = scene()
    whole = top_ranked(scores, targets, num_ranks=4, mask=mask)
    parts = [top_ranked(scores[rows], targets[rows], num_ranks=4, mask=mask[rows]) for rows in (slice(7), slice(7, 30))]
    added = parts[0] + parts[1]
    propensity = propensities(targets.sum(dim=0), num_samples=30).numpy()
    for k in (1, 4):
        assert share(added.precision(k)) == share(whole.precision(k))
        assert share(added.gain(k)) == share(whole.gain(k))
        assert share(added.scored_precision(k, propensity)) == share(whole.scored_precision(k, propensity))


def test_the_order_of_samples_does_not_matter():
    scores, targets, mask = scene()
    order = torch.randperm(30)
    one = top_ranked(scores, targets, num_ranks=3, mask=mask)
    other = top_ranked(scores[order], targets[order], num_ranks=3, mask=mask[order])
    assert share(one.gain(3)) == pytest.approx(share(other.gain(3)), rel=1e-12)


def test_places_that_too_few_known_labels_leave_empty_hold_no_label_and_no_hit():
    known = torch.tensor([[False, True, False]])
    found = top_ranked(torch.tensor([[0.9, -torch.inf, 0.7]]), torch.ones(1, 3), num_ranks=3, mask=known)
    assert found.labels.tolist() == [[1, -1, -1]]
    assert found.hits.tolist() == [[True, False, False]]


def test_other_numbers_of_ranks_do_not_add_up():
    scores, targets, _ = scene()
    with pytest.raises(ValueError, match=r"expected as many best-ranked labels of each sample, got \[2, 3\]"):
        top_ranked(scores, targets, num_ranks=2) + top_ranked(scores, targets, num_ranks=3)


def test_a_share_of_nothing_is_not_a_number():
    assert math.isnan(share((np.zeros(3), np.zeros(3))))
