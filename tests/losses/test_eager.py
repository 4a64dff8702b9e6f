"""Whatever follows a computation gets plain torch or a refusal: never numbers of another call, nor of no call."""

import pytest
import torch
from torch._subclasses import FakeTensorMode
from torch.autograd import forward_ad
from torch.fx.experimental.proxy_tensor import make_fx
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from lopsided import losses
from lopsided.asymmetry import gap_sums
from lopsided.losses.eager import is_eager
from lopsided.metrics import average_precision

# what tracing itself warns of
tracing = pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning")

SMALL, LARGE = (4, 3), (700, 100)  # the large one is computed in blocks


def cost(logits, targets, mask):
    gamma = torch.full((logits.shape[-1],), 1.5)
    return losses.asymmetric_loss(logits, targets, gamma_pos=1, gamma_neg=gamma, mask=mask, weight=targets + 1)


def inputs(shape, seed=0):
    draw = torch.Generator().manual_seed(seed)
    logits = torch.randn(shape, generator=draw) * 4
    return logits, torch.rand(shape, generator=draw).round(), torch.rand(shape, generator=draw) > 0.2


def value_and_slope(logits, targets, mask):
    logits = logits.detach().requires_grad_()
    loss = cost(logits, targets, mask)
    return loss, torch.autograd.grad(loss, logits)[0]


@tracing
@pytest.mark.parametrize("shape", [SMALL, LARGE])
def test_a_traced_loss_computes_what_it_is_given(shape):
    traced = torch.jit.trace(cost, inputs(shape), check_trace=False)
    other = inputs(shape, seed=1)
    torch.testing.assert_close(traced(*other), cost(*other))
    longer = inputs((2 * shape[0], shape[1]), seed=2)
    torch.testing.assert_close(traced(*longer), cost(*longer))


@pytest.mark.parametrize("shape", [SMALL, LARGE])
@pytest.mark.parametrize("mode", ["real", "fake", "symbolic"])
def test_a_graph_of_operators_computes_what_it_is_given(mode, shape):
    for function in (cost, value_and_slope):
        graph = make_fx(function, tracing_mode=mode)(*inputs(shape))
        other = inputs(shape, seed=1)
        torch.testing.assert_close(graph(*other), function(*other))


class _Watched(TorchDispatchMode):
    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return function(*args, **(kwargs or {}))


class _Followed(TorchFunctionMode):
    def __torch_function__(self, function, types, args=(), kwargs=None):
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("mode", [_Watched, _Followed, torch.inference_mode])
def test_under_a_mode_that_watches_the_values_are_the_same(mode):
    logits, targets, mask = inputs(SMALL)
    wanted, ranked = cost(logits, targets, mask), average_precision(logits, targets, mask=mask)
    with mode():
        assert is_eager(logits) == (mode is torch.inference_mode)
        torch.testing.assert_close(cost(logits, targets, mask), wanted)
        torch.testing.assert_close(average_precision(logits, targets, mask=mask), ranked, equal_nan=True)


def test_the_mode_that_sets_the_default_device_hides_nothing():
    with torch.device("cpu"):
        assert is_eager(torch.zeros(3))


def test_a_tensor_without_numbers_gives_one_without_numbers():
    with FakeTensorMode() as mode:
        fake = [mode.from_tensor(part) for part in inputs(SMALL)]
        loss = cost(*fake)
        assert type(loss) is type(fake[0])
        assert loss.shape == ()
        with pytest.raises((RuntimeError, TypeError)):
            average_precision(*fake[:2])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_forward_derivatives_are_refused_instead_of_left_out():
    logits, targets, mask = inputs(SMALL)
    with pytest.raises((RuntimeError, NotImplementedError), match="jvp|forward"):
        torch.func.jvp(lambda z: cost(z, targets, mask), (logits,), (torch.ones_like(logits),))
    with pytest.raises((RuntimeError, NotImplementedError), match="jvp|forward"):
        torch.func.jacfwd(lambda z: cost(z, targets, mask))(logits)
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(logits, torch.ones_like(logits))
        with pytest.raises((RuntimeError, NotImplementedError), match="jvp|forward"):
            cost(dual, targets, mask)
        torch.testing.assert_close(cost(logits, targets, mask), cost(logits.clone(), targets, mask))


def test_the_other_transforms_give_the_gradient_of_backward():
    logits, targets, mask = inputs(SMALL)
    _, slope = value_and_slope(logits, targets, mask)
    torch.testing.assert_close(torch.func.jacrev(lambda z: cost(z, targets, mask))(logits), slope)
    torch.testing.assert_close(torch.func.vjp(lambda z: cost(z, targets, mask), logits)[1](torch.ones(()))[0], slope)
    with pytest.raises(RuntimeError, match="Functionalize rule"):  # torch's own word
        torch.func.functionalize(cost)(logits, targets, mask)


