import pytest
import torch
from torch.nn.functional import cross_entropy, softplus

from lopsided.losses import two_way_loss
from tests.reference.rivals import two_way as reference


@pytest.mark.parametrize(("t_pos", "t_neg"), [(4.0, 1.0), (0.5, 2.0)])
def test_a_batch_equals_the_equation(t_pos, t_neg):
    logits, targets = torch.randn(7, 5, dtype=torch.float64) * 3, (torch.rand(7, 5) < 0.4).int()
    targets[0], targets[1], targets[:, 2] = 0, 1, 0
    for mask in (torch.ones(7, 5, dtype=torch.bool), torch.rand(7, 5) > 0.3):
        loss = two_way_loss(logits, targets, temperature_pos=t_pos, temperature_neg=t_neg, mask=mask)
        expected = reference(logits.numpy(), targets.numpy(), mask.numpy(), t_pos, t_neg)
        assert loss.item() == pytest.approx(expected)


def test_with_one_positive_per_row_and_column_it_is_softmax_cross_entropy_both_ways():
    logits, labels = torch.randn(5, 5), torch.arange(5)
    loss = two_way_loss(logits, torch.eye(5), temperature_pos=1.7)  # of a single positive, its temperature is no matter
    torch.testing.assert_close(loss, cross_entropy(logits, labels) + cross_entropy(logits.T, labels))


def test_towards_temperature_zero_only_the_worst_pair_of_each_row_and_column_counts():
    logits = torch.tensor([[1.0, 2.0, -0.5], [0.2, -1.0, 3.0]])
    targets = torch.tensor([[1, 0, 0], [1, 1, 0]])
    loss = two_way_loss(logits, targets, temperature_pos=1e-3, temperature_neg=1e-3)
    rows = softplus(torch.tensor([2.0 - 1.0, 3.0 - (-1.0)])).mean()
    columns = softplus(torch.tensor([-1e9, 2.0 - (-1.0)])).mean()  # the first column has no negative
    torch.testing.assert_close(loss, rows + columns)


def test_the_sum_is_over_rows_and_columns_with_a_positive():
    logits, targets = torch.randn(3, 4), torch.tensor([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]])
    total = two_way_loss(logits, targets, reduction="sum")
    torch.testing.assert_close(total / 2, two_way_loss(logits, targets))  # two rows, two columns


@pytest.mark.filterwarnings("ignore:Anomaly Detection has been enabled")
def test_no_gradient_is_nan_where_a_row_has_one_side_only():
    logits = torch.randn(3, 4, requires_grad=True)
    with torch.autograd.detect_anomaly(check_nan=True):
        two_way_loss(logits, torch.tensor([[1] * 4, [0] * 4, [1, 0, 1, 0]])).backward()
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("reduction", ["none", "batchmean"])
def test_reductions_that_it_has_not_are_refused(reduction):
    with pytest.raises(ValueError, match=f"two-way loss to be one of mean, sum, got '{reduction}'"):
        two_way_loss(torch.zeros(2, 2), torch.zeros(2, 2), reduction=reduction)


def test_soft_targets_and_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"expected targets to be 0 or 1, got 0.5"):
        two_way_loss(torch.zeros(2, 2), torch.full((2, 2), 0.5))
    with pytest.raises(ValueError, match=r"expected logits to have the shape \(samples, labels\), got \(2, 2, 2\)"):
        two_way_loss(torch.zeros(2, 2, 2), torch.zeros(2, 2, 2))
