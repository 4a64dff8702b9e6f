import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from lopsided.metrics import (
    CollectedScores,
    average_precision,
    eleven_point_average_precision,
    mean_average_precision,
    micro_average_precision,
)
from tests.reference import average_precision as reference

FUNCTIONS = (average_precision, eleven_point_average_precision, mean_average_precision, micro_average_precision)
pytestmark = pytest.mark.usefixtures("chosen_backend")

SAMPLES, LABELS = 60, 19  # more labels than one block of columns, and not a multiple of it


def scene(seed=0, *, steps=10, samples=SAMPLES, labels=LABELS):
    """Scores on a few steps, so that most are tied; every label has a positive."""
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randint(0, steps, (samples, labels), generator=generator) / steps
    targets = torch.rand(samples, labels, generator=generator) < 0.2
    targets[0] = True
    return scores, targets


def scikit_learn(scores, targets, average=None):
    return average_precision_score(targets.long().numpy(), scores.double().numpy(), average=average)


def test_two_positives_of_three_are_counted_by_hand():
    value = average_precision(torch.tensor([[0.9], [0.8], [0.7]]), torch.tensor([[1], [0], [1]]))
    assert value.tolist() == [pytest.approx((1 / 1 + 2 / 3) / 2)]


@pytest.mark.parametrize("steps", [1, 2, 10, 1_000_000])
def test_each_label_equals_scikit_learn_with_ties(steps):
    scores, targets = scene(steps=steps)
    np.testing.assert_allclose(average_precision(scores, targets), scikit_learn(scores, targets), rtol=1e-12)


def test_mean_and_micro_equal_scikit_learn():
    scores, targets = scene()
    assert mean_average_precision(scores, targets).item() == pytest.approx(
        scikit_learn(scores, targets, "macro"), rel=1e-12
    )
    assert micro_average_precision(scores, targets).item() == pytest.approx(
        scikit_learn(scores, targets, "micro"), rel=1e-12
    )


@settings(max_examples=60, deadline=None)
@given(
    ranking=st.lists(
        st.tuples(st.sampled_from([-math.inf, -1.5, -0.0, 0.0, 1e-30, 0.5, math.inf]), st.booleans(), st.booleans()),
        max_size=12,
    )
)
def test_any_ranking_equals_the_definition(ranking):
    columns = [torch.tensor(column).reshape(-1, 1) for column in zip(*ranking, strict=True)] or [torch.empty(0, 1)] * 3
    scores, targets, known = columns[0].float(), columns[1].bool(), columns[2].bool()
    expected = reference.average_precision(scores.numpy(), targets.numpy(), known.numpy())
    np.testing.assert_allclose(average_precision(scores, targets, mask=known), expected, rtol=1e-12)
    np.testing.assert_allclose(micro_average_precision(scores, targets, mask=known), expected[0], rtol=1e-12)
    eleven = reference.eleven_point_average_precision(scores.numpy(), targets.numpy(), known.numpy())
    np.testing.assert_allclose(eleven_point_average_precision(scores, targets, mask=known), eleven, rtol=1e-12)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), samples=st.integers(1, 30), labels=st.integers(1, 18), steps=st.integers(1, 6))
def test_any_table_equals_scikit_learn(seed, samples, labels, steps):
    scores, targets = scene(seed, steps=steps, samples=samples, labels=labels)
    expected = [scikit_learn(scores[:, i], targets[:, i]) for i in range(labels)]
    np.testing.assert_allclose(average_precision(scores, targets), expected, rtol=1e-12)


@pytest.mark.parametrize("steps", [1, 4, 1_000_000])
def test_eleven_points_equal_the_definition_with_ties_and_unknown_elements(steps):
    scores, targets = scene(steps=steps)
    known = torch.rand(SAMPLES, LABELS, generator=torch.Generator().manual_seed(2)) < 0.7
    expected = reference.eleven_point_average_precision(scores.numpy(), targets.numpy(), known.numpy())
    scores[~known], targets = math.nan, targets.float().masked_fill(~known, -1.0)
    np.testing.assert_allclose(eleven_point_average_precision(scores, targets, mask=known), expected, rtol=1e-12)


def test_eleven_points_look_for_the_best_precision_from_each_recall_on():
    # Precisions at recalls of 1/4 to 1 are 1, 1/2, 3/5 and 4/8; recalls of 0.3 to 0.5 take the 3/5 of a later one.
    targets = torch.tensor([1, 0, 0, 1, 1, 0, 0, 1])[:, None]
    scores = torch.arange(8, 0, -1).float()[:, None]
    value = eleven_point_average_precision(scores, targets).item()
    assert value == pytest.approx((3 * 1 + 5 * (3 / 5) + 3 * (1 / 2)) / 11)


