import pytest
import torch

from lopsided.asymmetry import Ramp, ScheduledAsymmetricLoss
from lopsided.losses import asymmetric_loss


@pytest.mark.parametrize("shape", ["linear", "cosine"])
def test_a_ramp_waits_moves_and_stays(shape):
    ramp = Ramp(1.0, 3.0, steps=10, delay=5, shape=shape)
    values = [ramp(step).item() for step in range(20)]
    assert values[:6] == [1.0] * 6
    assert values[10] == pytest.approx(2.0)
    assert values[15:] == [3.0] * 5
    assert values == sorted(values)


def test_a_ramp_may_go_down():
    assert Ramp(4.0, 0.0, steps=4)(1).item() == 3.0


def test_each_training_call_is_one_step_and_evaluation_none():
    criterion = ScheduledAsymmetricLoss(gamma_neg=Ramp(0.0, 4.0, steps=4), margin=Ramp(0.0, 0.2, steps=2))
    logits, targets = torch.randn(4, 3), torch.zeros(4, 3)
    for step in range(6):
        settings = {"gamma_neg": min(step, 4), "margin": min(step, 2) * 0.1}
        expected = asymmetric_loss(logits, targets, **settings)
        for mode in (False, True):
            torch.testing.assert_close(criterion.train(mode)(logits, targets), expected)


def test_the_step_is_saved():
    criterion, other = (ScheduledAsymmetricLoss(gamma_neg=Ramp(0.0, 4.0, steps=4)) for _ in range(2))
    criterion(torch.zeros(1, 1), torch.zeros(1, 1))
    other.load_state_dict(criterion.state_dict())
    assert other.step == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Ramp(0.0, 1.0, steps=0), "steps >= 1 and delay >= 0, got steps=0, delay=0"),
        (lambda: Ramp(0.0, 1.0, steps=1, shape="steep"), "expected shape to be linear or cosine, got 'steep'"),
        (
            lambda: ScheduledAsymmetricLoss(gamma_neg=Ramp(0.0, -1.0, steps=1)),
            "expected gamma_neg to be >= 0, got -1.0",
        ),
        (
            lambda: ScheduledAsymmetricLoss(margin=Ramp(0.0, 1.0, steps=1)),
            r"expected margin to lie in \[0, 1\), got 1.0",
        ),
    ],
)
def test_schedules_that_make_no_sense_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_cosine_is_slow_at_both_ends():
    ramp = Ramp(1.0, 3.0, steps=4, shape="cosine")
    assert [ramp(step).item() for step in range(5)] == pytest.approx([1, 2 - 2**0.5 / 2, 2, 2 + 2**0.5 / 2, 3])


def test_a_ramp_takes_a_tensor_and_may_take_one_step():
    assert Ramp(0.0, 4.0, steps=4)(torch.tensor([1, 6])).tolist() == [1.0, 4.0]
    assert [Ramp(2.0, 1.0, steps=1)(step).item() for step in (0, 1)] == [2.0, 1.0]
    with pytest.raises(ValueError, match="delay >= 0, got steps=1, delay=-1"):
        Ramp(0.0, 1.0, steps=1, delay=-1)


@pytest.mark.parametrize(
    "setting",
    [{"gamma_pos": 1.5}, {"gamma_neg": 4.0}, {"margin": 0.05}, {"detach_focus": True}, {"reduction": "sum"}],
)
def test_what_follows_no_schedule_is_as_in_the_loss_with_mask_and_weight(setting):
    logits, targets = (torch.randn(6, 4) * 2).requires_grad_(), torch.rand(6, 4).round()
    options = {"mask": torch.rand(6, 4) > 0.4, "weight": torch.rand(4)}
    costs = (
        ScheduledAsymmetricLoss(**setting)(logits, targets, **options),
        asymmetric_loss(logits, targets, **options, **setting),
        asymmetric_loss(logits, targets, **options),
    )
    results = [(cost.detach(), *torch.autograd.grad(cost, logits)) for cost in costs]
    torch.testing.assert_close(results[0], results[1])
    assert not all(torch.allclose(one, other) for one, other in zip(results[1], results[2], strict=True))


@pytest.mark.parametrize("setting", [{"gamma_pos": -1.0}, {"gamma_neg": -1.0}, {"margin": 1.0}, {"reduction": "avg"}])
def test_settings_out_of_range_are_refused_by_name(setting):
    with pytest.raises(ValueError, match=next(iter(setting))):
        ScheduledAsymmetricLoss(**setting)
