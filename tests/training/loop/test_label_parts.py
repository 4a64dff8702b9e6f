import pytest
import torch

from lopsided.data.features import sparse_tensor
from lopsided.losses.many_labels import job
from lopsided.models import ModelOptions, build_model
from lopsided.runs.loss.criterion import build_criterion
from lopsided.training import LossOptions, TrainingOptions
from lopsided.training.loop.task import MultiLabelTask

SAMPLES, FEATURES, LABELS = 9, 12, 600


@pytest.fixture(autouse=True)
def several_parts(monkeypatch):
    monkeypatch.setattr(job, "LOGITS_AT_A_TIME", 1)  # 256 labels at a time, at least


def network(kind, name):
    torch.manual_seed(3)
    model = build_model(ModelOptions(name=name), input_shape=(FEATURES,), num_labels=LABELS, kind=kind)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.3)
    return model


def batch_of(kind, *, masked):
    from scipy.sparse import csr_array

    torch.manual_seed(1)
    inputs, targets = torch.randn(SAMPLES, FEATURES), torch.rand(SAMPLES, LABELS) < 0.02
    if kind == "sparse":
        inputs = sparse_tensor(csr_array((inputs * (inputs > 0)).numpy()))
    mask = {"mask": torch.rand(SAMPLES, LABELS) < 0.8} if masked else {}
    if masked:
        targets &= mask["mask"]
    sparse = {"inputs": inputs, "targets": sparse_tensor(csr_array(targets.numpy())), **mask}
    return {"inputs": inputs, "targets": targets, **mask}, sparse


def task_of(model, loss, *, in_parts, every=1):
    criterion = build_criterion(loss, num_labels=LABELS)
    return MultiLabelTask(model, criterion, TrainingOptions(), about={}, in_parts=in_parts, every=every)


LOSSES = [
    LossOptions(name="cross_entropy"),
    LossOptions(name="focal"),
    LossOptions(name="asymmetric", gamma_pos=0.5),
    LossOptions(name="adaptive"),
    LossOptions(name="adaptive", per_label=True),
]


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name + "-each" * bool(loss.given().get("per_label")))
@pytest.mark.parametrize(("kind", "name"), [("features", "linear"), ("features", "mlp"), ("sparse", "linear")])
@pytest.mark.parametrize("masked", [False, True])
def test_a_step_in_parts_is_the_step_with_all_logits(kind, name, loss, masked):
    came = []
    for in_parts, batch in zip((False, True), batch_of(kind, masked=masked), strict=True):
        task = task_of(network(kind, name), loss, in_parts=in_parts)
        value = task.training_step(batch)
        value.backward()
        gradients = [parameter.grad for parameter in task.model.parameters()]
        came.append([value.detach(), *task.step_values[1:], *gradients, *task.criterion.state_dict().values()])
    torch.testing.assert_close(came[1], came[0], equal_nan=True)


@pytest.mark.parametrize("every", [1, 3, 7])
@pytest.mark.parametrize("masked", [False, True])
def test_validation_in_parts_gives_the_metrics_of_all_logits(every, masked):
    found = []
    for in_parts, batch in zip((False, True), batch_of("features", masked=masked), strict=True):
        task = task_of(network("features", "mlp"), LossOptions(), in_parts=in_parts, every=every).eval()
        with torch.no_grad():
            task.validation_step(batch)
            task.validation_step(batch)
        found.append(task.validation_metrics())
    assert found[1] == pytest.approx(found[0], rel=1e-4, abs=1e-6)


def test_a_network_in_bfloat16_has_a_loss_in_single_precision():
    _, batch = batch_of("features", masked=False)
    task = task_of(network("features", "mlp"), LossOptions(), in_parts=True)
    whole = task.training_step(batch).item()
    with torch.autocast("cpu", torch.bfloat16):
        loss = task.training_step(batch)
    loss.backward()
    assert (loss.dtype, loss.item()) == (torch.float32, pytest.approx(whole, rel=1e-2))
    assert all(parameter.grad.dtype == torch.float32 for parameter in task.model.parameters())
