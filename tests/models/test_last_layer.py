import pytest
import torch
from torch import nn

from lopsided.models import ModelOptions, build_model
from lopsided.models.images.ml_decoder import MLDecoder
from lopsided.models.last_layer import last_layer

LABELS = 7


def test_the_two_parts_of_a_network_are_the_network(timm):
    options = ModelOptions(name="test_resnet", pretrained=False)
    model = build_model(options, input_shape=(3, 32, 32), num_labels=LABELS).eval()
    last = last_layer(model)
    images = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(last.layer(last.body(images)), model(images))
    assert last.layer.weight is model.head[-1].weight


@pytest.mark.parametrize("network", [MLDecoder(8, 4, groups=2, width=8), nn.Sequential(), nn.ReLU()])
def test_a_network_whose_last_layer_is_not_linear_has_no_such_parts(network):
    assert last_layer(network) is None
