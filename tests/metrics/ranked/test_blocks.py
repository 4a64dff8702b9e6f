import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lopsided.metrics import average_precision, eleven_point_average_precision, roc_auc
from lopsided.metrics.catalogue import CATALOGUE, measure, measure_blocks
from lopsided.metrics.ranked.blocks import rankings_of_blocks
from lopsided.metrics.ranked.frequencies import Frequencies


def scene(seed, samples=40, labels=70, steps=7, dtype=torch.float32):
    """Scores on a few steps, so that many are tied; some labels without positives, some without negatives."""
    draw = torch.Generator().manual_seed(seed)
    scores = torch.randint(0, steps, (samples, labels), generator=draw).to(dtype) - 3
    targets = torch.rand(samples, labels, generator=draw) < 0.2
    targets[:, 0], targets[:, 1] = False, True
    return scores, targets, torch.rand(samples, labels, generator=draw) < 0.7


def in_blocks(size, *tensors):
    return lambda: zip(*(part.split(size) for part in tensors), strict=True)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    size=st.integers(1, 45),
    steps=st.sampled_from([1, 7, 10**6]),
    dtype=st.sampled_from([torch.float32, torch.float64, torch.bfloat16]),
)
def test_blocks_of_any_size_give_every_metric_of_all_at_once(seed, size, steps, dtype):
    scores, targets, mask = scene(seed, steps=steps, dtype=dtype)
    training = Frequencies(np.random.default_rng(seed).integers(0, 90, 70), 90)
    threshold = torch.linspace(0.2, 0.8, 70)
    whole = measure(scores, scores.float().sigmoid(), targets, threshold=threshold, mask=mask, training=training)
    found = measure_blocks(
        in_blocks(size, scores, targets, mask),
        lambda part: part.float().sigmoid(),
        threshold=threshold,
        training=training,
    )
    assert found == pytest.approx(whole, rel=1e-12, nan_ok=True)
    assert list(found) == list(CATALOGUE)


def test_each_label_has_its_own_values_without_a_mask_too():
    scores, targets, _ = scene(3)
    found = rankings_of_blocks(lambda: ((s, t, None) for s, t in in_blocks(9, scores, targets)()), num_ranks=5)
    for value, wanted in (
        (found.average_precision, average_precision(scores, targets)),
        (found.eleven_points, eleven_point_average_precision(scores, targets)),
        (found.roc_auc, roc_auc(scores, targets)),
    ):
        torch.testing.assert_close(value, wanted, rtol=1e-12, atol=0, equal_nan=True)
    assert found.average_precision[0].isnan()
    assert found.roc_auc[1].isnan()


def test_no_positives_at_all_are_no_metrics():
    scores = torch.rand(5, 3)
    found = measure_blocks(lambda: [(scores, torch.zeros(5, 3), None)])
    assert np.isnan([found["mAP"], found["micro_AP"], found["auroc"], found["ndcg_at_3"]]).all()
    assert found["p_at_3"] == 0


def test_passes_that_differ_and_no_blocks_at_all_are_refused():
    scores, targets, _ = scene(0)
    passes = iter([[(scores, targets, None)], [(scores[:-1], targets[:-1], None)]])
    with pytest.raises(ValueError, match="expected the same scores in each pass over the blocks, got other ones"):
        rankings_of_blocks(lambda: next(passes), num_ranks=1)
    with pytest.raises(ValueError, match="expected at least one block of scores, got none"):
        measure_blocks(list)


def test_what_is_refused_of_all_is_refused_of_a_block():
    scores, targets, _ = scene(0)
    scores[30, 2] = torch.nan
    with pytest.raises(ValueError, match="expected scores not to be NaN where known"):
        measure_blocks(in_blocks(10, scores, targets, torch.ones_like(targets)))
