import pytest
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
