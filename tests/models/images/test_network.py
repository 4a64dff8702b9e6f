import copy

import pytest
import torch
from torch import nn

from lopsided.models import ImageNetwork, Pixels
from lopsided.models.images.backbones import Backbone


class Tiny(nn.Module):
    """Looks like a network of timm: a convolution with normalisation, pooled."""

    head_hidden_size = 4

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten())

    def forward(self, images):
        return self.layers(images)


def network(**settings):
    backbone = Backbone(Tiny(), name="tiny", pooled=True, origin="random weights")
    return ImageNetwork(Pixels(), backbone, nn.Linear(4, 5), **settings)


def test_it_may_be_taken_apart_into_features_and_head():
    model = network().eval()
    images = torch.randint(0, 256, (2, 3, 8, 8), dtype=torch.uint8)
    assert model.features(images).shape == (2, 4)
    assert torch.equal(model(images), model.head(model.features(images)))


def test_a_frozen_backbone_stays_as_it_is_while_the_head_learns():
    model = network(frozen=True).train()
    before = copy.deepcopy(model.state_dict())
    optimiser = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1.0)
    model(torch.rand(4, 3, 8, 8)).sum().backward()
    optimiser.step()
    changed = {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == {"head.weight", "head.bias"}


def test_a_frozen_backbone_stays_in_evaluation_mode_and_a_trained_one_does_not():
    for frozen in (True, False):
        model = copy.deepcopy(network(frozen=frozen)).train()
        assert model.head.training
        assert model.backbone.training is not frozen
        assert not model.eval().head.training


@pytest.mark.parametrize(
    ("shape", "about", "wanted"),
    [
        ((2, 4, 3, 5), {}, (2, 4, 3, 5)),
        ((2, 3, 5, 4), {"output_fmt": "NHWC"}, (2, 4, 3, 5)),
        ((2, 16, 4), {"num_prefix_tokens": 1}, (2, 4, 15, 1)),
    ],
)
def test_feature_maps_of_every_layout_have_their_channels_second(shape, about, wanted):
    class Map(Tiny):
        def forward(self, images):
            return torch.rand(shape)

    layout = Map()
    for name, value in about.items():
        setattr(layout, name, value)
    backbone = Backbone(layout, name="map", pooled=False, origin="random weights")
    assert backbone(torch.rand(2, 3, 8, 8)).shape == wanted
