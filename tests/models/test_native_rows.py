import numpy as np
import pytest
import torch
from scipy.sparse import csr_array, random_array

from lopsided.data.features import sparse_tensor
from lopsided.losses.kernels import backend
from lopsided.losses.kernels.native_kernel import INSTRUCTIONS, native_module
from lopsided.models import SparseLinear, native_rows
from lopsided.models.sparse import Slopes
from lopsided.training.loop import row_steps

WIDTHS = (1, 7, 16, 595, 2500)

pytestmark = pytest.mark.skipif(native_rows.native_module() is None, reason="installed without a compiler")


@pytest.fixture(params=range(len(INSTRUCTIONS)), ids=INSTRUCTIONS)
def instructions(request, monkeypatch):
    native = native_module()
    assert native is not None
    if request.param > native.best_instructions():
        pytest.skip("this processor has no such instructions")
    monkeypatch.setenv("LOPSIDED_BACKEND", f"native-{INSTRUCTIONS[request.param]}")
    backend.forget()
    yield
    monkeypatch.undo()
    backend.forget()


@pytest.fixture
def plain_torch(monkeypatch):
    monkeypatch.setattr(native_rows, "serves", lambda *tensors: False)


def inputs_of(samples, *, features=50, seed=0):
    made = random_array((samples, features), density=0.3, format="csr", dtype=np.float32, rng=seed)
    return sparse_tensor(csr_array(made))


def slopes_of(width, *sizes):
    random = torch.Generator().manual_seed(1)
    return [
        Slopes(
            inputs_of(size, seed=size), torch.randn(size, width, generator=random) if size else torch.zeros(0, width)
        )
        for size in sizes
    ]


def moved(weight, sums, slopes, **settings):
    native_rows.step(weight, sums, [part.inputs for part in slopes], [part.outputs for part in slopes], **settings)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_product_is_that_of_dense_tensors(instructions, width):
    inputs, weight = inputs_of(30), torch.randn(50, width)
    assert native_rows.serves(inputs, weight)
    torch.testing.assert_close(native_rows.product(inputs, weight), inputs.to_dense() @ weight)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("sizes", [(30,), (9, 1, 20)])
def test_a_step_is_that_of_plain_torch(instructions, plain_torch, width, sizes):
    slopes = slopes_of(width, *sizes)
    weight, sums = torch.randn(50, width), torch.rand(50)
    wanted, kept = weight.clone(), sums.clone()
    moved(weight, sums, slopes, rate=0.3, decay=0.1)
    row_steps._step(wanted, kept, slopes, 0.3, 0.1)
    torch.testing.assert_close(sums, kept)
    torch.testing.assert_close(weight, wanted)


@pytest.mark.parametrize(("parts", "width"), [(1, 7), (3, 1), (3, 7), (5, 500)])
def test_parts_of_a_row_have_scales_of_their_own(instructions, plain_torch, parts, width):
    slopes = slopes_of(parts * width, 9, 20)
    weight, sums = torch.randn(50, parts * width), torch.rand(50, parts)
    wanted, kept = weight.clone(), sums.clone()
    moved(weight, sums, slopes, rate=0.3, decay=0.1)
    row_steps._step(wanted, kept, slopes, 0.3, 0.1)
    torch.testing.assert_close(sums, kept)
    torch.testing.assert_close(weight, wanted)


def test_rows_without_an_entry_keep_every_bit(instructions):
    inputs = sparse_tensor(csr_array(np.array([[0, 2, 0, 0]], np.float32)))
    weight, sums = torch.randn(4, 3), torch.zeros(4)
    before = weight.clone()
    moved(weight, sums, [Slopes(inputs, torch.ones(1, 3))], rate=1.0, decay=0.5)
    assert (weight[[0, 2, 3]] == before[[0, 2, 3]]).all()
    assert sums.tolist() == [0, 4, 0, 0]


def test_a_gradient_of_nothing_moves_nothing():
    weight, sums = torch.randn(50, 3), torch.zeros(50)
    before = weight.clone()
    moved(weight, sums, [Slopes(inputs_of(5), torch.zeros(5, 3))], rate=1.0, decay=0.0)
    assert (weight == before).all()
    moved(weight, sums, slopes_of(3, 0), rate=1.0, decay=0.0)
    assert (weight == before).all()


def test_the_bits_are_the_same_with_any_number_of_threads():
    inputs, weight = inputs_of(200), torch.randn(50, 300)
    slopes, found = [Slopes(inputs, torch.randn(200, 300))], []
    threads = torch.get_num_threads()
    for number in (1, 3):
        torch.set_num_threads(number)
        changed, sums = weight.clone(), torch.zeros(50)
        moved(changed, sums, slopes, rate=0.1, decay=0.0)
        found.append((native_rows.product(inputs, weight), changed, sums))
    torch.set_num_threads(threads)
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def test_plain_torch_serves_where_it_is_asked_for(monkeypatch):
    monkeypatch.setenv("LOPSIDED_BACKEND", "torch")
    backend.forget()
    assert not native_rows.serves(torch.ones(1))
    monkeypatch.undo()
    backend.forget()
    assert native_rows.serves(torch.ones(1))
    assert not native_rows.serves(torch.ones(1, dtype=torch.float64))


def test_a_layer_gives_the_same_by_either_way(monkeypatch):
    layer, inputs = SparseLinear(50, 7), inputs_of(6)
    outputs = layer(inputs)
    monkeypatch.setattr(native_rows, "serves", lambda *tensors: False)
    torch.testing.assert_close(layer(inputs), outputs)
