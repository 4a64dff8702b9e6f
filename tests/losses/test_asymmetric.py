import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import binary_cross_entropy_with_logits

from lopsided.losses import asymmetric_loss
from tests.reference.losses import asymmetric_loss as reference

SETTINGS = [
    (0, 0, 0),
    (0, 2, 0.2),
    (1, 4, 0.05),
    (0, 4, 0.05),
    (0, 7, 0.05),
    (0.5, 0.3, 1e-3),
    (2, 2, 0),
    (0, 1.5, 0.9),
]
EXTREMES = [-1e4, -100.0, -30.0, -20.0, -3.0, -1.0, 0.0, 1.0, 3.0, 20.0, 30.0, 100.0, 1e4]


def loss_and_gradient(logits, targets, **settings):
    logits = logits.clone().requires_grad_()
    loss = asymmetric_loss(logits, targets, reduction="none", **settings)
    (gradient,) = torch.autograd.grad(loss.sum(), logits)
    return loss.detach(), gradient


@given(
    z=st.floats(-50, 50),
    y=st.floats(0, 1),
    gamma_pos=st.floats(0, 8),
    gamma_neg=st.floats(0, 8),
    margin=st.one_of(st.just(0.0), st.floats(1e-4, 0.99)),
)
def test_every_element_equals_the_equation(z, y, gamma_pos, gamma_neg, margin):
    logits, targets = torch.tensor([z], dtype=torch.float64), torch.tensor([y], dtype=torch.float64)
    loss = asymmetric_loss(logits, targets, gamma_pos=gamma_pos, gamma_neg=gamma_neg, margin=margin, reduction="none")
    assert loss.item() == pytest.approx(reference(z, y, gamma_pos, gamma_neg, margin), rel=1e-9, abs=1e-14)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize(("gamma_pos", "gamma_neg", "margin"), SETTINGS)
@pytest.mark.parametrize("target", [0.0, 0.5, 1.0])
def test_every_type_agrees_with_float64_from_one_extreme_to_the_other(dtype, gamma_pos, gamma_neg, margin, target):
    settings = {"gamma_pos": gamma_pos, "gamma_neg": gamma_neg, "margin": margin}
    logits = torch.tensor(EXTREMES).to(dtype)
    targets = torch.full_like(logits, target)
    loss, gradient = loss_and_gradient(logits, targets, **settings)
    exact_loss, exact_gradient = loss_and_gradient(logits.double(), targets.double(), **settings)
    assert loss.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert gradient.dtype == dtype
    assert torch.isfinite(loss).all()
    assert torch.isfinite(gradient).all()
    torch.testing.assert_close(loss.double(), exact_loss, rtol=3e-6, atol=1e-30)
    tolerance = max(torch.finfo(dtype).eps, 3e-6)
    torch.testing.assert_close(
        gradient.double(), exact_gradient, rtol=tolerance, atol=torch.finfo(dtype).smallest_normal
    )


def test_cross_entropy_is_the_member_without_focus_and_margin():
    logits = torch.tensor([[-30.0, -18.5, 0.0, 17.5, 30.0]] * 2, dtype=torch.float32)
    targets = torch.tensor([[0.0] * 5, [1.0] * 5])
    loss, gradient = loss_and_gradient(logits, targets, gamma_pos=0, gamma_neg=0, margin=0)
    wide = logits.double()
    expected = binary_cross_entropy_with_logits(wide, targets.double(), reduction="none")
    exact = torch.where(targets == 1, -torch.sigmoid(-wide), torch.sigmoid(wide))
    torch.testing.assert_close(loss.double(), expected, rtol=1e-6, atol=1e-14)
    torch.testing.assert_close(gradient.double(), exact, rtol=1e-6, atol=0)


@pytest.mark.parametrize("z", [-18.5, -30.0, -100.0, -1e4])
def test_a_badly_missed_positive_keeps_its_gradient(z):
    _, gradient = loss_and_gradient(torch.tensor([z]), torch.tensor([1.0]))
    assert gradient.item() == pytest.approx(-1.0)


@pytest.mark.parametrize("z", [17.0, 30.0, 100.0])
def test_a_badly_missed_negative_keeps_its_gradient_without_margin(z):
    _, gradient = loss_and_gradient(torch.tensor([z]), torch.tensor([0.0]), gamma_neg=0, margin=0)
    assert gradient.item() == pytest.approx(1.0)


def test_a_negative_below_the_margin_costs_nothing():
    loss, gradient = loss_and_gradient(torch.tensor([-2.0, -1.5]), torch.zeros(2), gamma_neg=0, margin=0.2)
    assert loss.tolist() == [0.0, 0.0]
    assert gradient.tolist() == [0.0, 0.0]


