import pytest
import torch
from torch import nn

from lopsided.models.images.dry_run import normalises_alone, output_shape


def looking_at_numbers():
    """A network that asks for a value on its way, which a pass without numbers cannot answer."""

    class Looks(nn.Module):
        def forward(self, inputs):
            return inputs[:, :2] if bool((inputs == 0).all()) else inputs

    return Looks()


@pytest.mark.parametrize("network", [nn.Linear(5, 2), looking_at_numbers()])
def test_the_shape_is_told_of_networks_that_look_at_numbers_too(network):
    assert output_shape(network, input_shape=(5,)) == (1, 2)


def test_what_a_network_does_not_take_is_its_own_error():
    with pytest.raises(RuntimeError, match="Kernel size"):
        output_shape(nn.Conv2d(3, 4, 5), input_shape=(3, 4, 4))


def test_the_network_is_left_as_it_is():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout())
    network[1].eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    state = torch.get_rng_state()
    assert output_shape(network, input_shape=(3, 8, 8)) == (1, 4, 6, 6)
    assert not normalises_alone(network, input_shape=(3, 8, 8))
    assert [module.training for module in network] == [True, False, True]
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert not network[1]._forward_pre_hooks


@pytest.mark.parametrize(("side", "alone"), [(3, True), (4, False)])
def test_one_value_per_channel_is_seen_where_the_map_has_one_place(side, alone):
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    assert normalises_alone(network, input_shape=(3, side, side)) == alone
    if alone:
        with pytest.raises(ValueError, match="more than 1 value per channel"):
            network(torch.rand(1, 3, side, side))


def test_a_normalisation_that_is_not_trained_needs_no_spread():
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    assert normalises_alone(network, input_shape=(3,))
    assert not normalises_alone(network.eval(), input_shape=(3,))
