import numpy as np
import pytest
import torch

from lopsided.metrics import (
    brier_score,
    equal_mass_edges,
    equal_width_edges,
    expected_calibration_error,
    reliability,
)
from tests.reference import calibration as reference


def made(samples=200, labels=5, seed=0):
    draw = torch.Generator().manual_seed(seed)
    probabilities = torch.rand(samples, labels, generator=draw) ** 3
    targets = torch.rand(samples, labels, generator=draw) < probabilities**0.7
    mask = torch.rand(samples, labels, generator=draw) < 0.8
    return probabilities, targets, mask


@pytest.mark.parametrize("equal_mass", [False, True])
@pytest.mark.parametrize("num_bins", [1, 4, 15])
def test_the_error_is_that_of_plain_loops_over_known_elements(equal_mass, num_bins):
    probabilities, targets, mask = made()
    edges = equal_mass_edges(probabilities, num_bins, mask=mask) if equal_mass else equal_width_edges(num_bins)
    found = expected_calibration_error(probabilities, targets, num_bins=num_bins, equal_mass=equal_mass, mask=mask)
    flat = probabilities[mask].double().numpy(), targets[mask].numpy()
    assert found == pytest.approx(reference.error(*flat, edges.numpy()), abs=1e-9)


def test_the_brier_score_is_the_mean_square():
    probabilities, targets, mask = made()
    wanted = reference.brier(probabilities[mask].double().numpy(), targets[mask].numpy())
    assert brier_score(probabilities, targets, mask=mask) == pytest.approx(wanted, abs=1e-9)


def test_batches_add_up_to_all_at_once():
    probabilities, targets, mask = made()
    for edges in (equal_width_edges(10), equal_mass_edges(probabilities, 10, mask=mask)):
        whole = reliability(probabilities, targets, edges=edges, mask=mask)
        parts = [
            reliability(probabilities[rows], targets[rows], edges=edges, mask=mask[rows])
            for rows in torch.randperm(200).split(33)
        ]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        assert torch.equal(total.counts, whole.counts)
        assert torch.equal(total.positives, whole.positives)
        assert (total.error, total.brier) == pytest.approx((whole.error, whole.brier), abs=1e-12)
    with pytest.raises(ValueError, match="expected two reliabilities with the same edges"):
        reliability(probabilities, targets) + whole


def test_unknown_elements_may_hold_anything():
    probabilities, targets, mask = made()
    clean = reliability(probabilities, targets, mask=mask)
    spoilt = reliability(
        probabilities.masked_fill(~mask, torch.nan), targets.float().masked_fill(~mask, torch.nan), mask=mask
    )
    assert (clean.error, clean.brier) == (spoilt.error, spoilt.brier)


def test_true_probabilities_have_no_error_and_constant_ones_have_that_of_the_mean():
    draw = torch.Generator().manual_seed(1)
    probabilities = torch.rand(100_000, 1, generator=draw)
    targets = torch.rand(100_000, 1, generator=draw) < probabilities
    assert expected_calibration_error(probabilities, targets) < 0.01
    assert expected_calibration_error(torch.full_like(probabilities, 0.9), targets) == pytest.approx(0.4, abs=0.01)


def test_bins_of_equal_mass_hold_equally_many_and_equal_probabilities_share_one():
    values = torch.linspace(0, 1, 1000).reshape(-1, 1)
    counts = reliability(values, values > 0.5, edges=equal_mass_edges(values, 8)).counts
    assert counts.tolist() == [125] * 8
    tied = torch.cat([torch.zeros(900, 1), torch.ones(100, 1) * 0.5])
    assert reliability(tied, tied > 0, edges=equal_mass_edges(tied, 10)).counts.tolist() == [900, 100]


def test_without_a_known_element_all_is_nan():
    nothing = reliability(torch.rand(3, 2), torch.zeros(3, 2), mask=torch.zeros(3, 2, dtype=torch.bool))
    assert np.isnan([nothing.brier, nothing.error]).all()


def test_logits_and_other_edges_are_refused():
    with pytest.raises(
        ValueError, match=r"expected probabilities to lie in \[0, 1\], got 3 at row 0, label 0; of logits"
    ):
        brier_score(torch.tensor([[3.0]]), torch.tensor([[1]]))
    with pytest.raises(ValueError, match="expected num_bins to be at least 1, got 0"):
        expected_calibration_error(torch.rand(2, 2), torch.zeros(2, 2), num_bins=0)
    with pytest.raises(ValueError, match=r"expected edges to rise from 0 to 1, got \[0.0, 0.5\]"):
        reliability(torch.rand(2, 2), torch.zeros(2, 2), edges=torch.tensor([0, 0.5]))


def test_two_ranks_find_what_one_process_would(two_ranks):
    for rank in two_ranks:
        found, wanted = rank["reliability of all ranks"], rank["reliability of one process"]
        assert found.counts.tolist() == wanted.counts.tolist()
        assert (found.brier, found.error) == pytest.approx((wanted.brier, wanted.error), abs=1e-12)


