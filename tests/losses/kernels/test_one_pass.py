"""What a compiled graph calls is what an eager call computes; the compiler itself is tried in test_transforms.py."""

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from lopsided import AdaptiveAsymmetricLoss, AsymmetricLoss
from lopsided.losses.formula import Settings
from lopsided.losses.kernels import backend, loss_and_gap, native_kernel, one_pass
from lopsided.losses.kernels.call import Call

pytestmark = pytest.mark.skipif(native_kernel.native_module() is None, reason="the native kernel was not built")
SETTINGS = Settings(0.5, torch.rand(5) * 4, 0.1)


@pytest.fixture(autouse=True, scope="module")
def every_backend():
    """The native one alone."""


@pytest.fixture(autouse=True)
def native(monkeypatch):
    monkeypatch.setenv("LOPSIDED_BACKEND", "native")
    backend.forget()
    yield
    monkeypatch.undo()
    backend.forget()


def batch(**wanted):
    logits, targets = torch.randn(7, 5), torch.rand(7, 5) < 0.3
    return Call(logits, targets, SETTINGS, mask=torch.rand(7, 5) > 0.3, weight=torch.rand(5), **wanted)


@pytest.mark.parametrize("detach_focus", [False, True])
@pytest.mark.parametrize("reduction", ["none", "mean", "sum", "batchmean"])
def test_the_operator_of_compiled_graphs_gives_what_the_kernel_gives(detach_focus, reduction):
    call = batch(reduction=reduction, want_gap=True)
    call = call._replace(settings=SETTINGS._replace(detach_focus=detach_focus))
    found = one_pass._run_compiled(call)
    torch.testing.assert_close(tuple(found), tuple(native_kernel.run(call)))
    other = call._replace(settings=SETTINGS._replace(detach_focus=not detach_focus))
    assert not torch.allclose(found.slope, one_pass._run_compiled(other).slope)


@pytest.mark.parametrize("want", [False, True])
@pytest.mark.parametrize("reduction", ["none", "mean"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_graph_is_traced_with_the_shapes_and_types_that_come_out(want, reduction, dtype):
    call = batch(reduction=reduction, want_slope=want, want_gap=want)
    call = call._replace(logits=call.logits.to(dtype))
    real = one_pass._run_compiled(call)
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        fake = one_pass._run_compiled(call._replace(logits=mode.from_tensor(call.logits)))
    pairs = [pair for pair in zip(fake, real, strict=True) if pair != (None, None)]
    assert len(pairs) == (3 if want else 2)
    assert all((one.shape, one.dtype) == (other.shape, other.dtype) for one, other in pairs)


def test_a_loss_without_a_wanted_gradient_computes_none(monkeypatch):
    call, seen = batch(), []
    run = native_kernel.run
    monkeypatch.setattr(native_kernel, "run", lambda call: seen.append(call[-2:]) or run(call))
    needed = call.logits.clone().requires_grad_()
    for criterion, gap in ((AsymmetricLoss(), False), (AdaptiveAsymmetricLoss(), True)):
        for logits, wanted in ((call.logits, False), (needed, True)):
            loss = criterion(logits, call.targets, mask=call.mask)
            assert loss.requires_grad is wanted
            assert seen.pop() == (wanted, gap)
        with torch.no_grad():
            criterion(needed, call.targets)
        assert seen.pop() == (False, gap)


def test_the_sums_of_the_gap_have_no_graph_and_come_only_where_they_are_asked_for():
    call = batch(reduction="mean", want_gap=True)
    call = call._replace(logits=call.logits.requires_grad_())
    loss, gap_sums = loss_and_gap(call)
    assert loss.requires_grad
    assert not gap_sums.requires_grad
    assert loss_and_gap(call._replace(want_gap=False))[1] is None
