"""What the metrics refuse, and what they leave alone because it is unknown."""

import pytest
import torch

from lopsided.metrics.checks import check_no_nan, check_shapes, check_unit_interval, known_positives

NAN = torch.nan


@pytest.mark.parametrize(
    ("values", "targets", "mask", "error", "message"),
    [
        ([0.5], torch.zeros(1, 1), None, TypeError, "expected scores to be a tensor, got list"),
        (torch.zeros(1, 1, dtype=torch.int64), torch.zeros(1, 1), None, TypeError, "floating point, got torch.int64"),
        (torch.zeros(3), torch.zeros(3), None, ValueError, r"the shape \(samples, labels\), got \(3,\)"),
        (torch.zeros(1, 1, 1), torch.zeros(1, 1, 1), None, ValueError, r"\(samples, labels\), got \(1, 1, 1\)"),
        (torch.zeros(1, 1), [[0]], None, TypeError, "expected targets to be a tensor, got list"),
        (torch.zeros(2, 1), torch.zeros(1, 2), None, ValueError, r"the shape of scores \(2, 1\), got \(1, 2\)"),
        (torch.zeros(1, 1), torch.zeros(1, 1), [[True]], TypeError, "expected mask to be a tensor, got list"),
        (
            torch.zeros(1, 1),
            torch.zeros(1, 1),
            torch.ones(1, 1),
            TypeError,
            "expected mask to be bool, .* got torch.float32",
        ),
        (
            torch.zeros(2, 3),
            torch.zeros(2, 3),
            torch.ones(2, dtype=torch.bool),
            ValueError,
            r"expected mask to broadcast to the shape of scores \(2, 3\), got \(2,\)",
        ),
    ],
)
def test_what_does_not_belong_together_is_refused(values, targets, mask, error, message):
    with pytest.raises(error, match=message):
        check_shapes("scores", values, targets, mask)


def test_a_mask_comes_back_in_full_and_none_stays_none():
    values = torch.zeros(2, 3)
    assert check_shapes("scores", values, values, None) is None
    full = check_shapes("scores", values, values, torch.tensor([True, False, True]))
    assert full.tolist() == [[True, False, True]] * 2


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64, torch.float32])
def test_positives_are_the_known_ones(dtype):
    targets = torch.tensor([[1, 0], [1, 1]]).to(dtype)
    assert known_positives(targets, None).tolist() == [[True, False], [True, True]]
    known = torch.tensor([[False, True], [True, True]])
    assert known_positives(targets, known).tolist() == [[False, False], [True, True]]


@pytest.mark.parametrize("value", [0.5, 2.0, -1.0, NAN])
def test_other_targets_are_refused_with_their_place_unless_unknown(value):
    targets = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, value]])
    with pytest.raises(ValueError, match=f"expected targets to be 0 or 1, got {value:g} at row 1, label 2"):
        known_positives(targets, None)
    known = torch.tensor([[True, True, True], [True, True, False]])
    assert known_positives(targets, known).tolist() == [[True, False, False], [False, True, False]]


def test_nan_is_counted_where_known():
    values = torch.tensor([[0.5, NAN], [NAN, NAN]])
    with pytest.raises(
        ValueError, match="expected scores not to be NaN where known, got 3 NaN, the first at row 0, label 1"
    ):
        check_no_nan("scores", values, None)
    known = torch.tensor([[True, False], [True, True]])
    with pytest.raises(ValueError, match="got 2 NaN, the first at row 1, label 0"):
        check_no_nan("scores", values, known)
    one = torch.tensor([[True, False], [False, True]])
    with pytest.raises(ValueError, match="got 1 NaN, the first at row 1, label 1"):
        check_no_nan("scores", values, one)
    check_no_nan("scores", values, torch.tensor([[True, False], [False, False]]))


@pytest.mark.parametrize("value", [-0.25, 1.5, torch.inf, -torch.inf])
def test_what_is_no_probability_is_refused_where_known(value):
    values = torch.tensor([[0.0, 1.0], [value, NAN]])
    with pytest.raises(ValueError, match=rf"to lie in \[0, 1\], got {value:g} at row 1, label 0; of logits take"):
        check_unit_interval("probabilities", values, None)
    check_unit_interval("probabilities", values, torch.tensor([[True, True], [False, True]]))
