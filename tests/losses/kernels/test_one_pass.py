"""What a compiled graph calls is what an eager call computes; the compiler itself is tried in test_transforms.py."""

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from lopsided.losses.formula import Settings
from lopsided.losses.kernels import backend, native_kernel, one_pass

pytestmark = pytest.mark.skipif(backend.native_module() is None, reason="the native kernel was not built")
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


def batch():
    logits, targets = torch.randn(7, 5), torch.rand(7, 5) < 0.3
    return (logits, targets), {"mask": torch.rand(7, 5) > 0.3, "weight": torch.rand(5)}


@pytest.mark.parametrize("detach_focus", [False, True])
@pytest.mark.parametrize("reduction", ["none", "mean", "sum", "batchmean"])
def test_the_operator_of_compiled_graphs_gives_what_the_kernel_gives(detach_focus, reduction):
    tensors, options = batch()
    options |= {"reduction": reduction, "want_slope": True, "want_gap": True}
    settings = SETTINGS._replace(detach_focus=detach_focus)
    found = one_pass._run_compiled(*tensors, settings, **options)
    torch.testing.assert_close(tuple(found), tuple(native_kernel.run(*tensors, settings, **options)))
    other = SETTINGS._replace(detach_focus=not detach_focus)
    assert not torch.allclose(found.slope, one_pass._run_compiled(*tensors, other, **options).slope)


@pytest.mark.parametrize("want", [False, True])
@pytest.mark.parametrize("reduction", ["none", "mean"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_graph_is_traced_with_the_shapes_and_types_that_come_out(want, reduction, dtype):
    (logits, targets), options = batch()
    logits = logits.to(dtype)
    options |= {"reduction": reduction, "want_slope": want, "want_gap": want}
    real = one_pass._run_compiled(logits, targets, SETTINGS, **options)
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        fake = one_pass._run_compiled(mode.from_tensor(logits), targets, SETTINGS, **options)
    assert [(part.shape, part.dtype) for part in fake] == [(part.shape, part.dtype) for part in real]


def test_a_loss_without_a_wanted_gradient_computes_none(monkeypatch):
    (logits, targets), options = batch()
    seen = []
    run = native_kernel.run
    monkeypatch.setattr(native_kernel, "run", lambda *a, **k: seen.append(k["want_slope"]) or run(*a, **k))
    for tensor, wanted in ((logits, False), (logits.clone().requires_grad_(), True)):
        loss, gap_sums = one_pass.loss_and_gap(tensor, targets, SETTINGS, **options, reduction="mean", want_gap=True)
        assert loss.requires_grad is wanted
        assert gap_sums is not None
        assert not gap_sums.requires_grad
        assert seen.pop() is wanted
    assert one_pass.loss_and_gap(tensor, targets, SETTINGS, **options, reduction="mean", want_gap=False)[1] is None
