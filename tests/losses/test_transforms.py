"""The losses under what else PyTorch does to a function."""

import pytest
import torch

from lopsided import AdaptiveAsymmetricLoss, AsymmetricLoss, FocalLoss, SoftmaxAsymmetricLoss
from lopsided.asymmetry import Ramp, ScheduledAsymmetricLoss
from lopsided.losses import asymmetric_loss

# what torch.compile itself warns of
compiling = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def loss_and_gradient(function, logits, *rest):
    logits = logits.clone().requires_grad_()
    loss = function(logits, *rest)
    return loss.detach(), *torch.autograd.grad(loss.sum(), logits)


@pytest.mark.slow
@compiling
@pytest.mark.parametrize(
    "criterion",
    [
        AsymmetricLoss(),
        AsymmetricLoss(gamma_neg=torch.tensor([1.0, 2.0, 0.5]), margin=torch.tensor([0.0, 0.2, 0.1]), reduction="none"),
        FocalLoss(gamma=0.5),
    ],
    ids=["numbers", "per label", "focal"],
)
def test_compiled_in_one_graph_it_gives_the_same(criterion):
    logits, targets, mask = torch.randn(6, 3) * 5, torch.rand(6, 3).round(), torch.rand(6, 3) > 0.2
    compiled = torch.compile(criterion, fullgraph=True)
    torch.testing.assert_close(
        loss_and_gradient(lambda z: compiled(z, targets, mask=mask), logits),
        loss_and_gradient(lambda z: criterion(z, targets, mask=mask), logits),
    )


@pytest.mark.slow
@compiling
@pytest.mark.parametrize("dtype", [torch.bool, torch.float32])
@pytest.mark.parametrize(
    "make",
    [
        lambda: AdaptiveAsymmetricLoss(rate=5.0, separation=0.0),
        lambda: ScheduledAsymmetricLoss(gamma_neg=Ramp(2.0, 5.0, steps=3)),
    ],
    ids=["adaptive", "scheduled"],
)
def test_a_loss_that_moves_moves_under_compile_too_and_keeps_its_gradient(make, dtype):
    logits, targets = torch.randn(64, 20), (torch.rand(64, 20) > 0.6).to(dtype)
    plain, compiled = make(), make()
    graph = torch.compile(compiled, fullgraph=True)
    for _ in range(3):
        torch.testing.assert_close(
            loss_and_gradient(lambda z: graph(z, targets), logits),
            loss_and_gradient(lambda z: plain(z, targets), logits),
        )
    torch.testing.assert_close(compiled.state_dict(), plain.state_dict())
    assert any(value != make().state_dict()[name] for name, value in plain.state_dict().items() if value.dim() == 0)


@pytest.mark.slow
@compiling
def test_the_softmax_form_compiles_in_one_graph():
    logits, labels = torch.randn(6, 3), torch.tensor([0, 1, 2, 0, 1, 2])
    criterion = SoftmaxAsymmetricLoss()
    torch.testing.assert_close(
        loss_and_gradient(torch.compile(criterion, fullgraph=True), logits, labels),
        loss_and_gradient(criterion, logits, labels),
    )


@pytest.mark.parametrize("in_dims", [(0, 0, 0), (1, 0, 0), (0, None, 0), (None, 0, 0), (None, None, 0), (0, 0, None)])
def test_vmap_equals_a_loop(in_dims):
    sizes = {0: (7, 4, 3), 1: (4, 7, 3), None: (4, 3)}
    logits, targets = torch.randn(sizes[in_dims[0]]), torch.rand(sizes[in_dims[1]])
    gamma_neg = torch.linspace(0, 4, 7) if in_dims[2] == 0 else torch.tensor(3.0)

    def cost(z, y, gamma):
        return asymmetric_loss(z, y, gamma_neg=gamma, margin=gamma / 10)

    def part(tensor, dim, run):
        return tensor if dim is None else tensor.select(dim, run)

    tensors = (logits, targets, gamma_neg)
    expected = torch.stack(
        [cost(*(part(t, d, run) for t, d in zip(tensors, in_dims, strict=True))) for run in range(7)]
    )
    torch.testing.assert_close(torch.vmap(cost, in_dims=in_dims)(*tensors), expected)


def test_gradients_of_many_runs_come_from_one_vmap():
    logits, targets, gammas = torch.randn(7, 4, 3), torch.rand(7, 4, 3), torch.linspace(0, 4, 7)

    def cost(z, y, gamma):
        return asymmetric_loss(z, y, gamma_neg=gamma, mask=y > 0.2)

    together = torch.vmap(torch.func.grad(cost))(logits, targets, gammas)
    for run in range(7):
        _, alone = loss_and_gradient(cost, logits[run], targets[run], gammas[run])
        torch.testing.assert_close(together[run], alone)


def test_gradients_through_a_vmap_are_those_of_a_loop():
    logits, targets, gammas = torch.randn(7, 4, 3), torch.rand(7, 4, 3), torch.linspace(0, 4, 7)

    def total(z):
        return torch.vmap(lambda q, y, gamma: asymmetric_loss(q, y, gamma_neg=gamma))(z, targets, gammas).sum()

    expected = torch.stack(
        [
            loss_and_gradient(lambda z, run=run: asymmetric_loss(z, targets[run], gamma_neg=gammas[run]), logits[run])[
                1
            ]
            for run in range(7)
        ]
    )
    torch.testing.assert_close(torch.func.grad(total)(logits), expected)
    torch.testing.assert_close(loss_and_gradient(total, logits)[1], expected)


def test_the_softmax_form_works_under_vmap_and_grad():
    logits, labels = torch.randn(5, 4, 3), torch.randint(3, (5, 4))
    criterion = SoftmaxAsymmetricLoss()
    together = torch.vmap(torch.func.grad(criterion))(logits, labels)
    for run in range(5):
        torch.testing.assert_close(together[run], loss_and_gradient(criterion, logits[run], labels[run])[1])


def test_functional_grad_equals_backward():
    logits, targets = torch.randn(4, 3), torch.rand(4, 3)
    _, expected = loss_and_gradient(asymmetric_loss, logits, targets)
    torch.testing.assert_close(torch.func.grad(asymmetric_loss)(logits, targets), expected)


def test_a_functional_second_derivative_is_refused():
    def norm(z):
        return torch.func.grad(lambda inner: asymmetric_loss(inner, torch.zeros(4)))(z).square().sum()

    with pytest.raises(RuntimeError, match="first derivatives only"):
        torch.func.grad(norm)(torch.randn(4))


def test_meta_tensors_get_a_shape_without_work():
    logits = torch.empty(10**6, 10**4, device="meta", requires_grad=True)
    loss = asymmetric_loss(logits, torch.empty_like(logits, requires_grad=False), reduction="none")
    loss.sum().backward()
    assert loss.shape == logits.shape == logits.grad.shape


def test_what_torch_makes_by_default_does_not_matter():
    logits, targets = torch.randn(4, 3, requires_grad=True), torch.rand(4, 3)
    expected = loss_and_gradient(asymmetric_loss, logits.detach(), targets)
    try:
        torch.set_default_dtype(torch.float64)
        torch.set_default_device("meta")
        result = loss_and_gradient(asymmetric_loss, logits.detach(), targets)
    finally:
        torch.set_default_device(None)
        torch.set_default_dtype(torch.float32)
    assert torch.equal(result[0], expected[0])
    assert torch.equal(result[1], expected[1])