@given(y=st.floats(0, 1), z=st.floats(-30, 30))
def test_a_soft_target_costs_its_share_of_both_sides(y, z):
    logits = torch.tensor([z], dtype=torch.float64)
    loss, negative, positive = (
        loss_and_gradient(logits, torch.tensor([t], dtype=torch.float64)) for t in (y, 0.0, 1.0)
    )
    for part in (0, 1):
        assert loss[part].item() == pytest.approx(y * positive[part].item() + (1 - y) * negative[part].item())


@pytest.mark.parametrize("gamma", [0.1, 0.5, 0.9])
def test_a_focusing_power_below_one_stays_finite_when_saturated(gamma):
    logits = torch.tensor(EXTREMES)
    for target in (0.0, 1.0):
        _, gradient = loss_and_gradient(logits, torch.full_like(logits, target), gamma_pos=gamma, gamma_neg=gamma)
        assert torch.isfinite(gradient).all()


def test_targets_may_be_bool_integer_or_float():
    logits = torch.randn(3, 4)
    targets = torch.tensor([[0, 1, 0, 1]] * 3)
    expected = asymmetric_loss(logits, targets.float())
    for dtype in (torch.bool, torch.uint8, torch.int64, torch.float16, torch.float64):
        assert torch.equal(asymmetric_loss(logits, targets.to(dtype)), expected)


def test_each_label_may_have_its_own_settings():
    logits, targets = torch.randn(6, 3), torch.rand(6, 3).round()
    gamma_pos, gamma_neg, margin = torch.tensor([0.0, 1, 2]), torch.tensor([0.0, 2, 4]), torch.tensor([0.0, 0.2, 0.05])
    together = asymmetric_loss(
        logits, targets, gamma_pos=gamma_pos, gamma_neg=gamma_neg, margin=margin, reduction="none"
    )
    for k in range(3):
        alone = asymmetric_loss(
            logits[:, k],
            targets[:, k],
            gamma_pos=gamma_pos[k].item(),
            gamma_neg=gamma_neg[k].item(),
            margin=margin[k].item(),
            reduction="none",
        )
        torch.testing.assert_close(together[:, k], alone)


def test_a_margin_of_zero_in_a_tensor_stays_exact_at_the_extremes():
    logits = torch.tensor(EXTREMES)
    for target in (0.0, 0.5, 1.0):
        targets = torch.full_like(logits, target)
        tensor = loss_and_gradient(logits, targets, gamma_neg=0.5, margin=torch.tensor(0.0))
        number = loss_and_gradient(logits, targets, gamma_neg=0.5, margin=0.0)
        torch.testing.assert_close(tensor, number)


def test_each_run_may_have_its_own_settings():
    logits, targets = torch.randn(4, 6, 3), torch.rand(4, 6, 3).round()
    powers = torch.tensor([0.0, 1.0, 2.0, 5.0])
    together = asymmetric_loss(logits, targets, gamma_neg=powers[:, None, None], reduction="none")
    for run, gamma in enumerate(powers.tolist()):
        alone = asymmetric_loss(logits[run], targets[run], gamma_neg=gamma, reduction="none")
        torch.testing.assert_close(together[run], alone)


def test_unknown_labels_may_hold_nan():
    logits, targets, weight = torch.randn(4, 5), torch.rand(4, 5).round(), torch.rand(4, 5)
    mask = torch.rand(4, 5) > 0.4
    poisoned = [torch.where(mask, part, torch.nan) for part in (logits, targets, weight)]
    for reduction in ("none", "mean", "sum", "batchmean"):
        results = []
        for z, y, w in ((logits, targets, weight), poisoned):
            z = z.clone().requires_grad_()
            loss = asymmetric_loss(z, y, mask=mask, weight=w, reduction=reduction)
            results.append((loss.detach(), *torch.autograd.grad(loss.sum(), z)))
        torch.testing.assert_close(results[0], results[1], rtol=0, atol=0)
        assert torch.equal(results[1][1][~mask], torch.zeros(int((~mask).sum())))


def test_the_mean_is_over_known_elements():
    logits, targets = torch.randn(4, 5), torch.rand(4, 5).round()
    mask = torch.rand(4, 5) > 0.4
    elements = asymmetric_loss(logits, targets, reduction="none")
    torch.testing.assert_close(asymmetric_loss(logits, targets, mask=mask), elements[mask].mean())


def test_weights_scale_the_cost_and_not_the_count():
    logits, targets, weight = torch.randn(4, 3), torch.rand(4, 3).round(), torch.tensor([0.0, 1.0, 2.5])
    elements, slopes = loss_and_gradient(logits, targets)
    weighted, weighted_slopes = loss_and_gradient(logits, targets, weight=weight)
    torch.testing.assert_close(weighted, elements * weight)
    torch.testing.assert_close(weighted_slopes, slopes * weight)
    torch.testing.assert_close(asymmetric_loss(logits, targets, weight=weight), weighted.mean())