@pytest.mark.parametrize("num_bins", [1, 4, 15])
def test_bins_have_the_edges_that_the_words_equal_width_and_equal_mass_promise(num_bins):
    probabilities, targets, mask = made()
    count = int(mask.sum()) // num_bins * num_bins  # equally many in each bin
    mask &= mask.flatten().cumsum(0).reshape(mask.shape) <= count
    p, y = probabilities[mask].double().numpy(), targets[mask].numpy()
    assert len(set(p)) == len(p)
    wide = [k / num_bins for k in range(num_bins + 1)]
    found = expected_calibration_error(probabilities, targets, num_bins=num_bins, mask=mask)
    assert found == pytest.approx(reference.error(p, y, wide), abs=1e-9)
    ordered = np.argsort(p).reshape(num_bins, -1)
    wanted = np.abs(p[ordered].mean(axis=1) - y[ordered].mean(axis=1)).mean()
    found = expected_calibration_error(probabilities, targets, num_bins=num_bins, equal_mass=True, mask=mask)
    assert found == pytest.approx(wanted, abs=1e-9)


def test_a_probability_on_an_edge_belongs_to_the_bin_below_it():
    edges = torch.tensor([0.0, 0.25, 0.5, 1.0])
    values = torch.tensor([[0.0], [0.25], [0.375], [0.5], [0.75], [1.0]])
    found = reliability(values, torch.tensor([[1], [0], [0], [1], [1], [0]]), edges=edges)
    assert found.counts.tolist() == [2, 2, 2]
    assert found.positives.tolist() == [1, 1, 1]
    assert found.probabilities.tolist() == [0.25, 0.875, 1.75]
    assert float(found.squares) == 1 + 0.0625 + 0.140625 + 0.25 + 0.0625 + 1
    assert reliability(values, values > 2).edges.tolist() == pytest.approx([k / 15 for k in range(16)])


def test_a_known_nan_is_refused_and_says_where():
    probabilities = torch.tensor([[0.5, 0.1], [0.2, torch.nan]])
    for measure in (reliability, brier_score, expected_calibration_error):
        with pytest.raises(ValueError, match="got 1 NaN, the first at row 1, label 1"):
            measure(probabilities, torch.zeros(2, 2))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("equal_mass", [False, True])
def test_probabilities_of_any_precision_are_measured_as_float64(dtype, equal_mass):
    probabilities, targets, mask = made()
    narrow = probabilities.to(dtype)
    options = {"equal_mass": equal_mass, "mask": mask}
    wide = expected_calibration_error(narrow.double(), targets, **options)
    assert expected_calibration_error(narrow, targets, **options) == pytest.approx(wide, abs=1e-12)
    assert equal_mass_edges(narrow, 4).dtype == equal_width_edges(4).dtype == torch.float64
    found = reliability(narrow, targets)
    assert {part.dtype for part in (found.probabilities, found.squares)} == {torch.float64}


def test_reliability_of_all_ranks_keeps_its_edges(two_ranks):
    for rank in two_ranks:
        found, wanted = rank["reliability of all ranks"], rank["reliability of one process"]
        assert torch.equal(found.edges, wanted.edges)
        assert torch.equal(found.positives, wanted.positives)
        torch.testing.assert_close(found.probabilities, wanted.probabilities, rtol=1e-12, atol=0)


def test_without_other_ranks_all_ranks_is_the_same():
    found = reliability(*made()[:2])
    assert found.all_ranks() is found


def test_many_elements_are_binned_in_parts(monkeypatch):
    probabilities, targets, mask = made()
    whole = reliability(probabilities, targets, mask=mask)
    monkeypatch.setattr("lopsided.metrics.calibration._BLOCK", 7)  # a row at a time
    parts = reliability(probabilities, targets, mask=mask)
    assert torch.equal(parts.counts, whole.counts)
    assert torch.equal(parts.positives, whole.positives)
    assert (parts.error, parts.brier) == pytest.approx((whole.error, whole.brier), abs=1e-12)
    assert len(equal_mass_edges(probabilities, 4)) == 5  # of every n-th


@pytest.mark.parametrize("edges", [[0.0], [], [[0.0, 1.0]], [0.0, 0.5, 0.5, 1.0], [0.0, 0.6, 0.4, 1.0], [0.1, 1.0]])
def test_edges_that_are_no_bins_are_refused(edges):
    with pytest.raises(ValueError, match="expected edges to rise from 0 to 1, got"):
        reliability(torch.rand(2, 2), torch.zeros(2, 2), edges=torch.tensor(edges))


def test_edges_of_any_precision_are_kept_as_float64():
    found = reliability(torch.rand(2, 2), torch.zeros(2, 2), edges=torch.tensor([0.0, 0.25, 1.0]))
    assert found.edges.dtype == torch.float64


@pytest.mark.parametrize("count", [1, 2, 7, 10, 29, 30, 100, 450, 1000])
@pytest.mark.parametrize("num_bins", [1, 2, 3, 7, 10, 15, 29])
def test_bins_of_equal_mass_differ_by_one_element_at_most(count, num_bins):
    values = (torch.randperm(count) + 1.0)[:, None] / (count + 1)
    edges = equal_mass_edges(values, num_bins)
    counts = reliability(values, torch.zeros(count, 1), edges=edges).counts
    assert counts.sum() == count
    assert len(counts) == min(num_bins, count)
    assert counts.max() - counts.min() <= 1


def test_probabilities_of_0_and_of_1_are_bins_of_their_own_where_they_fill_one():
    values = torch.tensor([0.0] * 4 + [0.2, 0.3, 0.4, 0.5] + [1.0] * 4)[:, None]
    edges = equal_mass_edges(values, 3)
    assert reliability(values, torch.zeros(12, 1), edges=edges).counts.tolist() == [4, 4, 4]
