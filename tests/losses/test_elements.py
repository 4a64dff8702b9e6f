"""What all losses in plain torch keep to: the conventions of the asymmetric loss."""

import inspect

import pytest
import torch

from lopsided.losses import (
    AsymmetricPolynomialLoss,
    DistributionBalancedLoss,
    HillLoss,
    PartialAsymmetricLoss,
    SPLCLoss,
    TwoWayLoss,
    ZLPRLoss,
    asymmetric_polynomial_loss,
    distribution_balanced_loss,
    hill_loss,
    partial_asymmetric_loss,
    splc_loss,
    two_way_loss,
    zlpr_loss,
)

FREQUENCIES = torch.tensor([0.5, 0.1, 0.02, 0.3, 0.9], dtype=torch.float64)
ELEMENTWISE = [hill_loss, splc_loss, asymmetric_polynomial_loss, distribution_balanced_loss, partial_asymmetric_loss]
EVERY = pytest.mark.parametrize("loss", [*ELEMENTWISE, zlpr_loss, two_way_loss], ids=lambda loss: loss.__name__)
SIZES = [20.0, 100.0, 1e4]


def cost(loss, logits, targets, **options):
    if loss is distribution_balanced_loss:
        options["frequencies"] = FREQUENCIES
    if loss is partial_asymmetric_loss and "mask" in options:
        options["unknown"] = "ignore"  # what the others do with unknown labels
    return loss(logits, targets, **options)


def loss_and_gradient(loss, logits, targets, **options):
    logits = logits.clone().requires_grad_()
    value = cost(loss, logits, targets, **options)
    return value.detach(), *torch.autograd.grad(value.sum(), logits)


