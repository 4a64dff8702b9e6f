import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from lopsided.models import ImageNetwork, ModelOptions, Standardise, build_model


@pytest.mark.parametrize(
    ("name", "shape"),
    [("auto", (20,)), ("auto", (3, 32, 32)), ("linear", (20,)), ("linear", (1, 9, 9)), ("mlp", (3, 8, 8))],
)
def test_every_network_gives_one_logit_per_label(name, shape):
    model = build_model(ModelOptions(name=name), input_shape=shape, num_labels=7)
    assert model(torch.rand(4, *shape)).shape == (4, 7)


def test_the_small_network_takes_images_of_any_size_from_eight():
    model = build_model(ModelOptions(width=4), input_shape=(3, 8, 11), num_labels=5).eval()
    assert model(torch.rand(2, 3, 8, 11)).shape == (2, 5)
    with pytest.raises(ValueError, match=r"images .* at least 8 x 8, for small_cnn, got \(3, 7, 11\)"):
        build_model(ModelOptions(), input_shape=(3, 7, 11), num_labels=5)
    with pytest.raises(ValueError, match=r"expected images .* for small_cnn, got \(20,\)"):
        build_model(ModelOptions(name="small_cnn"), input_shape=(20,), num_labels=5)


@pytest.mark.parametrize("name", ["linear", "mlp", "small_cnn"])
def test_every_network_takes_an_image_in_bytes_or_in_zero_to_one(name):
    model = build_model(ModelOptions(name=name), input_shape=(3, 8, 8), num_labels=4).eval()
    images = torch.randint(0, 256, (2, 3, 8, 8), dtype=torch.uint8)
    assert torch.allclose(model(images), model(images.float() / 255), atol=1e-6)


def test_layers_on_images_keep_the_names_that_earlier_checkpoints_have():
    names = set(build_model(ModelOptions(name="linear"), input_shape=(3, 8, 8), num_labels=4).state_dict())
    assert names == {"1.weight", "1.bias"}
    names = set(build_model(ModelOptions(name="small_cnn"), input_shape=(3, 8, 8), num_labels=4).state_dict())
    assert {"0.weight", "4.weight", "8.weight", "12.weight", "12.bias"} < names


def test_auto_takes_a_backbone_for_pictures_and_the_small_network_for_thumbnails(timm):
    options = ModelOptions(pretrained=False)
    model = build_model(options, input_shape=(3, 64, 64), num_labels=4)
    assert isinstance(model, ImageNetwork)
    assert model.backbone.name == "tf_efficientnet_lite0"
    assert not isinstance(build_model(ModelOptions(), input_shape=(3, 63, 64), num_labels=4), ImageNetwork)
    assert not isinstance(build_model(ModelOptions(), input_shape=(1, 64, 64), num_labels=4), ImageNetwork)


@pytest.mark.parametrize("head", ["linear", "ml_decoder"])
@pytest.mark.parametrize("name", ["test_resnet", "test_vit"])
def test_a_backbone_by_name_with_either_head_gives_one_logit_per_label(timm, name, head):
    options = ModelOptions(name=name, head=head, width=16 if head == "ml_decoder" else None, pretrained=False)
    model = build_model(options, input_shape=(3, 64, 64), num_labels=7).train()
    logits = model(torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8))
    assert logits.shape == (2, 7)
    logits.sum().backward()  # several devices would wait for a parameter that takes no part
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_settings_reach_the_parts_they_are_about(timm):
    options = ModelOptions(
        name="test_resnet", head="ml_decoder", groups=3, width=24, dropout=0.25, frozen=True, pretrained=False
    )
    model = build_model(options, input_shape=(3, 32, 32), num_labels=9)
    assert model.head.queries.shape == (3, 24)
    assert {module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)} >= {0.25}
    assert model.frozen
    assert not model.pixels.state_dict()  # random weights have no colours that they want


def test_colours_are_as_trained_weights_want_them_unless_told_otherwise(timm):
    def build(**settings):
        options = ModelOptions(name="tf_efficientnet_lite0", **settings)
        return build_model(options, input_shape=(3, 32, 32), num_labels=2, load_weights=False).pixels

    assert build().mean.flatten().tolist() == [0.5, 0.5, 0.5]
    assert build(pixels="unit").mean is None
    assert build(pretrained=False).mean is None
    assert build(pretrained=False, pixels="backbone").std.flatten().tolist() == [0.5, 0.5, 0.5]


def test_a_saved_network_is_built_without_reading_or_fetching_weights(timm):
    options = ModelOptions(name="test_resnet", weights="nowhere.pth")
    model = build_model(options, input_shape=(3, 32, 32), num_labels=2, load_weights=False)
    assert model.backbone.origin == "random weights"
    with pytest.raises(ValueError, match=r"expected the weights file nowhere.pth to be there"):
        build_model(options, input_shape=(3, 32, 32), num_labels=2)


def test_a_backbone_wants_colour_images(timm):
    with pytest.raises(ValueError, match=r"expected images of shape \(3, .*\) for test_resnet, got \(499,\)"):
        build_model(ModelOptions(name="test_resnet", pretrained=False), input_shape=(499,), num_labels=2)


def test_what_does_nothing_with_the_network_that_auto_stands_for_is_refused():
    with pytest.raises(ValueError, match="expected no model.frozen with model.name=mlp, which takes model.width"):
        build_model(ModelOptions(frozen=True), input_shape=(20,), num_labels=2)


@pytest.mark.parametrize("kind", [np.asarray, csr_array])
def test_only_features_beyond_one_are_brought_to_one_scale(kind):
    layer = Standardise(4)
    features = np.array([[0.0, 100.0, 5.0, 0.0], [1.0, 300.0, 5.0, -1.0]], np.float32)
    layer.fit(kind(features))
    assert layer(torch.from_numpy(features)).tolist() == [[0.0, -1.0, 0.0, 0.0], [1.0, 1.0, 0.0, -1.0]]
