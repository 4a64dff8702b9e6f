import pytest
import torch

from lopsided.losses.reduction import reduce


def test_each_reduction_divides_by_what_its_name_says():
    losses = torch.arange(12.0).reshape(2, 2, 3)
    totals = {name: reduce(losses, mask=None, reduction=name) for name in ("sum", "mean", "batchmean")}
    assert totals["sum"] == 66
    assert totals["mean"] == 66 / 12
    assert totals["batchmean"] == 66 / 4
    assert torch.equal(reduce(losses, mask=None, reduction="none"), losses)


def test_batchmean_does_not_depend_on_the_batch_size():
    losses = torch.rand(5, 3)
    twice = torch.cat([losses, losses])
    torch.testing.assert_close(
        reduce(losses, mask=None, reduction="batchmean"),
        reduce(twice, mask=None, reduction="batchmean"),
    )


def test_an_unknown_reduction_is_refused():
    with pytest.raises(ValueError, match="expected reduction to be one of none, mean, sum, batchmean, got 'avg'"):
        reduce(torch.ones(2), mask=None, reduction="avg")


def test_what_is_divided_by_is_never_more_than_what_is_known():
    losses, one = torch.tensor([[3.0, 0.0]]), torch.tensor([[True, False]])
    assert reduce(losses, mask=one, reduction="mean") == 3
    assert reduce(losses, mask=one, reduction="batchmean") == 3
    assert reduce(losses, mask=torch.tensor([False]), reduction="mean") == 3  # nothing known: by 1
    assert reduce(torch.tensor(3.0), mask=None, reduction="batchmean") == 3