@pytest.mark.parametrize("num_positives", [10, 20, 30, 70])
def test_a_recall_that_is_exactly_a_tenth_counts_as_reached(num_positives):
    # One negative after three tenths of the positives: recalls of 0 to 0.3 are reached before it.
    targets = torch.ones(num_positives + 1, 1)
    targets[3 * num_positives // 10] = 0
    scores = torch.arange(num_positives + 1, 0, -1).float()[:, None]
    best_after = num_positives / (num_positives + 1)
    value = eleven_point_average_precision(scores, targets).item()
    assert value == pytest.approx((4 + 7 * best_after) / 11, rel=1e-12)


def test_eleven_points_of_batches_are_those_of_all_at_once():
    scores, targets = scene()
    known = torch.rand(SAMPLES, LABELS, generator=torch.Generator().manual_seed(2)) < 0.7
    collected = CollectedScores()
    for rows in torch.arange(SAMPLES).split(7):
        collected.update(scores[rows], targets[rows], known[rows])
    together = eleven_point_average_precision(scores, targets, mask=known)
    batches, batch_targets, mask = collected.tensors()
    assert torch.equal(eleven_point_average_precision(batches, batch_targets, mask=mask), together)


def test_the_order_of_rows_cannot_matter():
    scores, targets = scene(steps=3)
    order = torch.randperm(SAMPLES, generator=torch.Generator().manual_seed(1))
    for function in (average_precision, eleven_point_average_precision, micro_average_precision):
        assert torch.equal(function(scores, targets), function(scores[order], targets[order]))


@pytest.mark.parametrize("descending", [True, False])
def test_constant_scores_give_the_share_of_positives(descending):
    targets = (torch.arange(100) < 10).sort(descending=descending).values[:, None]
    for function in (average_precision, eleven_point_average_precision):
        assert function(torch.full((100, 1), 0.3), targets).item() == pytest.approx(0.1)


def test_a_perfect_ranking_gives_one():
    _, targets = scene()
    for function in (average_precision, eleven_point_average_precision):
        assert function(targets.float(), targets).tolist() == [1.0] * LABELS


def test_unknown_elements_take_no_part_and_may_hold_anything():
    scores, targets = scene()
    known = torch.rand(SAMPLES, LABELS, generator=torch.Generator().manual_seed(2)) < 0.7
    expected = reference.average_precision(scores.numpy(), targets.numpy(), known.numpy())
    pooled = reference.micro_average_precision(scores.numpy(), targets.numpy(), known.numpy())

    scores[~known], targets = math.nan, targets.float().masked_fill(~known, -1.0)
    np.testing.assert_allclose(average_precision(scores, targets, mask=known), expected, rtol=1e-12)
    assert mean_average_precision(scores, targets, mask=known).item() == pytest.approx(np.nanmean(expected))
    assert micro_average_precision(scores, targets, mask=known).item() == pytest.approx(pooled)


def test_a_mask_of_one_row_stands_for_all_samples():
    scores, targets = scene()
    values = average_precision(scores, targets, mask=torch.arange(LABELS) < 3)
    assert torch.equal(values[:3], average_precision(scores, targets)[:3])
    assert values[3:].isnan().all()


def test_a_label_without_positives_is_nan_and_left_out_of_the_mean():
    scores, targets = scene()
    targets[:, 4] = False
    values = average_precision(scores, targets)
    others = torch.arange(LABELS) != 4
    assert values.isnan().tolist() == (~others).tolist()
    assert eleven_point_average_precision(scores, targets).isnan().tolist() == (~others).tolist()
    assert mean_average_precision(scores, targets).item() == pytest.approx(values[others].mean().item())


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_nothing_to_rank_gives_nan(shape):
    scores, targets = torch.empty(shape), torch.empty(shape, dtype=torch.bool)
    for mask in (None, torch.ones(shape, dtype=torch.bool)):
        for function in (average_precision, eleven_point_average_precision):
            assert function(scores, targets, mask=mask).shape == shape[1:]
            assert function(scores, targets, mask=mask).isnan().all()
        assert mean_average_precision(scores, targets, mask=mask).isnan()
        assert micro_average_precision(scores, targets, mask=mask).isnan()


def test_one_row_is_a_ranking():
    values = average_precision(torch.tensor([[0.1, 0.2]]), torch.tensor([[1, 0]]))
    assert values[0] == 1
    assert values[1].isnan()


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64, torch.float16, torch.bfloat16, torch.float64])
def test_targets_may_be_of_any_kind(dtype):
    scores, targets = scene()
    assert torch.equal(average_precision(scores, targets.to(dtype)), average_precision(scores, targets))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_scores_of_every_precision_are_ranked_as_they_are(dtype):
    generator = torch.Generator().manual_seed(3)
    scores = torch.randn(SAMPLES, LABELS, generator=generator, dtype=torch.float64).to(dtype)
    _, targets = scene()
    np.testing.assert_allclose(average_precision(scores, targets), scikit_learn(scores, targets), rtol=1e-12)


