import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from lopsided.training.loop.weight_average import WeightAverage, kept_share


@pytest.fixture
def model():
    """Weights, statistics and a count of a normalisation, a layer that is frozen, and one that is used twice."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Linear(3, 3), nn.Linear(3, 3))
    model[2].requires_grad_(False)
    model.append(model[0])
    return model


def moved(model):
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter))
    model(torch.randn(5, 3))


@pytest.mark.parametrize("decay", [0.0, 0.3, 0.9997])
def test_the_average_is_that_of_torch_to_the_last_bit(model, decay):
    def average(averaged, current, count):
        for kept, now in zip(averaged, current, strict=True):
            kept.lerp_(now, 1 - kept_share(count.float(), decay)) if kept.is_floating_point() else kept.copy_(now)

    theirs, ours = AveragedModel(model, use_buffers=True, multi_avg_fn=average), WeightAverage(model, decay)
    for _ in range(20):
        moved(model)
        theirs.update_parameters(model)
        ours.update()
    found, wanted = ours.state_dict(), theirs.module.state_dict()
    assert set(wanted) - set(found) == {"2.weight", "2.bias"}
    for name, value in found.items():
        assert torch.equal(value, wanted[name]), name


def test_the_averaged_weights_are_in_the_network_within_the_block_alone(model):
    average = WeightAverage(model, 0.9)
    for _ in range(3):
        moved(model)
        average.update()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    averaged = {name: value.clone() for name, value in average.state_dict().items()}
    with average.in_place():
        inside = {name: value.clone() for name, value in model.state_dict().items()}
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])
        assert torch.equal(inside[name], averaged.get(name, value))
    assert not torch.equal(inside["0.weight"], before["0.weight"])


def test_an_average_goes_on_where_it_was_saved(model):
    whole = WeightAverage(model, 0.9)
    for step in range(4):
        if step == 2:
            saved = {name: value.clone() for name, value in whole.state_dict().items()}
            resumed = WeightAverage(model, 0.9)
            resumed.load(saved, count=2)
        moved(model)
        whole.update()
        if step >= 2:
            resumed.update()
    assert all(torch.equal(value, resumed.state_dict()[name]) for name, value in whole.state_dict().items())
