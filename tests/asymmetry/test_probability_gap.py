import pytest
import torch

from lopsided.asymmetry import ProbabilityGap, gap_of, gap_sums
from lopsided.asymmetry.probability_gap import cross_entropy_and_gap
from lopsided.losses import binary_cross_entropy
from tests.reference.probability_gap import gap as reference


def batch(samples=40, labels=7):
    targets = torch.rand(samples, labels) < 0.2
    targets[0], targets[1] = True, False
    return torch.randn(samples, labels) * 3, targets, torch.rand(samples, labels) > 0.3


def test_it_equals_the_equations():
    logits, targets, mask = batch()
    expected = reference(logits.flatten().tolist(), targets.flatten().tolist(), mask.flatten().tolist())
    result = gap_of(gap_sums(logits, targets, mask=mask))
    assert [part.item() for part in result] == pytest.approx(expected, abs=1e-6)


def test_batch_by_batch_equals_all_at_once():
    logits, targets, mask = batch()
    whole, parts = ProbabilityGap(), ProbabilityGap()
    whole.update(logits, targets, mask)
    for rows in torch.arange(len(logits)).split(9):
        parts.update(logits[rows], targets[rows], mask[rows])
    torch.testing.assert_close(parts.compute(), whole.compute(), rtol=0, atol=1e-6)


def test_two_gauges_merge_into_what_one_would_have_seen():
    logits, targets, _ = batch()
    whole, left, right = ProbabilityGap(), ProbabilityGap(), ProbabilityGap()
    whole.update(logits, targets)
    left.update(logits[:10], targets[:10])
    right.update(logits[10:], targets[10:])
    left.merge(right)
    left.merge(ProbabilityGap())
    torch.testing.assert_close(left.compute(), whole.compute(), rtol=0, atol=1e-6)


def test_labels_can_be_kept_apart():
    logits, targets, mask = batch()
    gauge = ProbabilityGap(per_label=True)
    gauge.update(logits, targets, mask)
    for k, gap in enumerate(gauge.compute().gap.tolist()):
        assert gap == pytest.approx(gap_of(gap_sums(logits[:, k], targets[:, k], mask=mask[:, k])).gap.item(), abs=1e-6)


def test_unknown_labels_may_hold_nan():
    logits, targets, mask = batch()
    poisoned = torch.where(mask, logits, torch.nan), torch.where(mask, targets.float(), torch.nan)
    assert torch.equal(gap_sums(logits, targets, mask=mask), gap_sums(*poisoned, mask=mask))


def test_a_soft_target_counts_on_both_sides():
    sums = gap_sums(torch.zeros(1, 1), torch.tensor([[0.25]]))
    assert sums.tolist() == [0.125, 0.25, 0.375, 0.75]


@pytest.mark.usefixtures("chosen_backend")
@pytest.mark.parametrize("masked", [True, False])
def test_cross_entropy_comes_with_the_sums_of_the_gap(masked):
    logits, targets, mask = batch()
    mask = mask if masked else None
    cost, sums = cross_entropy_and_gap(logits, targets, mask=mask)
    torch.testing.assert_close(cost, binary_cross_entropy(logits, targets, mask=mask, reduction="batchmean"))
    torch.testing.assert_close(sums, gap_sums(logits, targets, mask=mask))


def test_without_positives_the_gap_is_undefined():
    gauge = ProbabilityGap()
    gauge.update(torch.zeros(3, 2), torch.zeros(3, 2))
    p_pos, p_neg, gap = gauge.compute()
    assert p_pos.isnan()
    assert gap.isnan()
    assert p_neg == 0.5


def test_the_gap_before_any_batch_is_refused():
    gauge = ProbabilityGap()
    gauge.update(torch.zeros(3, 2), torch.ones(3, 2))
    gauge.reset()
    with pytest.raises(ValueError, match="expected at least one update before the gap is read, got none"):
        gauge.compute()