@EVERY
def test_the_gradient_is_that_of_the_value(loss):
    logits = torch.randn(3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 2
    targets = torch.tensor([[1, 0, 0, 1, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0]])
    _, gradient = loss_and_gradient(loss, logits, targets, reduction="sum")
    step = 1e-5  # at 1e-6 the digits that cancel are as many as the tolerance asks for
    for index in range(logits.numel()):
        moved = torch.zeros(15, dtype=torch.float64).index_fill(0, torch.tensor(index), step).view(3, 5)
        above, below = (cost(loss, logits + way * moved, targets, reduction="sum") for way in (1, -1))
        assert gradient.view(-1)[index].item() == pytest.approx(
            ((above - below) / (2 * step)).item(), rel=1e-6, abs=1e-9
        )


@EVERY
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("size", SIZES)
def test_value_and_gradient_are_exact_at_the_extremes_in_every_type(loss, dtype, size):
    logits = torch.tensor([[size, -size, 0, 1, -1], [-size, size, size, -3, 3], [-size] * 5, [size] * 5]).to(dtype)
    for targets in (torch.tensor([[1, 0, 0, 0, 1], [1, 0, 1, 0, 0], [0] * 5, [1] * 5]), torch.eye(5)[:4]):
        value, gradient = loss_and_gradient(loss, logits, targets, reduction="sum")
        exact_value, exact_gradient = loss_and_gradient(loss, logits.double(), targets, reduction="sum")
        assert value.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
        assert gradient.dtype == dtype
        assert torch.isfinite(value).all()
        assert torch.isfinite(gradient).all()
        torch.testing.assert_close(value.double(), exact_value, rtol=3e-6, atol=1e-6)
        tolerance = max(2 * torch.finfo(dtype).eps, 1e-5)
        torch.testing.assert_close(gradient.double(), exact_gradient, rtol=tolerance, atol=1e-6)


@EVERY
def test_unknown_labels_may_hold_nan_and_cost_nothing(loss):
    logits, targets = torch.randn(4, 5), torch.rand(4, 5).round()
    mask = torch.rand(4, 5) > 0.4
    poisoned = [torch.where(mask, part, torch.nan) for part in (logits, targets)]
    for reduction in ("mean", "sum"):
        clean = loss_and_gradient(loss, logits, targets, mask=mask, reduction=reduction)
        result = loss_and_gradient(loss, *poisoned, mask=mask, reduction=reduction)
        torch.testing.assert_close(result, clean, rtol=0, atol=0)
        assert torch.equal(result[1][~mask], torch.zeros(int((~mask).sum())))


@EVERY
def test_what_is_unknown_does_not_matter(loss):
    logits, targets = torch.randn(4, 5), torch.rand(4, 5).round()
    mask = torch.rand(4, 5) > 0.4
    changed = torch.where(mask, targets, 1 - targets)
    assert cost(loss, logits, targets, mask=mask) == cost(loss, logits, changed, mask=mask)


@EVERY
def test_a_batch_without_known_labels_costs_nothing(loss):
    value, gradient = loss_and_gradient(
        loss, torch.randn(2, 5), torch.ones(2, 5), mask=torch.zeros(5, dtype=torch.bool)
    )
    assert value == 0
    assert torch.equal(gradient, torch.zeros(2, 5))


@EVERY
def test_an_empty_batch_costs_nothing(loss):
    assert cost(loss, torch.empty(0, 5), torch.empty(0, 5)) == 0


@pytest.mark.parametrize("loss", [loss for loss in ELEMENTWISE if loss is not distribution_balanced_loss])
def test_a_soft_target_costs_its_share_of_both_sides(loss):
    logits, shares = torch.randn(4, 5, dtype=torch.float64), torch.rand(4, 5, dtype=torch.float64)
    negative, positive = (cost(loss, logits, torch.full((4, 5), side), reduction="none") for side in (0, 1))
    soft = cost(loss, logits, shares, reduction="none")
    torch.testing.assert_close(soft, shares * positive + (1 - shares) * negative)


@pytest.mark.parametrize("loss", ELEMENTWISE)
def test_weights_and_reductions_are_those_of_the_asymmetric_loss(loss):
    logits, targets, weight = torch.randn(4, 5), torch.rand(4, 5).round(), torch.rand(5)
    mask = torch.rand(4, 5) > 0.4
    elements = cost(loss, logits, targets, mask=mask, reduction="none")
    weighted = cost(loss, logits, targets, mask=mask, weight=weight, reduction="none")
    torch.testing.assert_close(weighted, elements * weight)
    for reduction, divisor in (("mean", mask.sum()), ("batchmean", 4), ("sum", 1)):
        result = cost(loss, logits, targets, mask=mask, weight=weight, reduction=reduction)
        torch.testing.assert_close(result, weighted.sum() / divisor)


@EVERY
def test_all_but_logits_and_targets_is_keyword_only(loss):
    kinds = [parameter.kind.name for parameter in inspect.signature(loss).parameters.values()]
    assert kinds[:2] == ["POSITIONAL_OR_KEYWORD"] * 2
    assert set(kinds[2:]) == {"KEYWORD_ONLY"}


@EVERY
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"targets": torch.zeros(2, 4)}, r"expected targets to have the shape of logits \(2, 5\), got \(2, 4\)"),
        ({"mask": torch.ones(3, 5, dtype=torch.bool)}, r"expected mask to broadcast .* got \(3, 5\)"),
        ({"reduction": "avg"}, r"expected reduction .*to be one of .*, got 'avg'"),
    ],
)
def test_what_does_not_fit_is_refused(loss, options, message):
    with pytest.raises(ValueError, match=message):
        cost(loss, torch.zeros(2, 5), **{"targets": torch.zeros(2, 5), **options})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: HillLoss(offset=0.5), "expected offset to be >= 1, got 0.5"),
        (lambda: HillLoss(gamma=-1), "expected gamma to be >= 0, got -1"),
        (lambda: SPLCLoss(threshold=-0.1, epoch_samples=8), "expected threshold to be >= 0, got -0.1"),
        (lambda: SPLCLoss(epoch_samples=0), "expected epoch_samples to be >= 1, got 0"),
        (lambda: AsymmetricPolynomialLoss(linear_pos=float("nan")), "expected linear_pos to be finite, got nan"),
        (lambda: AsymmetricPolynomialLoss(margin=1), "expected margin to be >= 0 and < 1, got 1"),
        (lambda: TwoWayLoss(temperature_pos=0), "expected temperature_pos to be > 0, got 0"),
        (
            lambda: DistributionBalancedLoss(frequencies=[0.5, 0]),
            "expected frequencies to lie between 0 and 1, both excluded, got 0",
        ),
        (lambda: DistributionBalancedLoss(frequencies=[0.5], tolerance=0), "expected tolerance to be > 0, got 0"),
        (lambda: PartialAsymmetricLoss(top_k=-1), "expected top_k to be >= 0, got -1"),
        (
            lambda: PartialAsymmetricLoss(unknown="drop"),
            "expected unknown to be one of ignore, negative, selective, got 'drop'",
        ),
        (lambda: ZLPRLoss(reduction="avg"), "expected reduction to be one of none, mean, sum, batchmean, got 'avg'"),
    ],
)
def test_a_setting_out_of_range_is_refused_by_its_name(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: HillLoss(offset=torch.tensor(1.5)), "expected offset to be a number, got Tensor"),
        (lambda: TwoWayLoss(temperature_pos="4"), "expected temperature_pos to be a number, got str"),
        (lambda: PartialAsymmetricLoss(top_k=2.5), "expected top_k to be a whole number, got float"),
    ],
)
def test_a_setting_of_another_kind_is_refused(make, message):
    with pytest.raises(TypeError, match=message):
        make()
