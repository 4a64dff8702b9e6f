"""Memory of large gradients: used again only when nobody holds it."""

import threading

import pytest
import torch

from lopsided.losses import asymmetric_loss
from lopsided.losses.kernels import memory, native_kernel

LARGE = memory.SMALLEST // 4 + 5  # float32 elements


@pytest.fixture(autouse=True)
def nothing_kept():
    memory._kept.clear()
    yield
    memory._kept.clear()


@pytest.mark.parametrize("shape", [(3, 5), (LARGE,), (7, LARGE // 7 + 1)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_it_looks_like_the_logits(shape, dtype):
    tensor = memory.like(torch.zeros(shape, dtype=dtype))
    assert (tensor.shape, tensor.dtype, tensor.is_contiguous()) == (torch.Size(shape), dtype, True)
    assert tensor.data_ptr() % 64 == 0


def test_memory_let_go_is_used_again():
    address = memory.like(torch.zeros(LARGE)).data_ptr()
    assert memory.like(torch.zeros(LARGE)).data_ptr() == address


def test_memory_that_a_view_holds_is_not():
    view = memory.like(torch.zeros(LARGE)).fill_(1.0)[5:7]
    other = memory.like(torch.zeros(LARGE)).fill_(2.0)
    assert view.tolist() == [1.0, 1.0]
    del other
    third = memory.like(torch.zeros(LARGE)).fill_(3.0)
    assert view.tolist() == [1.0, 1.0]
    assert third[0] == 3.0


def test_a_much_smaller_tensor_takes_none_of_it():
    memory.like(torch.zeros(4 * LARGE))
    memory.like(torch.zeros(LARGE))
    assert [len(block) for block in memory._kept] == [4 * LARGE + 64]


def test_one_block_is_kept():
    several = [memory.like(torch.zeros(LARGE)) for _ in range(3)]
    several.clear()
    assert len(memory._kept) == 1


def test_threads_never_share_a_block():
    wrong = []

    def work(value):
        for _ in range(50):
            tensor = memory.like(torch.zeros(LARGE)).fill_(value)
            if not bool((tensor == value).all()):
                wrong.append(value)

    threads = [threading.Thread(target=work, args=(float(value),)) for value in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.skipif(native_kernel.native_module() is None, reason="no native kernel")
def test_gradients_of_successive_steps_are_their_own():
    logits, targets = torch.linspace(-5, 5, LARGE).requires_grad_(), torch.zeros(LARGE)
    first = torch.autograd.grad(asymmetric_loss(logits, targets), logits)[0]
    kept = first.clone()
    second = torch.autograd.grad(asymmetric_loss(-logits, targets), logits)[0]
    assert torch.equal(first, kept)
    assert not torch.equal(first, second)
