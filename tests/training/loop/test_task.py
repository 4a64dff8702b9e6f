from types import SimpleNamespace

import pytest
import torch
from torch import nn

from lopsided.models import ModelOptions, build_model
from lopsided.runs.criterion import build_criterion
from lopsided.training import LossOptions, TrainingOptions
from lopsided.training.loop.task import MultiLabelTask


def task_of(model, loss="cross_entropy"):
    return MultiLabelTask(model, build_criterion(LossOptions(name=loss), num_labels=3), TrainingOptions(), about={})


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_the_loss_gets_logits_of_single_precision_whatever_the_network_computes_in(dtype):
    task = task_of(nn.Linear(5, 3, dtype=dtype))
    assert task.logits(torch.ones(2, 5, dtype=dtype)).dtype == torch.float32
    batch = {"inputs": torch.ones(2, 5, dtype=dtype), "targets": torch.ones(2, 3)}
    assert task.training_step(batch, 0).dtype == torch.float32


def test_the_focus_that_is_logged_is_the_one_that_the_step_was_taken_with():
    task = task_of(nn.Linear(5, 3), "adaptive")
    before = task.criterion.gamma_neg.item()
    task.training_step({"inputs": torch.ones(3, 5), "targets": torch.eye(3)}, 0)
    assert task.step_row[2].item() == before != task.criterion.gamma_neg.item()


def test_a_log_of_a_step_keeps_no_graph():
    task = task_of(nn.Linear(5, 3))
    loss = task.training_step({"inputs": torch.ones(4, 5), "targets": torch.ones(4, 3)}, 0)
    assert loss.requires_grad
    assert not task.step_row.requires_grad


def test_every_layer_reaches_its_share_of_the_learning_rate(timm):
    options = ModelOptions(name="test_resnet", pretrained=False)
    model = build_model(options, input_shape=(3, 32, 32), num_labels=3)
    criterion = build_criterion(LossOptions(), num_labels=3)
    task = MultiLabelTask(model, criterion, TrainingOptions(learning_rate=0.4), about={}, layer_decay=0.5)
    task.trainer = SimpleNamespace(estimated_stepping_batches=10)
    groups = task.configure_optimizers()["optimizer"].param_groups
    assert [group["max_lr"] for group in groups] == [0.4 * group["lr_scale"] for group in groups]
    assert len({group["max_lr"] for group in groups}) > 1
