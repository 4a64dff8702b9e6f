import functools
import itertools
import math
import operator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lopsided.metrics import Counts, count
from tests.reference import operating_point as reference


def scene(seed=0, *, samples=40, labels=7, steps=8):
    """Probabilities on a few steps, so that many are tied with each other and with thresholds; some unknown."""
    generator = torch.Generator().manual_seed(seed)
    probabilities = torch.randint(0, steps + 1, (samples, labels), generator=generator) / steps
    targets = torch.rand(samples, labels, generator=generator) < 0.3
    known = torch.rand(samples, labels, generator=generator) < 0.8
    return probabilities, targets, known


def as_lists(counts):
    return [counts.true_positives.tolist(), counts.predicted.tolist(), counts.positives.tolist()]


def expected_counts(predicted, targets, known):
    targets = targets.numpy() & known.numpy()
    return [values.sum(axis=0).tolist() for values in (predicted & targets, predicted, targets)]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    threshold=st.sampled_from([0, 0.25, 0.5, 1.0]),
    top_k=st.sampled_from([None, 1, 3, 7]),
    both=st.booleans(),
)
def test_predictions_equal_the_definition(seed, threshold, top_k, both):
    probabilities, targets, known = scene(seed, samples=6)
    rules = {"threshold": threshold, "top_k": top_k, "top_k_above_threshold": both and top_k is not None}
    predicted = reference.predictions(probabilities.numpy(), known.numpy(), **rules)
    assert as_lists(count(probabilities, targets, mask=known, **rules)) == expected_counts(predicted, targets, known)


def test_a_probability_equal_to_the_threshold_is_a_no():
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        probabilities = torch.tensor([[0.5, 0.5078125]], dtype=dtype)
        assert count(probabilities, torch.ones(1, 2)).predicted.tolist() == [0, 1]


def test_a_threshold_may_be_given_for_each_label():
    counts = count(torch.full((3, 4), 0.5), torch.ones(3, 4), threshold=torch.tensor([0.0, 0.4, 0.5, 1.0]))
    assert counts.predicted.tolist() == [3, 3, 0, 0]


def test_top_k_predicts_k_labels_whatever_the_threshold():
    probabilities, targets, _ = scene()
    counts = count(probabilities * 0.1, targets, threshold=0.5, top_k=3)
    assert counts.predicted.sum() == 3 * len(targets)


def test_of_equal_probabilities_the_lowest_labels_are_chosen():
    counts = count(torch.tensor([[0.2, 0.7, 0.2, 0.2]]), torch.ones(1, 4), top_k=3)
    assert counts.predicted.tolist() == [1, 1, 1, 0]


def test_an_unknown_label_is_never_chosen_even_for_want_of_others():
    scores = torch.tensor([[math.nan, 0.1, 0.9, -math.inf], [0.5, 0.4, 0.3, 0.2]])
    known = torch.tensor([[False, True, False, True], [True, True, True, True]])
    counts = count(scores, torch.ones(2, 4), top_k=3, mask=known)
    assert counts.predicted.tolist() == [1, 2, 1, 1]
    assert counts.positives.tolist() == [1, 2, 1, 2]


def test_top_k_alone_takes_scores_of_any_range():
    logits = torch.tensor([[-3.0, 12.0, math.inf]])
    assert count(logits, torch.ones(1, 3), top_k=2).predicted.tolist() == [0, 1, 1]


def test_batch_by_batch_equals_all_at_once():
    probabilities, targets, known = scene()
    parts = [0, 1, 1, 25, 40]  # one batch of them empty
    batches = [count(probabilities[a:b], targets[a:b], top_k=2, mask=known[a:b]) for a, b in itertools.pairwise(parts)]
    total = functools.reduce(operator.add, batches)
    assert as_lists(total) == as_lists(count(probabilities, targets, top_k=2, mask=known))
    assert total.predicted.dtype == torch.int64