def test_many_gradients_at_once_are_each_their_own():
    logits, targets, mask = inputs(SMALL)
    leaf = logits.clone().requires_grad_()
    loss = cost(leaf, targets, mask)
    factors = torch.tensor([1.0, 2.0, -3.0])
    (slopes,) = torch.autograd.grad(loss, leaf, factors, is_grads_batched=True)
    _, slope = value_and_slope(logits, targets, mask)
    torch.testing.assert_close(slopes, factors[:, None, None] * slope)


def test_checkpoints_and_moved_tensors_give_the_same_gradient():
    logits, targets, mask = inputs(SMALL)
    _, slope = value_and_slope(logits, targets, mask)
    leaf = logits.clone().requires_grad_()
    loss = torch.utils.checkpoint.checkpoint(lambda z: cost(z, targets, mask), leaf, use_reentrant=False)
    torch.testing.assert_close(torch.autograd.grad(loss, leaf)[0], slope)
    with torch.autograd.graph.saved_tensors_hooks(lambda kept: kept.clone() * 2, lambda kept: kept / 2):
        loss = cost(leaf, targets, mask)
    torch.testing.assert_close(torch.autograd.grad(loss, leaf)[0], slope)


class _Named(torch.Tensor):
    """A subclass, as users make them to carry a name."""


def _views(part):
    wide = torch.stack([part, torch.full_like(part, -7)], dim=-1)
    yield "every second", wide[..., 0]
    yield "turned", part.t().contiguous().t()
    yield "subclass", part.as_subclass(_Named)


def test_any_view_of_the_same_numbers_gives_the_same():
    parts = inputs(SMALL)
    wanted = cost(*parts)
    for (name, logits), (_, targets) in zip(_views(parts[0]), _views(parts[1]), strict=True):
        found = cost(logits, targets, parts[2])
        torch.testing.assert_close(torch.Tensor(found.detach()), wanted, msg=name)
    row = torch.tensor([1.0, -2.0, 0.5])
    torch.testing.assert_close(
        losses.asymmetric_loss(row.expand(4, 3), parts[1]), losses.asymmetric_loss(row.repeat(4, 1), parts[1])
    )


def test_a_view_whose_sign_is_still_to_be_turned_is_read_with_it():
    complex_ = torch.complex(torch.randn(4, 3), torch.randn(4, 3))
    turned = complex_.conj().imag
    assert turned.is_neg()
    targets = torch.rand(4, 3).round()
    plain = turned.resolve_neg().clone()
    # The plain one goes through the kernel, whose last bits are its own.
    torch.testing.assert_close(losses.asymmetric_loss(turned, targets), losses.asymmetric_loss(plain, targets))
    torch.testing.assert_close(gap_sums(turned, targets), gap_sums(plain, targets))
    ranked = average_precision(plain, targets)
    torch.testing.assert_close(average_precision(turned, targets), ranked, equal_nan=True)


def test_sparse_and_empty_tensors_are_refused_or_give_nothing():
    targets = torch.eye(3)
    with pytest.raises((RuntimeError, NotImplementedError, TypeError)):
        losses.asymmetric_loss(targets.to_sparse(), targets)
    for shape in [(0, 3), (3, 0), (0,)]:
        assert losses.asymmetric_loss(torch.zeros(shape), torch.zeros(shape)) == 0
    assert losses.asymmetric_loss(torch.tensor(0.0), torch.tensor(1)) == pytest.approx(0.6931472)


BYTES = torch.tensor([[0, 255, 2], [128, 0, 1]], dtype=torch.uint8)


def test_true_is_any_byte_but_0():
    odd = BYTES.view(torch.bool)
    plain = BYTES != 0
    logits = torch.randn(2, 3)
    targets = torch.tensor([[1, 0, 1], [0, 1, 0]])
    for reduction in ("mean", "sum", "batchmean", "none"):
        torch.testing.assert_close(
            losses.asymmetric_loss(logits, odd, reduction=reduction),
            losses.asymmetric_loss(logits, plain, reduction=reduction),
        )
        for known in (odd, odd[:1], odd[:, :1]):
            torch.testing.assert_close(
                losses.asymmetric_loss(logits, targets, mask=known, reduction=reduction),
                losses.asymmetric_loss(logits, targets, mask=known.view(torch.uint8) != 0, reduction=reduction),
            )
    assert torch.equal(gap_sums(logits, odd), gap_sums(logits, plain))
