import sys

import pytest

from lopsided.models import ModelOptions, build_model, resolved


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 0}, "expected model.width to be at least 1, got 0"),
        ({"name": "mlp", "dropout": 1.0}, r"expected model.dropout to lie in \[0, 1\), got 1.0"),
        ({"groups": 0}, "expected model.groups to be at least 1, got 0"),
        ({"layer_decay": 0.0}, r"expected model.layer_decay to lie in \(0, 1\], got 0.0"),
        ({"layer_decay": 1.1}, r"expected model.layer_decay to lie in \(0, 1\], got 1.1"),
        ({"head": "cross"}, "expected model.head to be one of linear, ml_decoder, got 'cross'"),
        ({"pixels": "bgr"}, "expected model.pixels to be one of backbone, unit, got 'bgr'"),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(options, message):
    with pytest.raises(ValueError, match=message):
        ModelOptions(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"name": "linear", "width": 3},
            "expected no model.width with model.name=linear, which takes model.head_bias, model.head_scale, got one",
        ),
        ({"name": "linear", "dropout": 0.1}, "expected no model.dropout with model.name=linear"),
        (
            {"name": "mlp", "head": "linear"},
            "expected no model.head .* takes model.width, model.dropout, model.head_bias, model.head_scale, got one$",
        ),
        ({"name": "small_cnn", "frozen": False}, "expected no model.frozen with model.name=small_cnn"),
        ({"groups": 5}, "expected model.groups only with model.head=ml_decoder, got 5 without it"),
        ({"pretrained": False, "weights": "a.pth"}, "expected model.weights or model.pretrained=false, got both"),
        ({"frozen": True, "layer_decay": 0.9}, "expected model.layer_decay or model.frozen=true, got both"),
        ({"head": "ml_decoder", "width": 100}, "expected model.width to be a multiple of 8 .*, got 100"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ModelOptions(**options)


def test_the_width_of_a_backbone_is_its_own(timm):
    with pytest.raises(
        ValueError, match="expected model.width .* with model.head=ml_decoder, got 64 with model.name=resnet18"
    ):
        ModelOptions(name="resnet18", width=64)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("resnet_50", "resnet50"), ("smal_cnn", "small_cnn"), ("resnet50.a1_in2k", "resnet50.a1_in1k")],
)
def test_a_wrong_name_gets_the_nearest_right_one(timm, name, nearest):
    with pytest.raises(ValueError, match=f"a backbone of timm, got '{name}'; did you mean {nearest}\\?"):
        ModelOptions(name=name)


def test_a_backbone_is_known_with_and_without_the_tag_of_its_weights(timm):
    assert ModelOptions(name="resnet50.a1_in1k").name == "resnet50.a1_in1k"
    assert ModelOptions(name="test_vit").name == "test_vit"


@pytest.mark.parametrize("error", [ModuleNotFoundError("No module named 'timm'"), RuntimeError("nms does not exist")])
def test_without_timm_a_name_is_taken_and_building_says_what_to_install(monkeypatch, error):
    class Broken:
        def find_spec(self, name, path=None, target=None):
            if name == "timm":
                raise error

    monkeypatch.delitem(sys.modules, "timm", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    options = ModelOptions(name="resnet18")
    with pytest.raises(ModuleNotFoundError, match=rf'{error}\): pip install "lopsided\[vision\]"'):
        build_model(options, input_shape=(3, 64, 64), num_labels=2)


def test_the_networks_of_this_package_are_chosen_without_loading_timm(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)  # an import of it fails
    shapes = ((499,), (3, 32, 32), (1, 300, 300), (3, 64, 200))
    names = [resolved(ModelOptions(), input_shape=shape).name for shape in shapes]
    assert names == ["mlp", "small_cnn", "small_cnn", "tf_efficientnet_lite0"]
