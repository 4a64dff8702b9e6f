import copy

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from lopsided.data.features import sparse_tensor
from lopsided.models import SparseLinear
from lopsided.runs.config import TrainingOptions
from lopsided.training.loop.optimizers import BIAS_RATE, ROW_RATE, build_optimizer
from lopsided.training.loop.row_steps import check_row_steps

INPUTS = sparse_tensor(csr_array(np.array([[0, 2, 0, 0], [0, 1, 0, 3]], np.float32)))


def step(layer, optimizer, *, inputs=INPUTS):
    optimizer.zero_grad()
    layer(inputs).square().sum().backward()
    optimizer.step()


def made(*, decay=0.0):
    torch.manual_seed(0)
    layer = SparseLinear(4, 3)
    return layer, build_optimizer(layer, TrainingOptions(learning_rate=0.01, weight_decay=decay))


def test_rows_take_the_steps_of_adagrad_with_one_scale_each():
    layer, optimizer = made(decay=0.1)
    for group in optimizer.param_groups:
        group["lr"] = 0.01 * group["lr_scale"]
    weight, total = layer.weight.detach().clone(), torch.zeros(4)
    for _ in range(3):
        outputs = INPUTS.to_dense() @ weight + layer.bias.detach()
        gradient = INPUTS.to_dense().T @ (2 * outputs)
        touched = torch.tensor([False, True, False, True])
        total += gradient.square().mean(dim=1)
        moved = gradient / total.sqrt().clamp(min=1e-20).unsqueeze(1) + 0.1 * weight
        weight = torch.where(touched.unsqueeze(1), weight - 0.01 * ROW_RATE * moved, weight)
        step(layer, optimizer)
    torch.testing.assert_close(layer.weight.detach(), weight)


def test_rows_and_bias_learn_at_rates_of_their_own():
    layer, optimizer = made(decay=0.1)
    scales = {id(group["params"][0]): (group["lr_scale"], group["weight_decay"]) for group in optimizer.param_groups}
    assert scales == {id(layer.weight): (ROW_RATE, 0.1), id(layer.bias): (BIAS_RATE, 0.0)}
    assert BIAS_RATE > ROW_RATE


def test_rows_that_no_sample_has_stay_as_they_are():
    layer, optimizer = made()
    before = layer.weight.detach().clone()
    step(layer, optimizer)
    assert (layer.weight[[0, 2]] == before[[0, 2]]).all()
    assert (layer.weight[[1, 3]] != before[[1, 3]]).any(dim=1).all()


def test_a_step_from_a_saved_state_is_the_step_without_the_interruption():
    layer, optimizer = made()
    step(layer, optimizer)
    other, further = made()
    other.load_state_dict(layer.state_dict())
    further.load_state_dict(copy.deepcopy(optimizer.state_dict()))  # it would share its tensors
    for pair in ((layer, optimizer), (other, further)):
        step(*pair)
    assert (layer.weight == other.weight).all()
    assert (layer.bias == other.bias).all()


def test_gradients_of_several_batches_add_up_until_they_are_forgotten():
    (one, first), (two, second) = made(), made()
    step(one, first, inputs=sparse_tensor(csr_array(np.array([[0, 2, 0, 0], [0, 1, 0, 3]], np.float32))))
    for row in ([[0, 2, 0, 0]], [[0, 1, 0, 3]]):
        two(sparse_tensor(csr_array(np.array(row, np.float32)))).square().sum().backward()
    second.step()
    torch.testing.assert_close(one.weight, two.weight)
    second.zero_grad()
    assert two.slopes == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"clip_norm": 1.0}, "expected training.clip_norm to be none for inputs that stay sparse, got 1.0"),
        ({"precision": "float16"}, "expected training.precision to be float32 or bfloat16 for inputs"),
        ({"compile": True}, "expected training.compile to be false"),
    ],
)
def test_what_rows_cannot_do_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        check_row_steps(TrainingOptions(**options))
