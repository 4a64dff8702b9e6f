import pytest
import torch

from lopsided.models import ModelOptions, build_model, parameter_groups
from lopsided.models.texts.encoders import encoder
from lopsided.models.texts.files import read_encoder
from tests.models.texts.tiny_encoder import write_tiny_encoder


@pytest.fixture
def folder(tmp_path):
    return write_tiny_encoder(tmp_path / "tiny")


@pytest.mark.parametrize("pooling", ["mean", "first"])
def test_what_pads_a_text_does_not_change_its_features(folder, pooling):
    network = encoder(str(folder), read_encoder(folder), pooling=pooling, pretrained=True).eval()
    alone, padded = torch.tensor([[2, 4, 5, 3]]), torch.tensor([[2, 4, 5, 3, -1, -1], [2, 6, 7, 8, 9, 3]])
    torch.testing.assert_close(network(padded)[0], network(alone)[0], rtol=1e-5, atol=1e-6)


def test_the_mean_is_that_of_the_tokens_of_transformers_itself(folder):
    from transformers import AutoModel

    ids = torch.tensor([[2, 4, 5, 3]])
    wanted = AutoModel.from_pretrained(folder).eval()(input_ids=ids).last_hidden_state.mean(1)
    network = encoder(str(folder), read_encoder(folder), pooling="mean", pretrained=True).eval()
    torch.testing.assert_close(network(ids), wanted, rtol=1e-5, atol=1e-6)


def build(folder, **options):
    chosen = ModelOptions(name=str(folder), **options)
    return build_model(chosen, input_shape=(16,), num_labels=3, kind="tokens", encoder=read_encoder(folder))


def test_lower_layers_learn_at_lower_rates(folder):
    network = build(folder, layer_decay=0.5)
    groups = parameter_groups(network, weight_decay=0.1, layer_decay=0.5)
    scale = {id(parameter): group["lr_scale"] for group in groups for parameter in group["params"]}
    named = {name: scale[id(parameter)] for name, parameter in network.named_parameters()}
    assert named["head.1.weight"] == 1
    assert named["backbone.network.encoder.layer.1.output.dense.weight"] == 0.5
    assert named["backbone.network.encoder.layer.0.output.dense.weight"] == 0.25
    assert named["backbone.network.embeddings.word_embeddings.weight"] == 0.125


def test_a_frozen_encoder_gets_no_gradient_and_no_dropout(folder):
    network = build(folder, frozen=True).train()
    ids = torch.tensor([[2, 4, 5, 3]])
    torch.testing.assert_close(network(ids), network(ids))
    network(ids).sum().backward()
    assert [name for name, each in network.named_parameters() if each.grad is not None] == [
        "head.1.weight",
        "head.1.bias",
    ]


def test_random_weights_are_not_those_of_the_file(folder):
    ids = torch.tensor([[2, 4, 5, 3]])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        random = build(folder, pretrained=False).eval()
    assert not torch.allclose(random.features(ids), build(folder).eval().features(ids))


def test_an_encoder_takes_texts_alone(folder):
    with pytest.raises(ValueError, match="expected texts for"):
        build_model(ModelOptions(name=str(folder)), input_shape=(16,), num_labels=3)
    with pytest.raises(ValueError, match="expected a text encoder for tokens, got linear"):
        build_model(ModelOptions(name="linear"), input_shape=(16,), num_labels=3, kind="tokens")