def test_without_other_ranks_all_ranks_is_the_counts():
    counts = count(*scene()[:2])
    assert as_lists(counts.all_ranks()) == as_lists(counts)


def test_two_ranks_count_what_one_process_would(two_ranks):
    for rank in two_ranks:
        assert as_lists(rank["counts of all ranks"]) == as_lists(rank["counts of one process"])


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_nothing_to_count_gives_zeros(shape):
    counts = count(torch.empty(shape), torch.empty(shape))
    assert as_lists(counts) == [[0] * shape[1]] * 3


def test_counts_take_no_gradient_along():
    probabilities, targets, _ = scene()
    assert not count(probabilities.requires_grad_(), targets).predicted.requires_grad


def test_counts_of_different_labels_are_not_added():
    zeros, zero = torch.zeros(3, dtype=torch.int64), torch.zeros(1, dtype=torch.int64)
    with pytest.raises(ValueError, match=r"^expected counts to have the same number of labels, got 3 and 1$"):
        Counts(zeros, zeros, zeros) + Counts(zero, zero, zero)


def test_logits_at_a_threshold_are_refused_with_their_value():
    logits = torch.tensor([[0.5, 0.1], [0.2, -3.25]])
    message = (
        r"^expected probabilities to lie in \[0, 1\], got -3.25 at row 1, label 1; of logits take the sigmoid first$"
    )
    with pytest.raises(ValueError, match=message):
        count(logits, torch.ones(2, 2))
    with pytest.raises(ValueError, match=message):
        count(logits, torch.ones(2, 2), top_k=1, top_k_above_threshold=True)
    known = torch.tensor([[True, True], [True, False]])
    assert count(logits, torch.ones(2, 2), mask=known).predicted.tolist() == [0, 0]


@pytest.mark.parametrize("rule", [{}, {"top_k": 1}])
def test_a_nan_probability_is_refused(rule):
    probabilities = torch.tensor([[0.5, math.nan]])
    with pytest.raises(
        ValueError, match=r"^expected probabilities not to be NaN .* got 1 NaN, the first at row 0, label 1$"
    ):
        count(probabilities, torch.ones(1, 2), **rule)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"threshold": 50}, r"^expected threshold to lie in \[0, 1\], got 50$"),
        ({"threshold": math.nan}, r"^expected threshold to lie in \[0, 1\], got nan$"),
        ({"threshold": torch.tensor([0.5, -0.5, 0.5])}, r"^expected threshold to lie in \[0, 1\], got -0.5$"),
        ({"threshold": torch.zeros(2)}, r"^expected threshold to be a number or have the shape \(3,\), got \(2,\)$"),
        ({"top_k": 0}, r"^expected top_k to lie in 1 to 3, the number of labels, got 0$"),
        ({"top_k": 4}, r"^expected top_k to lie in 1 to 3, the number of labels, got 4$"),
        ({"top_k_above_threshold": True}, r"^expected top_k beside top_k_above_threshold, got None$"),
    ],
)
def test_rules_that_cannot_be_meant_are_refused(rule, message):
    with pytest.raises(ValueError, match=message):
        count(torch.zeros(2, 3), torch.zeros(2, 3), **rule)


def test_shapes_and_soft_targets_are_refused():
    probabilities = torch.zeros(8, 80)
    with pytest.raises(
        ValueError, match=r"^expected targets to have the shape of probabilities \(8, 80\), got \(8, 81\)$"
    ):
        count(probabilities, torch.zeros(8, 81))
    with pytest.raises(ValueError, match=r"^expected targets to be 0 or 1, got 0.5 at row 0, label 0$"):
        count(probabilities, torch.full((8, 80), 0.5))


def test_the_reference_agrees_with_a_count_by_hand():
    predicted = reference.predictions(np.array([[0.9, 0.9, 0.1]]), np.array([[True] * 3]), threshold=0.5)
    assert predicted.tolist() == [[True, True, False]]
