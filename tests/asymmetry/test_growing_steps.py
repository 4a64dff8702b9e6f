"""Steps that grow while training goes on, a margin that shrinks, and states of versions that had neither."""

import pytest
import torch

from lopsided.asymmetry import AdaptiveAsymmetricLoss, adaptive
from lopsided.losses import asymmetric_loss

NEW = {"separation": 0.0, "growth": 0.0, "full_margin_at": 0.0}


@pytest.mark.parametrize("lacks", [NEW, {"growth": 0.0, "full_margin_at": 0.0}])
def test_a_state_of_an_earlier_version_goes_on_with_the_rule_of_then(lacks):
    old = AdaptiveAsymmetricLoss(gamma_neg=1.0, **lacks)
    state = {name: part for name, part in old.state_dict().items() if name not in {"steps", *lacks}}
    new = AdaptiveAsymmetricLoss(gamma_neg=1.0, total_steps=50)
    new.load_state_dict(state)
    targets = torch.rand(6, 4).round()
    logits = 3 * targets + torch.randn(6, 4)  # told apart
    for _ in range(3):
        torch.testing.assert_close(new(logits, targets), old(logits, targets), rtol=0, atol=0)
    assert new.gamma_neg == old.gamma_neg != 1
    assert new.present_margin == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("growth", "sizes"), [(0.0, (0.5, 0.5, 0.5)), (1.0, (0.125, 0.625, 1.0)), (2.0, (0.0234375, 0.5859375, 1.5))]
)
def test_steps_grow_with_the_share_of_the_training_that_is_over(growth, sizes):
    criterion = AdaptiveAsymmetricLoss(rate=0.5, growth=growth, total_steps=4)
    for step, size in enumerate((sizes[0], None, sizes[1], None, sizes[2], sizes[2])):
        assert size is None or float(criterion.present_rate) == pytest.approx(size), step
        criterion(torch.zeros(2, 2), torch.eye(2))


def test_the_mean_of_the_growing_steps_is_the_rate():
    steps = torch.arange(100_000, dtype=torch.float64)
    for growth in (0.0, 0.5, 1.0, 3.0):
        rates = adaptive.grown(0.7, step=steps, total_steps=100_000, growth=growth)
        assert torch.as_tensor(rates).mean().item() == pytest.approx(0.7, rel=1e-4)


@pytest.mark.parametrize("total_steps", [0, -1, float("inf"), 2.5])
def test_a_length_of_training_that_is_none_is_refused_also_as_an_attribute(total_steps):
    with pytest.raises(ValueError, match="expected total_steps to be "):
        AdaptiveAsymmetricLoss().total_steps = total_steps


@pytest.mark.parametrize("steps", [1, 2, 10])
def test_steps_of_a_short_training_have_the_rate_in_the_mean_too(steps):
    criterion, rates = AdaptiveAsymmetricLoss(rate=0.7, total_steps=steps), []
    for _ in range(steps):
        rates.append(float(criterion.present_rate))
        criterion(torch.zeros(2, 2), torch.eye(2))
    assert sum(rates) / steps == pytest.approx(0.7)


def test_a_state_of_a_network_without_the_loss_leaves_its_rule_alone():
    network = torch.nn.ModuleDict({"body": torch.nn.Linear(2, 2), "criterion": AdaptiveAsymmetricLoss()})
    body = {name: part for name, part in network.state_dict().items() if name.startswith("body")}
    assert "criterion.growth" in network.load_state_dict(body, strict=False).missing_keys
    assert network["criterion"].growth == network["criterion"].separation == 1


def test_without_a_length_of_training_steps_are_alike():
    criterion = AdaptiveAsymmetricLoss(rate=0.5)
    for _ in range(3):
        assert criterion.present_rate == 0.5
        criterion(torch.zeros(2, 2), torch.eye(2))


def test_a_training_that_goes_on_from_its_state_takes_the_same_steps():
    def trained(criterion, batches):
        for logits, targets in batches:
            criterion(logits, targets)
        return criterion

    targets = torch.rand(8, 6, 4).round()
    batches = list(zip(3 * targets + torch.randn(8, 6, 4), targets, strict=True))
    whole = trained(AdaptiveAsymmetricLoss(total_steps=8, rate=5.0), batches)
    half = trained(AdaptiveAsymmetricLoss(total_steps=8, rate=5.0), batches[:4])
    other = AdaptiveAsymmetricLoss(total_steps=8, rate=5.0)
    other.load_state_dict(half.state_dict())
    assert trained(other, batches[4:]).gamma_neg == whole.gamma_neg != 2


@pytest.mark.parametrize(("gamma_neg", "margin"), [(0.0, 0.0), (0.5, 0.05), (2.0, 0.2), (9.0, 0.2)])
def test_the_margin_shrinks_with_a_low_gamma_neg(gamma_neg, margin):
    criterion = AdaptiveAsymmetricLoss(gamma_neg=gamma_neg)
    assert criterion.present_margin.item() == pytest.approx(margin)
    logits, targets = torch.randn(6, 4), torch.rand(6, 4).round()
    expected = asymmetric_loss(logits, targets, gamma_neg=gamma_neg, margin=margin)
    torch.testing.assert_close(criterion(logits, targets), expected)
    assert AdaptiveAsymmetricLoss(gamma_neg=gamma_neg, full_margin_at=0.0).present_margin.item() == pytest.approx(0.2)


def test_each_label_has_the_margin_of_its_own_gamma_neg():
    gamma_neg = torch.tensor([0.0, 1.0, 4.0])
    margins = adaptive.narrowed(torch.tensor([0.1, 0.2, 0.3]), gamma_neg=gamma_neg, full_margin_at=2.0)
    torch.testing.assert_close(margins, torch.tensor([0.0, 0.1, 0.3]))
    assert AdaptiveAsymmetricLoss(per_label=True, num_labels=3).present_margin.tolist() == pytest.approx([0.2] * 3)