def test_doubles_that_are_one_float_are_not_tied():
    scores = torch.tensor([[1.0], [1.0 + 1e-12]], dtype=torch.float64)
    assert average_precision(scores, torch.tensor([[0], [1]])).item() == 1.0


def test_infinite_scores_are_the_ends_of_the_ranking():
    scores = torch.tensor([[math.inf], [math.inf], [0.0], [-math.inf]])
    assert average_precision(scores, torch.tensor([[1], [0], [0], [1]])).item() == pytest.approx((1 / 2 + 2 / 4) / 2)


def test_the_layout_in_memory_does_not_matter_and_stays_as_it_was():
    scores, targets = scene()
    expected = average_precision(scores, targets)
    by_column, every_other = scores.t().contiguous().t(), scores.repeat_interleave(2, dim=1)[:, ::2]
    before = by_column.clone()
    assert torch.equal(average_precision(by_column, targets.t().contiguous().t()), expected)
    assert torch.equal(average_precision(every_other, targets), expected)
    assert torch.equal(by_column, before)


def test_more_threads_give_the_same_values():
    scores, targets = scene()
    expected = average_precision(scores, targets)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        assert torch.equal(average_precision(scores, targets), expected)
    finally:
        torch.set_num_threads(threads)


def test_values_are_detached_doubles():
    scores, targets = scene()
    for function in FUNCTIONS:
        value = function(scores.requires_grad_(), targets)
        assert value.dtype == torch.float64
        assert not value.requires_grad


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_scores_on_a_gpu_are_ranked_on_the_cpu():
    scores, targets = scene()
    known = torch.ones(LABELS, dtype=torch.bool)
    value = average_precision(scores.cuda(), targets.cuda(), mask=known.cuda())
    assert torch.equal(value, average_precision(scores, targets))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_nan_scores_are_refused_with_their_number_and_place(function):
    scores, targets = scene()
    scores[2, 5] = scores[1, 7] = scores[1, 8] = math.nan
    known = torch.ones_like(targets)
    known[1, 7] = False
    with pytest.raises(
        ValueError, match=r"^expected scores not to be NaN where known, got 3 NaN, the first at row 1, label 7$"
    ):
        function(scores, targets)
    with pytest.raises(ValueError, match=r"got 2 NaN, the first at row 1, label 8$"):
        function(scores, targets, mask=known)


def test_nan_scores_are_refused_for_labels_without_positives_too():
    with pytest.raises(ValueError, match="got 1 NaN"):
        average_precision(torch.tensor([[math.nan]]), torch.tensor([[0]]))


@pytest.mark.parametrize(
    ("value", "written"), [(0.5, "0.5"), (2.0, "2"), (-1.0, "-1"), (math.nan, "nan")], ids=["soft", "2", "-1", "nan"]
)
def test_targets_other_than_0_and_1_are_refused_where_known(value, written):
    scores, targets = scene()
    targets = targets.float()
    targets[3, 2] = value
    with pytest.raises(ValueError, match=rf"^expected targets to be 0 or 1, got {written} at row 3, label 2$"):
        average_precision(scores, targets)


def test_shapes_that_do_not_fit_are_refused():
    scores = torch.zeros(8, 80)
    with pytest.raises(ValueError, match=r"^expected targets to have the shape of scores \(8, 80\), got \(8, 81\)$"):
        average_precision(scores, torch.zeros(8, 81))
    with pytest.raises(
        ValueError, match=r"^expected mask to broadcast to the shape of scores \(8, 80\), got \(8, 81\)$"
    ):
        average_precision(scores, scores, mask=torch.ones(8, 81, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"^expected scores to have the shape \(samples, labels\), got \(8,\)$"):
        average_precision(torch.zeros(8), torch.zeros(8))


def test_kinds_that_cannot_be_meant_are_refused():
    scores = torch.zeros(2, 3)
    with pytest.raises(TypeError, match=r"^expected scores to be floating point, got torch.int64$"):
        average_precision(scores.long(), scores)
    with pytest.raises(TypeError, match=r"^expected scores to be a tensor, got ndarray$"):
        average_precision(scores.numpy(), scores)
    with pytest.raises(TypeError, match=r"^expected targets to be a tensor, got ndarray$"):
        average_precision(scores, scores.numpy())
    with pytest.raises(
        TypeError, match=r"^expected mask to be bool, True where the label is known, got torch.float32$"
    ):
        average_precision(scores, scores, mask=scores)