def test_a_mask_of_one_label_row_broadcasts():
    logits, targets = torch.randn(4, 5), torch.zeros(4, 5)
    row = torch.tensor([True, False, True, True, False])
    torch.testing.assert_close(
        asymmetric_loss(logits, targets, mask=row), asymmetric_loss(logits[:, row], targets[:, row])
    )


def test_detaching_the_focus_gives_the_gradient_of_the_published_script():
    z = torch.linspace(-6, 6, 25, dtype=torch.float64).requires_grad_()
    y = torch.arange(25) % 2
    p = torch.sigmoid(z)
    right = torch.where(y == 1, p, (1 - p + 0.05).clamp(max=1))
    power = torch.where(y == 1, 1.0, 4.0)
    expected = (-((1 - right) ** power).detach() * right.log()).sum()
    loss = asymmetric_loss(z, y, gamma_pos=1, gamma_neg=4, margin=0.05, detach_focus=True, reduction="sum")
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(torch.autograd.grad(loss, z), torch.autograd.grad(expected, z))


def test_any_leading_shape_and_memory_order_is_accepted():
    logits, targets = torch.randn(2, 3, 4, 5), torch.rand(2, 3, 4, 5).round()
    flat = asymmetric_loss(logits.reshape(-1, 5), targets.reshape(-1, 5))
    torch.testing.assert_close(asymmetric_loss(logits, targets), flat)
    strided = logits.permute(3, 1, 0, 2), targets.permute(3, 1, 0, 2)
    torch.testing.assert_close(asymmetric_loss(*strided), flat)
    torch.testing.assert_close(asymmetric_loss(logits[0, 0, 0, 0], targets[0, 0, 0, 0]).shape, torch.Size([]))


@pytest.mark.parametrize("shape", [(0, 5), (3, 0), (0,)])
@pytest.mark.parametrize("reduction", ["mean", "sum", "batchmean"])
def test_an_empty_batch_costs_nothing(shape, reduction):
    logits = torch.empty(shape, requires_grad=True)
    loss = asymmetric_loss(logits, torch.empty(shape), reduction=reduction)
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None


def test_a_batch_without_known_labels_costs_nothing():
    logits = torch.randn(2, 3, requires_grad=True)
    loss = asymmetric_loss(logits, torch.zeros(2, 3), mask=torch.zeros(2, 3, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros(2, 3))


def test_autocast_changes_nothing():
    logits, targets = torch.randn(8, 5, dtype=torch.bfloat16), torch.rand(8, 5).round()
    expected = loss_and_gradient(logits, targets)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = loss_and_gradient(logits, targets)
    assert torch.equal(result[0], expected[0])
    assert torch.equal(result[1], expected[1])


def test_a_nan_logit_is_let_through():
    loss, gradient = loss_and_gradient(torch.tensor([torch.nan, 0.0]), torch.zeros(2))
    assert loss.isnan().tolist() == [True, False]
    assert gradient.isnan().tolist() == [True, False]


@pytest.mark.parametrize("name", ["mask", "weight", "gamma_pos", "gamma_neg", "margin"])
def test_one_value_for_each_sample_stays_so_where_there_are_as_many_labels(name):
    logits, targets = torch.randn(5, 5), torch.rand(5, 5).round()
    of_samples = torch.tensor([[0.0], [0.9], [0.1], [0.4], [0.7]])
    if name == "mask":
        of_samples = of_samples > 0.3
    for shape in (logits, targets), (logits.reshape(1, 5, 5), targets.reshape(1, 5, 5)):
        small = loss_and_gradient(*shape, **{name: of_samples})
        full = loss_and_gradient(*shape, **{name: of_samples.expand(5, 5).contiguous()})
        torch.testing.assert_close(small, full)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(6, 5), (5,), (6, 1)])
def test_a_masked_mean_is_over_known_elements_in_every_type(dtype, shape):
    logits, targets = torch.randn(6, 5).to(dtype).requires_grad_(), torch.rand(6, 5).round()
    mask = (torch.rand(shape) > 0.5).index_fill(0, torch.tensor([0]), True).index_fill(0, torch.tensor([1]), False)
    known = mask.expand(6, 5)
    loss = asymmetric_loss(logits, targets, mask=mask)
    exact = logits.detach().double().requires_grad_()
    expected = asymmetric_loss(exact, targets, reduction="none")[known].mean()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    slopes = [torch.autograd.grad(cost, z)[0].double() for cost, z in ((loss, logits), (expected, exact))]
    torch.testing.assert_close(*slopes, rtol=1e-2 if dtype in (torch.float16, torch.bfloat16) else 1e-5, atol=1e-7)