def test_batches_of_other_labels_are_refused():
    gauge = ProbabilityGap(per_label=True)
    gauge.update(torch.zeros(3, 2), torch.ones(3, 2))
    with pytest.raises(ValueError, match="expected every batch to have 2 labels, got 3"):
        gauge.update(torch.zeros(3, 3), torch.ones(3, 3))
    with pytest.raises(ValueError, match="expected a gauge with per_label=True"):
        gauge.merge(ProbabilityGap())


def test_half_precision_is_summed_in_float32():
    logits, targets, _ = batch(4000, 80)
    exact = gap_of(gap_sums(logits.half().double(), targets)).gap
    assert gap_of(gap_sums(logits.half(), targets)).gap.item() == pytest.approx(exact.item(), abs=1e-6)


def test_a_gauge_of_all_ranks_leaves_the_one_of_this_rank_as_it_was(monkeypatch):
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda sums: sums.mul_(2))  # two ranks that saw the same
    gauge = ProbabilityGap(per_label=True)
    gauge.update(torch.zeros(3, 2), torch.tensor([[1, 0], [0, 0], [0, 1]]))
    before = gauge.sums.clone()
    together = gauge.all_ranks()
    assert torch.equal(together.sums, 2 * before)
    assert torch.equal(gauge.sums, before)
    assert together.per_label


def test_labels_are_the_last_dimension_whatever_the_shape():
    logits, targets, mask = torch.randn(2, 3, 5, 7), torch.rand(2, 3, 5, 7).round(), torch.rand(7) > 0.3
    flat = gap_sums(logits.reshape(-1, 7), targets.reshape(-1, 7), mask=mask, per_label=True)
    torch.testing.assert_close(gap_sums(logits, targets, mask=mask, per_label=True), flat)
    assert flat.shape == (4, 7)


def test_counts_of_many_batches_outgrow_float32():
    gauge = ProbabilityGap()
    gauge.sums = torch.tensor([2.0**24] * 4, dtype=torch.float64)
    gauge.update(torch.zeros(1, 2), torch.tensor([[1, 0]]))
    assert gauge.compute().gap.dtype == torch.float64
    assert gauge.sums.tolist() == [2**24 + 0.5, 2**24 + 1, 2**24 + 0.5, 2**24 + 1]


def test_one_process_has_nothing_to_sum(monkeypatch):
    gauge = ProbabilityGap()
    gauge.update(torch.zeros(3, 2), torch.eye(3)[:, :2])
    assert gauge.all_ranks().compute() == gauge.compute()
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 1)
    monkeypatch.setattr(torch.distributed, "all_reduce", None)
    assert gauge.all_ranks().compute() == gauge.compute()


@pytest.mark.parametrize(
    ("logits", "targets", "mask", "message"),
    [
        (torch.zeros(2, 2, dtype=torch.int64), torch.zeros(2, 2), None, "expected logits to be floating point"),
        (torch.zeros(2, 2), torch.zeros(2, 3), None, "expected targets to have the shape of logits"),
        (torch.zeros(2, 2), torch.zeros(2, 2), torch.ones(2, 2), "expected mask to be bool"),
    ],
)
def test_what_is_no_batch_is_refused(logits, targets, mask, message):
    with pytest.raises((TypeError, ValueError), match=message):
        gap_sums(logits, targets, mask=mask)


def test_the_gauge_keeps_no_graph():
    assert not gap_sums(torch.zeros(2, 2, requires_grad=True), torch.zeros(2, 2)).requires_grad


def test_codes_for_unknown_are_refused_unless_they_are_masked():
    targets, mask = torch.tensor([[1.0, -1.0, 0.0]]), torch.tensor([True, False, True])
    with pytest.raises(ValueError, match=r"expected targets to lie in \[0, 1\], got -1; .*mask="):
        gap_sums(torch.zeros(1, 3), targets)
    assert gap_sums(torch.zeros(1, 3), targets, mask=mask).tolist() == [0.5, 1, 0.5, 1]
