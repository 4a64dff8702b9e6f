import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, precision_score, recall_score

from lopsided.metrics import count, operating_point, operating_point_from
from tests.reference import operating_point as reference


def scene(seed=0, *, samples=50, labels=6):
    generator = torch.Generator().manual_seed(seed)
    probabilities = torch.randint(0, 9, (samples, labels), generator=generator) / 8
    targets = torch.rand(samples, labels, generator=generator) < 0.3
    return probabilities, targets


def approximately(expected):
    return pytest.approx(expected, rel=1e-12, nan_ok=True)


def test_each_value_equals_scikit_learn():
    probabilities, targets = scene()
    point = operating_point(probabilities, targets)
    truth, guess = targets.numpy(), (probabilities > 0.5).numpy()
    assert point.cp == approximately(precision_score(truth, guess, average="macro", zero_division=0))
    assert point.cr == approximately(recall_score(truth, guess, average="macro"))
    assert point.op == approximately(precision_score(truth, guess, average="micro"))
    assert point.or_ == approximately(recall_score(truth, guess, average="micro"))
    assert point.of1 == approximately(f1_score(truth, guess, average="micro"))
    assert point.mean_f1 == approximately(f1_score(truth, guess, average="macro", zero_division=0))


def test_cf1_is_the_harmonic_mean_of_cp_and_cr_and_not_the_mean_f1():
    probabilities, targets = scene()
    point = operating_point(probabilities, targets)
    assert point.cf1 == approximately(2 / (1 / point.cp + 1 / point.cr))
    assert abs(point.cf1 - point.mean_f1) > 1e-3


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    samples=st.integers(0, 5),
    threshold=st.sampled_from([0, 0.25, 0.5, 1.0]),
    top_k=st.sampled_from([None, 1, 3, 6]),
    both=st.booleans(),
)
def test_any_table_equals_the_definition(seed, samples, threshold, top_k, both):
    probabilities, targets = scene(seed, samples=samples)
    known = torch.rand(targets.shape, generator=torch.Generator().manual_seed(seed)) < 0.7
    rules = {"threshold": threshold, "top_k": top_k, "top_k_above_threshold": both and top_k is not None}
    predicted = reference.predictions(probabilities.numpy(), known.numpy(), **rules)
    expected = reference.operating_point(predicted, targets.numpy(), known.numpy())
    point = operating_point(probabilities, targets, mask=known, **rules)
    assert dataclasses.asdict(point) == approximately(expected)


def test_a_label_never_predicted_has_precision_0():
    point = operating_point(torch.tensor([[0.9, 0.1]]), torch.tensor([[1, 1]]))
    assert (point.cp, point.cr, point.cf1, point.op, point.or_) == (0.5, 0.5, 0.5, 1.0, 0.5)


def test_a_label_without_positives_counts_only_where_labels_are_pooled():
    point = operating_point(torch.tensor([[0.9, 0.9]]), torch.tensor([[1, 0]]))
    assert (point.cp, point.cr, point.cf1, point.mean_f1) == (1.0, 1.0, 1.0, 1.0)
    assert (point.op, point.or_, point.of1) == (0.5, 1.0, approximately(2 / 3))


def test_with_nothing_predicted_all_values_are_0():
    point = operating_point(torch.zeros(2, 2), torch.ones(2, 2))
    assert set(dataclasses.astuple(point)) == {0.0}


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (3, 3)])
def test_without_any_positive_all_values_are_nan(shape):
    point = operating_point(torch.ones(shape), torch.zeros(shape))
    assert all(math.isnan(value) for value in dataclasses.astuple(point))


def test_one_row_has_an_operating_point():
    point = operating_point(torch.tensor([[0.9, 0.6, 0.2]]), torch.tensor([[1, 0, 1]]))
    assert (point.cp, point.cr, point.op, point.or_) == (0.5, 0.5, 0.5, 0.5)


@pytest.mark.parametrize("dtype", [torch.bool, torch.int64, torch.float16, torch.float32])
def test_targets_may_be_of_any_kind(dtype):
    probabilities, targets = scene()
    assert operating_point(probabilities, targets.to(dtype)) == operating_point(probabilities, targets)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_probabilities_may_have_any_precision(dtype):
    probabilities, targets = scene()  # eighths, exact in every dtype
    assert operating_point(probabilities.to(dtype), targets, top_k=2) == operating_point(
        probabilities, targets, top_k=2
    )


def test_the_order_of_rows_cannot_matter():
    probabilities, targets = scene()
    order = torch.randperm(len(targets), generator=torch.Generator().manual_seed(1))
    assert operating_point(probabilities[order], targets[order]) == operating_point(probabilities, targets)


def test_batch_by_batch_equals_all_at_once():
    probabilities, targets = scene()
    counts = count(probabilities[:17], targets[:17]) + count(probabilities[17:], targets[17:])
    assert operating_point_from(counts) == operating_point(probabilities, targets)


def test_top_3_above_the_threshold_predicts_fewer_than_three():
    targets = torch.tensor([[1, 1, 0, 0], [1, 0, 0, 0]])
    probabilities = torch.tensor([[0.9, 0.8, 0.3, 0.1], [0.7, 0.2, 0.2, 0.1]])
    alone = operating_point(probabilities, targets, top_k=3)
    both = operating_point(probabilities, targets, top_k=3, top_k_above_threshold=True)
    assert (alone.op, alone.or_) == (0.5, 1.0)
    assert (both.op, both.or_) == (1.0, 1.0)


def test_the_definition_agrees_with_a_table_by_hand():
    predicted, targets = np.array([[True, True], [True, False]]), np.array([[1, 0], [0, 1]])
    expected = {"cp": 0.25, "cr": 0.5, "cf1": 1 / 3, "op": 1 / 3, "or_": 0.5, "of1": 0.4, "mean_f1": 1 / 3}
    assert reference.operating_point(predicted, targets, np.ones((2, 2))) == approximately(expected)
