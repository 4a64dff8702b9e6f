import pytest
import torch

from lopsided.losses import asymmetric_loss, binary_cross_entropy, focal_loss
from lopsided.losses.formula import Settings
from lopsided.losses.kernels import torch_blocks
from lopsided.losses.kernels.call import Call


@pytest.mark.parametrize("shape", [(7,), (7, 5), (3, 4, 5), (2, 3, 4, 5), (1, 1, 64), (50, 1), (1, 50)])
@pytest.mark.parametrize("limit", [1, 6, 33, 10_000])
def test_blocks_cover_every_element_once(shape, limit):
    seen = torch.zeros(shape)
    for index in torch_blocks._blocks(torch.Size(shape), limit):
        seen[index] += 1
        assert seen[index].numel() <= limit
    assert torch.equal(seen, torch.ones(shape))


@pytest.mark.parametrize("shape", [(300, 11), (5, 7, 100), (3301,)])
def test_many_blocks_give_what_one_gives(shape, monkeypatch):
    logits, targets, mask = torch.randn(shape), torch.rand(shape), torch.rand(shape) > 0.3
    per_label = torch.rand(shape[-1]) * 4
    results = []
    for elements in (64, 1 << 20):
        monkeypatch.setattr(torch_blocks, "ELEMENTS_PER_THREAD", elements)
        z = logits.clone().requires_grad_()
        loss = asymmetric_loss(
            z, targets, gamma_neg=per_label, margin=0.1, mask=mask, weight=per_label, reduction="none"
        )
        results.append((loss, *torch.autograd.grad(loss.sum(), z)))
    torch.testing.assert_close(results[0], results[1])


@pytest.mark.parametrize("loss", [asymmetric_loss, focal_loss, binary_cross_entropy])
@pytest.mark.parametrize("reduction", ["none", "mean", "sum", "batchmean"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("masked", [False, True])
def test_one_tensor_of_the_logits_size_is_kept_for_the_backward_pass(loss, reduction, dtype, masked):
    logits = torch.randn(64, 100, dtype=dtype, requires_grad=True)
    targets = (torch.rand(64, 100) < 0.05).to(torch.uint8)
    options = {"mask": torch.rand(64, 100) > 0.5, "weight": torch.rand(64, 100)} if masked else {}
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.nbytes) or t, lambda t: t):
        loss(logits, targets, reduction=reduction, **options).sum()
    numbers = 4 + (8 if masked else 0)  # the loss, and for the mean how many elements are known
    assert sum(kept) <= logits.nbytes + numbers


def test_a_retained_graph_can_be_run_twice():
    logits = torch.randn(4, 5, requires_grad=True)
    loss = asymmetric_loss(logits, torch.zeros(4, 5))
    loss.backward(retain_graph=True)
    once = logits.grad.clone()
    loss.backward()
    torch.testing.assert_close(logits.grad, 2 * once)


def test_a_second_derivative_is_refused_not_wrong():
    logits = torch.randn(4, 5, requires_grad=True)
    (slope,) = torch.autograd.grad(asymmetric_loss(logits, torch.zeros(4, 5)), logits, create_graph=True)
    with pytest.raises(RuntimeError, match="first derivatives only"):
        slope.square().sum().backward()


def test_the_incoming_gradient_scales_each_element():
    logits, targets = torch.randn(4, 5, requires_grad=True), torch.rand(4, 5)
    factors = torch.randn(4, 5)
    (slope,) = torch.autograd.grad(asymmetric_loss(logits, targets, reduction="sum"), logits)
    (scaled,) = torch.autograd.grad(asymmetric_loss(logits, targets, reduction="none"), logits, factors)
    torch.testing.assert_close(scaled, slope * factors)


@pytest.mark.parametrize("detach_focus", [False, True])
def test_many_blocks_keep_every_setting_and_whatever_broadcasts(detach_focus, monkeypatch):
    logits, targets = torch.randn(37, 11), torch.rand(37, 11)
    gamma_pos, gamma_neg, margin = torch.rand(11) + 1, torch.rand(37, 1) * 4 + 1, torch.rand(37, 11) / 3
    settings = Settings(gamma_pos, gamma_neg, margin, detach_focus)
    call = Call(logits, targets, settings, torch.rand(37, 1) > 0.3, torch.rand(37, 1))
    whole = torch_blocks.run(call)
    monkeypatch.setattr(torch_blocks, "ELEMENTS_PER_THREAD", 16)
    torch.testing.assert_close(torch_blocks.run(call)[:2], whole[:2])
    other = torch_blocks.run(call._replace(settings=settings._replace(detach_focus=not detach_focus)))
    assert not torch.allclose(other.slope, whole.slope)
    loss, slope, _ = torch_blocks.run(call._replace(want_slope=False))
    assert not slope.numel()
    torch.testing.assert_close(loss, whole.loss)
