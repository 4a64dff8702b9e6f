import numpy as np
import pytest
import torch
from scipy.sparse import random_array

from lopsided.data.features import sparse_tensor
from lopsided.losses import asymmetric_loss
from lopsided.losses.many_labels import job
from lopsided.losses.many_labels.job import checked_job
from lopsided.models.sparse import SparseLinear, rows_of_gradient
from lopsided.models.sparse_loss import loss_of_sparse_layer

SAMPLES, FEATURES, LABELS = 6, 40, 700


@pytest.fixture(autouse=True)
def several_parts(monkeypatch):
    monkeypatch.setattr(job, "LOGITS_AT_A_TIME", 1)  # 256 labels at a time, at least


@pytest.fixture
def layer():
    torch.manual_seed(0)
    layer = SparseLinear(FEATURES, LABELS)
    torch.nn.init.normal_(layer.bias)
    return layer


@pytest.fixture
def inputs():
    return sparse_tensor(random_array((SAMPLES, FEATURES), density=0.2, format="csr", dtype=np.float32, rng=0))


def in_one(layer, inputs, targets, *, reduction="batchmean", mask=None):
    like = torch.empty(()).expand(SAMPLES, LABELS)
    told = checked_job(like, targets, focus=(0.5, 2.0, 0.1), mask=mask, reduction=reduction)
    return loss_of_sparse_layer(inputs, layer, told)


@pytest.mark.parametrize("reduction", ["mean", "batchmean", "sum"])
@pytest.mark.parametrize("masked", [False, True])
def test_loss_and_gradients_equal_those_of_the_two_steps(layer, inputs, reduction, masked):
    targets = torch.rand(SAMPLES, LABELS) < 0.01
    mask = torch.rand(SAMPLES, LABELS) < 0.7 if masked else None
    two = asymmetric_loss(
        layer(inputs), targets, gamma_pos=0.5, gamma_neg=2.0, margin=0.1, mask=mask, reduction=reduction
    )
    one = in_one(layer, inputs, targets, reduction=reduction, mask=mask)
    wanted, came = (torch.autograd.grad(3 * loss, [layer.weight, layer.bias]) for loss in (two, one))
    torch.testing.assert_close((one, *came), (two, *wanted))


def test_the_gradient_of_the_weight_stays_in_its_factors_where_rows_take_steps(layer, inputs):
    targets = torch.rand(SAMPLES, LABELS) < 0.01
    wanted = torch.autograd.grad(in_one(layer, inputs, targets), layer.weight)[0]
    layer.in_factors = True
    in_one(layer, inputs, targets).backward()
    assert layer.weight.grad is None
    made = torch.zeros_like(wanted)
    for rows, values in rows_of_gradient(layer.slopes):
        made[rows] = values
    torch.testing.assert_close(made, wanted)


def test_without_gradients_nothing_is_kept(layer, inputs):
    with torch.no_grad():
        loss = in_one(layer, inputs, torch.zeros(SAMPLES, LABELS))
    assert not loss.requires_grad
    assert not layer.slopes
