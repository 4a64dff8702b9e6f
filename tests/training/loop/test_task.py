import pytest
import torch
from torch import nn

from lopsided.models import ModelOptions, build_model
from lopsided.runs.loss.criterion import build_criterion
from lopsided.training import LossOptions, TrainingOptions
from lopsided.training.loop.task import MultiLabelTask


def task_of(model, loss="cross_entropy", **settings):
    return MultiLabelTask(
        model, build_criterion(LossOptions(name=loss, **settings), num_labels=3), TrainingOptions(), about={}
    )


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_the_loss_gets_logits_of_single_precision_whatever_the_network_computes_in(dtype):
    task = task_of(nn.Linear(5, 3, dtype=dtype))
    assert task.logits(torch.ones(2, 5, dtype=dtype)).dtype == torch.float32
    batch = {"inputs": torch.ones(2, 5, dtype=dtype), "targets": torch.ones(2, 3)}
    assert task.training_step(batch).dtype == torch.float32


def test_the_focus_that_is_logged_is_the_one_that_the_step_was_taken_with():
    task = task_of(nn.Linear(5, 3), "adaptive", separation=0.0)
    before = task.criterion.gamma_neg.item()
    task.training_step({"inputs": torch.ones(3, 5), "targets": torch.eye(3)})
    assert task.step_values.gamma_neg.item() == before != task.criterion.gamma_neg.item()


def test_a_log_of_a_step_keeps_no_graph():
    task = task_of(nn.Linear(5, 3))
    loss = task.training_step({"inputs": torch.ones(4, 5), "targets": torch.ones(4, 3)})
    assert loss.requires_grad
    assert not any(value.requires_grad for value in task.step_values)


@pytest.mark.parametrize("channels_last", [False, True])
def test_images_and_kernels_lie_in_memory_as_the_options_say(channels_last):
    laid_out = []

    class Network(nn.Conv2d):
        def forward(self, inputs):
            laid_out.extend(part.is_contiguous(memory_format=torch.channels_last) for part in (inputs, self.weight))
            return super().forward(inputs).mean(dim=(2, 3))

    options = TrainingOptions(channels_last=channels_last)
    task = MultiLabelTask(Network(3, 2, 3), nn.Identity(), options, about={})
    assert task.logits(torch.ones(2, 3, 8, 8)).shape == (2, 2)
    assert laid_out == [channels_last] * 2


def test_a_head_is_trained_alone_and_saved_with_its_backbone(timm):
    options = ModelOptions(name="test_resnet", pretrained=False, frozen=True)
    model = build_model(options, input_shape=(3, 32, 32), num_labels=3)
    criterion = build_criterion(LossOptions(), num_labels=3)
    task = MultiLabelTask(model, criterion, TrainingOptions(), about={"labels": "abc"}, of_features=True)
    features = torch.randn(2, model.backbone(torch.rand(1, 3, 32, 32)).shape[1])
    assert torch.equal(task.logits(features), model.head(features))
    names = set(task.state_dict())
    assert not any("backbone" in name for name in names)
    with torch.no_grad():
        for parameter in model.head.parameters():
            parameter.add_(1)
    kept = {f"head.{name}": value + 2 for name, value in model.head.state_dict().items()}
    saved = task.state_to_save(kept)
    for name, value in model.state_dict(prefix="model.").items():
        assert torch.equal(saved[name], value + 2 if "head" in name else value), name
    assert set(saved) == names | set(model.state_dict(prefix="model."))


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_the_metrics_of_an_epoch_are_those_of_all_ranks(monkeypatch, ranks):
    task = task_of(nn.Linear(5, 3))
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: ranks > 1)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: ranks)
    monkeypatch.setattr("lopsided.training.loop.task.sum_over_ranks", lambda values: ranks * values)
    for part in (task._validation_scores, task._validation_gap):
        monkeypatch.setattr(part, "all_ranks", lambda part=part: part)
    with torch.no_grad():
        task.validation_step({"inputs": torch.ones(3, 5), "targets": torch.eye(3)})
    logits = task.logits(torch.ones(3, 5))
    wanted = nn.functional.binary_cross_entropy_with_logits(logits, torch.eye(3), reduction="sum") / 3
    assert task.validation_metrics()["val_cross_entropy"] == pytest.approx(wanted.item())


def test_the_sum_of_all_ranks_is_one_of_their_number(monkeypatch):
    task = task_of(nn.Linear(5, 3))
    assert (task.num_ranks, task.all_reduced(torch.ones(2)).tolist()) == (1, [1, 1])
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 3)
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda values: values.mul_(3))
    assert (task.num_ranks, task.all_reduced(torch.ones(2)).tolist()) == (3, [3, 3])
