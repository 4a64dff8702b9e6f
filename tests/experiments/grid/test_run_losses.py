import pytest
import torch

from lopsided.asymmetry import AdaptiveAsymmetricLoss, gap_sums
from lopsided.experiments.grid.run_losses import RunLosses, sums_of_runs
from lopsided.runs.loss.criterion import build_criterion
from lopsided.training import LossOptions

LOSSES = [
    LossOptions(name="cross_entropy"),
    LossOptions(name="focal", gamma=1.5),
    LossOptions(name="focal", detach_focus=True),
    LossOptions(gamma_pos=1, gamma_neg=4, margin=0.05),
    LossOptions(detach_focus=True),
    LossOptions(name="adaptive", target_gap=-0.3, rate=9.0, separation=0.5, full_margin_at=3.0),
    LossOptions(name="adaptive", target_gap=-0.1, momentum=0.0, gamma_neg=5, margin=0),
    LossOptions(name="adaptive", per_label=True, separation=0.0),
]


@pytest.fixture
def batches():
    torch.manual_seed(0)
    return [(3 * torch.randn(len(LOSSES), 9, 4), torch.rand(len(LOSSES), 9, 4) < 0.3) for _ in range(3)]


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("total_steps", [None, 2, 20])
def test_each_run_costs_and_moves_as_its_loss_alone_does(batches, masked, total_steps):
    together = RunLosses(LOSSES, num_labels=4, device=torch.device("cpu"), total_steps=total_steps)
    alone = [build_criterion(loss, num_labels=4) for loss in LOSSES]
    for criterion in alone:
        if isinstance(criterion, AdaptiveAsymmetricLoss):
            criterion.total_steps = total_steps
    for logits, targets in batches:
        mask = torch.rand(logits.shape) < 0.8 if masked else None
        logits.requires_grad_()
        total = together(logits, targets, mask=mask)
        (slopes,) = torch.autograd.grad(total, logits)
        costs = [
            criterion(logits[run], targets[run], mask=None if mask is None else mask[run])
            for run, criterion in enumerate(alone)
        ]
        torch.testing.assert_close(total, sum(costs))
        torch.testing.assert_close(slopes, torch.autograd.grad(sum(costs), logits)[0])
    gamma_neg = together.gamma_neg(len(LOSSES))
    torch.testing.assert_close(gamma_neg[5], alone[5].gamma_neg)
    torch.testing.assert_close(gamma_neg[6], alone[6].gamma_neg)
    torch.testing.assert_close(gamma_neg[7], alone[7].gamma_neg.mean())
    assert gamma_neg[:5].tolist() == [0, 1.5, 2, 4, 2]


def test_the_gap_of_each_run_is_that_of_its_own_logits(batches):
    logits, targets = batches[0]
    mask = torch.rand(logits.shape) < 0.8
    for given in (None, mask):
        sums = sums_of_runs(logits, targets, mask=given)
        expected = [
            gap_sums(logits[run], targets[run], mask=None if given is None else mask[run]) for run in range(len(LOSSES))
        ]
        torch.testing.assert_close(sums, torch.stack(expected, dim=1))


def test_runs_of_one_family_alone_are_not_copied_apart():
    losses = RunLosses([LossOptions(), LossOptions(name="cross_entropy")], num_labels=4, device=torch.device("cpu"))
    assert [family.are_all for family in losses.families] == [True]
    assert not losses.alone


def test_the_state_that_was_kept_stays_as_it_was_while_training_goes_on(batches):
    losses = RunLosses(LOSSES, num_labels=4, device=torch.device("cpu"))
    kept = [losses.kept_state(run) for run in range(len(LOSSES))]
    before = [state["criterion.gamma_neg"].clone() for state in kept]
    numbers = losses.gamma_neg(len(LOSSES))
    told = numbers.clone()
    for logits, targets in batches:
        losses(logits, targets)
    for state, value in zip(kept, before, strict=True):
        assert torch.equal(state["criterion.gamma_neg"], value)
    assert torch.equal(numbers, told)
    now = [losses.kept_state(run)["criterion.gamma_neg"] for run in range(len(LOSSES))]
    moved = [not torch.equal(one, other) for one, other in zip(now, before, strict=True)]
    assert moved == [loss.name == "adaptive" for loss in LOSSES]


def test_an_update_does_not_reach_the_gradient_of_the_step_before_it(batches):
    """The loss has read gamma_neg; its backward pass comes after the rule has moved it."""
    logits, targets = batches[0]
    logits.requires_grad_()
    together = RunLosses(LOSSES, num_labels=4, device=torch.device("cpu"))
    first = together.families[0].gamma_neg
    value = first.clone()
    together(logits, targets).backward()
    assert torch.equal(first, value)
    assert not torch.equal(together.families[0].gamma_neg, value)


def test_counts_of_the_training_split_reach_the_losses_that_start_from_them():
    options = [LossOptions(name="distribution_balanced"), LossOptions(name="splc")]
    logits, targets = torch.zeros(2, 3, 2), torch.tensor([[[1, 0], [1, 0], [0, 0]]] * 2)
    costs = [
        RunLosses(options[:1], num_labels=2, device=torch.device("cpu"), positives=positives, num_samples=100)(
            logits[:1], targets[:1]
        )
        for positives in ([2, 90], [90, 2])
    ]
    assert costs[0] != costs[1]
    with pytest.raises(ValueError, match=r"expected the number of training samples for loss.name=splc, got none"):
        RunLosses(options[1:], num_labels=2, device=torch.device("cpu"))
