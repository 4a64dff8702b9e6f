import copy

import pytest
import torch
from torch import nn

from lopsided.models import ModelOptions, build_model
from lopsided.training import TrainingOptions
from lopsided.training.loop.optimizers import build_optimizer, build_schedule


def test_every_layer_reaches_its_share_of_the_learning_rate(timm):
    model = build_model(ModelOptions(name="test_resnet", pretrained=False), input_shape=(3, 32, 32), num_labels=3)
    options = TrainingOptions(learning_rate=0.4)
    optimizer = build_optimizer(model, options, layer_decay=0.5)
    build_schedule(optimizer, options, batches=10)
    groups = optimizer.param_groups
    assert [group["max_lr"] for group in groups] == [0.4 * group["lr_scale"] for group in groups]
    assert len({group["max_lr"] for group in groups}) > 1


@pytest.mark.parametrize(
    ("batches", "accumulate", "epochs", "steps"), [(7, 1, 3, 21), (7, 3, 3, 9), (1, 1, 1, 2), (3, 9, 2, 2)]
)
def test_the_cycle_ends_with_the_last_step_of_the_run(batches, accumulate, epochs, steps):
    options = TrainingOptions(epochs=epochs, accumulate=accumulate)
    schedule = build_schedule(build_optimizer(nn.Linear(2, 3), options), options, batches=batches)
    assert schedule.total_steps == steps


@pytest.mark.parametrize(
    ("precision", "clip_norm", "fused"),
    [("float32", 1.0, True), ("float16", None, True), ("bfloat16", 1.0, True), ("float16", 1.0, False)],
)
def test_an_optimiser_is_fused_unless_gradients_are_unscaled_before_it_to_be_clipped(precision, clip_norm, fused):
    options = TrainingOptions(precision=precision, clip_norm=clip_norm)
    assert build_optimizer(nn.Linear(2, 3), options).defaults["fused"] is fused


def rates(optimizer, schedule, *, steps):
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


@pytest.mark.parametrize(
    ("schedule", "warmup", "wanted"),
    [
        ("constant", None, [0.4] * 4),
        ("constant", 0.5, [0.2, 0.4, 0.4, 0.4]),
        ("linear", None, [0.4, 0.3, 0.2, 0.1]),
        ("cosine", None, [0.4, 0.2 * (1 + 2**-0.5), 0.2, 0.2 * (1 - 2**-0.5)]),
    ],
)
def test_the_rate_follows_its_schedule(schedule, warmup, wanted):
    options = TrainingOptions(epochs=2, learning_rate=0.4, schedule=schedule, warmup=warmup)
    optimizer = build_optimizer(nn.Linear(2, 3), options)
    assert rates(optimizer, build_schedule(optimizer, options, batches=2), steps=4) == pytest.approx(wanted)


def test_one_cycle_is_highest_after_its_warmup():
    options = TrainingOptions(epochs=1, learning_rate=0.4, warmup=0.5)
    optimizer = build_optimizer(nn.Linear(2, 3), options)
    found = rates(optimizer, build_schedule(optimizer, options, batches=20), steps=20)
    assert max(found) == found[9] == 0.4


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine"])
@pytest.mark.parametrize("name", ["adamw", "nadam", "radam", "sgd"])
def test_every_optimiser_learns_with_every_schedule_and_goes_on_from_its_state(name, schedule):
    options = TrainingOptions(epochs=1, learning_rate=0.05, optimizer=name, schedule=schedule)
    inputs = torch.randn(64, 2, generator=torch.Generator().manual_seed(0))
    targets = (inputs[:, :1] > 0).float()

    def made():
        torch.manual_seed(0)
        layer = nn.Linear(2, 1)
        optimizer = build_optimizer(layer, options)
        return layer, optimizer, build_schedule(optimizer, options, batches=60)

    def take(layer, optimizer, schedule, steps):
        for _ in range(steps):
            loss = nn.functional.binary_cross_entropy_with_logits(layer(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        return loss.item()

    straight = made()
    first = take(*straight, 1)
    take(*straight, 29)
    again = made()
    for part, state in zip(again, [copy.deepcopy(part.state_dict()) for part in straight], strict=True):
        part.load_state_dict(state)
    assert take(*straight, 29) == take(*again, 29) < 0.95 * first


def test_radam_and_nadam_decay_weights_and_not_gradients():
    for name in ("nadam", "radam"):
        optimizer = build_optimizer(nn.Linear(2, 3), TrainingOptions(optimizer=name))
        assert optimizer.defaults["decoupled_weight_decay"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("optimizer", "adam"), ("schedule", "step"), ("warmup", 1.0), ("warmup", -0.1), ("label_smoothing", 1.0)],
)
def test_other_settings_are_refused(name, value):
    with pytest.raises(ValueError, match=rf"expected training\.{name} to .*, got {value!r}"):
        TrainingOptions(**{name: value})
