import pytest
import torch

from lopsided.metrics import CollectedScores, mean_average_precision


def scene(samples=10, labels=3):
    generator = torch.Generator().manual_seed(0)
    scores = torch.rand(samples, labels, generator=generator)
    targets = torch.rand(samples, labels, generator=generator) < 0.5
    known = torch.rand(samples, labels, generator=generator) < 0.5
    return scores, targets, known


def same(rows, others):
    return all(
        a is b if a is None or b is None else a.dtype == b.dtype and torch.equal(a, b)
        for a, b in zip(rows, others, strict=True)
    )


def test_batch_by_batch_equals_all_at_once():
    scores, targets, known = scene()
    collected = CollectedScores()
    for first, end in [(0, 3), (3, 3), (3, 10)]:
        collected.update(scores[first:end], targets[first:end], known[first:end])
    assert same(collected.tensors(), (scores, targets & known, known))
    got_scores, got_targets, got_mask = collected.tensors()
    value = mean_average_precision(got_scores, got_targets, mask=got_mask)
    assert value == mean_average_precision(scores, targets, mask=known)


def test_without_masks_there_is_no_mask():
    scores, targets, _ = scene()
    collected = CollectedScores()
    collected.update(scores[:4], targets[:4])
    collected.update(scores[4:], targets[4:])
    assert same(collected.tensors(), (scores, targets, None))


def test_rows_without_a_mask_are_known_beside_rows_with_one():
    scores, targets, known = scene()
    collected = CollectedScores()
    collected.update(scores[:4], targets[:4])
    collected.update(scores[4:], targets[4:], known[4:])
    _, _, mask = collected.tensors()
    assert mask is not None
    assert mask[:4].all()
    assert torch.equal(mask[4:], known[4:])


def test_targets_of_any_kind_are_kept_as_bool_and_unknown_ones_as_false():
    scores, targets, known = scene()
    collected = CollectedScores()
    collected.update(scores, targets.float().masked_fill(~known, -1.0), known)
    assert same(collected.tensors(), (scores, targets & known, known))


def test_scores_keep_their_precision_and_drop_their_gradient():
    scores, targets, _ = scene()
    collected = CollectedScores()
    collected.update(scores.half().requires_grad_(), targets)
    kept, _, _ = collected.tensors()
    assert kept.dtype == torch.float16
    assert not kept.requires_grad


def test_the_caller_may_reuse_its_batch():
    scores, targets, known = scene()
    batch = scores.clone(), targets.clone(), known.clone()
    collected = CollectedScores()
    collected.update(*batch)
    for values in batch:
        values.zero_()
    assert same(collected.tensors(), (scores, targets & known, known))


def test_a_view_is_kept_without_what_it_is_a_view_of():
    scores, targets, _ = scene()
    collected = CollectedScores()
    collected.update(scores.expand(10, 3)[:2], targets[:2], torch.tensor([True, False, True]))
    for values in collected.tensors():
        assert values.untyped_storage().nbytes() == values.numel() * values.element_size()


def test_merge_appends_the_rows_of_another():
    scores, targets, known = scene()
    first, second = CollectedScores(), CollectedScores()
    first.update(scores[:4], targets[:4], known[:4])
    second.update(scores[4:], targets[4:], known[4:])
    first.merge(second)
    first.merge(CollectedScores())
    assert same(first.tensors(), (scores, targets & known, known))
    assert len(second.tensors()[0]) == 6


def test_merging_with_itself_doubles_the_rows():
    scores, targets, _ = scene()
    collected = CollectedScores()
    collected.update(scores, targets)
    collected.merge(collected)
    assert torch.equal(collected.tensors()[0], torch.cat([scores, scores]))


def test_before_the_first_batch_there_are_no_rows():
    scores, targets, mask = CollectedScores().tensors()
    assert scores.shape == targets.shape == (0, 0)
    assert mask is None


def test_without_other_ranks_all_ranks_are_the_own_rows():
    scores, targets, known = scene()
    collected = CollectedScores()
    collected.update(scores, targets, known)
    everything = collected.all_ranks()
    everything.update(scores, targets)
    assert same(collected.tensors(), (scores, targets & known, known))
    assert len(everything.tensors()[0]) == 20


@pytest.mark.parametrize(
    "case",
    [
        "uneven rows",
        "a rank with a batch of no rows",
        "a rank without batches",
        "no batches at all",
        "a mask on one rank only",
    ],
)
def test_two_ranks_collect_what_one_process_would(two_ranks, case):
    for rank in two_ranks:
        of_all_ranks, of_one_process = rank[case]
        assert same(of_all_ranks, of_one_process)


def test_another_number_of_labels_is_refused():
    scores, targets, _ = scene()
    collected, other = CollectedScores(), CollectedScores()
    collected.update(scores, targets)
    with pytest.raises(ValueError, match=r"^expected scores to have 3 labels like the rows before, got 2$"):
        collected.update(scores[:, :2], targets[:, :2])
    other.update(scores[:, :2], targets[:, :2])
    with pytest.raises(ValueError, match=r"^expected scores to have 3 labels like the rows before, got 2$"):
        collected.merge(other)


def test_inputs_that_do_not_fit_are_refused_at_once():
    scores, targets, _ = scene()
    with pytest.raises(ValueError, match=r"^expected targets to have the shape of scores \(10, 3\), got \(9, 3\)$"):
        CollectedScores().update(scores, targets[:9])
    with pytest.raises(ValueError, match=r"^expected targets to be 0 or 1, got 0.5 at row 0, label 0$"):
        CollectedScores().update(scores, torch.full((10, 3), 0.5))


def test_no_rows_have_the_types_of_rows():
    scores, targets, mask = CollectedScores().tensors()
    assert (scores.dtype, targets.dtype, mask) == (torch.float32, torch.bool, None)
