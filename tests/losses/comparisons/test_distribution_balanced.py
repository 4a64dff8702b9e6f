import pytest
import torch

from lopsided.losses import DistributionBalancedLoss, binary_cross_entropy, distribution_balanced_loss, focal_loss
from tests.reference.rivals import distribution_balanced as reference

FREQUENCIES = torch.tensor([0.5, 0.1, 0.02, 0.3])


@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_every_element_equals_the_equation(gamma):
    logits = torch.randn(8, 4, dtype=torch.float64) * 4
    targets = torch.rand(8, 4, dtype=torch.float64)
    targets[:4] = targets[:4].round()
    targets[0] = 0
    losses = distribution_balanced_loss(
        logits,
        targets,
        frequencies=FREQUENCIES.double(),
        gamma=gamma,
        floor=0.2,
        steepness=7.0,
        centre=0.3,
        tolerance=3.0,
        bias=0.1,
        reduction="none",
    )
    expected = [
        reference(z, y, FREQUENCIES.double().numpy(), gamma, (0.2, 7.0, 0.3), 3.0, 0.1)
        for z, y in zip(logits.numpy(), targets.numpy(), strict=True)
    ]
    torch.testing.assert_close(losses, torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize(("gamma", "plain"), [(0.0, binary_cross_entropy), (2.0, focal_loss)])
def test_even_frequencies_and_no_tolerance_leave_focal_loss_or_cross_entropy(gamma, plain):
    logits, targets = torch.randn(6, 4), torch.eye(4)[[0, 1, 2, 3, 0, 1]]
    half = torch.full((4,), 0.5)  # its log odds are 0; with one positive each ratio is 1
    settings = {"frequencies": half, "gamma": gamma, "floor": 0.5, "steepness": 0.0}  # weights are 0.5 + 0.5
    loss = distribution_balanced_loss(logits, targets, tolerance=1.0, **settings)
    torch.testing.assert_close(loss, plain(logits, targets))
    tolerant = distribution_balanced_loss(logits, targets, tolerance=2.0, reduction="none", **settings)
    expected = torch.where(
        targets == 1, plain(logits, targets, reduction="none"), plain(2 * logits, targets, reduction="none") / 2
    )
    torch.testing.assert_close(tolerant, expected)


def test_twice_the_loss_with_the_bias_divided_by_the_scale_is_what_the_authors_train_with():
    """Their settings neg_scale 2, init_bias 0.05 and balance_param 2, written down by its steps."""
    logits, targets = torch.randn(8, 4, dtype=torch.float64) * 3, (torch.rand(8, 4) < 0.4).double()
    f = FREQUENCIES.double()
    v = logits - torch.log(1 / f - 1) * 0.05 / 2
    scaled = torch.where(targets == 1, v, 2 * v)
    ratio = (1 / f) / (targets / f).sum(1, keepdim=True)
    weight = (torch.sigmoid(10 * (ratio - 0.2)) + 0.1) * torch.where(targets == 1, 1.0, 0.5)
    cost = torch.nn.functional.binary_cross_entropy_with_logits(scaled, targets, reduction="none")
    theirs = 2 * weight * (1 - torch.exp(-cost)) ** 2 * cost
    ours = distribution_balanced_loss(logits, targets, frequencies=f, bias=0.05 / 2, reduction="none")
    torch.testing.assert_close(2 * ours, theirs)


def test_a_rare_positive_weighs_more_than_a_frequent_one_beside_it():
    losses = distribution_balanced_loss(
        torch.zeros(1, 4), torch.tensor([[1, 0, 1, 0]]), frequencies=FREQUENCIES, bias=0.0, reduction="none"
    )
    assert losses[0, 2] > 2 * losses[0, 0]


def test_an_unknown_positive_does_not_change_the_weights_of_the_others():
    logits, targets = torch.randn(1, 4), torch.tensor([[1.0, 1.0, 0.0, 0.0]])
    mask = torch.tensor([True, False, True, True])
    settings = {"frequencies": FREQUENCIES, "reduction": "none"}
    masked = distribution_balanced_loss(logits, targets, mask=mask, **settings)
    alone = distribution_balanced_loss(logits, targets * mask, **settings)
    torch.testing.assert_close(masked[0, mask], alone[0, mask])


def test_frequencies_must_fit_and_follow_the_module():
    with pytest.raises(ValueError, match=r"expected frequencies to have one value per label, shape \(3,\), got \(4,\)"):
        distribution_balanced_loss(torch.zeros(2, 3), torch.zeros(2, 3), frequencies=FREQUENCIES)
    criterion = DistributionBalancedLoss(frequencies=[0.5, 0.1]).to("meta")
    assert criterion.frequencies.device.type == "meta"
    assert criterion.state_dict() == {}


@pytest.mark.parametrize("share", [0.0, 1.0, 1.5, -0.1, float("nan")])
def test_a_share_that_is_none_of_some_samples_is_refused(share):
    with pytest.raises(ValueError, match=f"expected frequencies to lie between 0 and 1, both excluded, got {share:g}"):
        DistributionBalancedLoss(frequencies=[0.5, share])
