import pytest
from torch import nn

from lopsided.models import ModelOptions, build_model, parameter_groups


def network(**settings):
    options = ModelOptions(pretrained=False, **settings)
    return build_model(options, input_shape=(3, 64, 64), num_labels=5)


def by_name(model, groups):
    """Learning rate factor and weight decay of each parameter."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    found = [(names[id(p)], group["lr_scale"], group["weight_decay"]) for group in groups for p in group["params"]]
    assert len(found) == len({name for name, *_ in found})
    return {name: (scale, decay) for name, scale, decay in found}


def test_matrices_and_kernels_decay_and_biases_and_normalisation_do_not():
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Linear(4, 2))
    rules = by_name(model, parameter_groups(model, weight_decay=0.1))
    assert {name for name, (_, decay) in rules.items() if decay == 0.1} == {"0.weight", "2.weight"}
    assert set(rules) == {name for name, _ in model.named_parameters()}
    assert {scale for scale, _ in rules.values()} == {1.0}


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_efficientnet", "test_convnext"])
def test_each_layer_learns_slower_than_the_one_above_it(timm, name):
    model = network(name=name)
    groups = parameter_groups(model, weight_decay=0.1, layer_decay=0.5)
    rules = by_name(model, groups)
    assert set(rules) == {name for name, _ in model.named_parameters()}
    assert {scale for name, (scale, _) in rules.items() if name.startswith("head")} == {1.0}
    scales = sorted({scale for name, (scale, _) in rules.items() if name.startswith("backbone")}, reverse=True)
    assert len(scales) >= 4
    assert scales == [0.5 ** (layer + 1) for layer in range(len(scales))]
    first, last = (next(n for n in names if "weight" in n and "backbone" in n) for names in (rules, reversed(rules)))
    assert rules[last][0] != rules[first][0]


def test_the_first_layer_is_the_slowest(timm):
    model = network(name="test_resnet")
    rules = by_name(model, parameter_groups(model, weight_decay=0.0, layer_decay=0.8))
    assert rules["backbone.network.conv1.0.weight"][0] == min(scale for scale, _ in rules.values())


def test_a_layer_decay_of_one_is_none(timm):
    model = network(name="test_resnet")
    rules = [by_name(model, parameter_groups(model, weight_decay=0.1, layer_decay=decay)) for decay in (None, 1.0)]
    assert rules[0] == rules[1]


def test_what_the_backbone_exempts_does_not_decay(timm):
    model = network(name="test_vit")
    rules = by_name(model, parameter_groups(model, weight_decay=0.1))
    assert rules["backbone.network.pos_embed"] == (1.0, 0.0)
    assert rules["head.1.weight"] == (1.0, 0.1)


def test_a_frozen_backbone_has_no_group(timm):
    model = network(name="test_resnet", frozen=True)
    assert set(by_name(model, parameter_groups(model, weight_decay=0.1))) == {"head.1.weight", "head.1.bias"}
