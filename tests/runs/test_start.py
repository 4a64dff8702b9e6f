"""Where logits start: the bias and the width of the last layer, of every network."""

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from torch import nn

from lopsided.data import Labels
from lopsided.models import MLDecoder, ModelOptions, build_model
from lopsided.runs.start import start_head

TRUE = np.array([[1, 0, 0], [1, 0, 1], [1, 0, 0], [0, 0, 0]], dtype=bool)
UNKNOWN = np.array([[0, 0, 0], [0, 0, 0], [0, 0, 1], [0, 0, 1]], dtype=bool)
LABELS = Labels(("often", "never", "half known"), csr_array(TRUE), csr_array(UNKNOWN))
LOG_ODDS = torch.tensor(np.log([3.5 / 1.5, 0.5 / 4.5, 1.5 / 1.5]), dtype=torch.float32)

NETWORKS = {"linear": (5,), "mlp": (5,), "small_cnn": (1, 8, 8)}


def built(name, **settings):
    torch.manual_seed(0)
    return build_model(ModelOptions(name=name, **settings), input_shape=NETWORKS[name], num_labels=3).eval()


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(("bias", "expected"), [("prior", LOG_ODDS), ("zero", torch.zeros(3))])
def test_a_label_starts_at_its_log_odds_or_at_zero(name, bias, expected):
    model = built(name)
    start_head(model, ModelOptions(name=name, head_bias=bias, head_scale=1e-9), labels=LABELS)
    torch.testing.assert_close(model(torch.rand(2, *NETWORKS[name])), expected.expand(2, 3))


def test_ml_decoder_does_so_too():
    head = MLDecoder(16, 3, groups=2, width=8)
    options = ModelOptions(name="resnet18", head="ml_decoder", head_bias="prior", head_scale=1e-9)
    start_head(head, options, labels=LABELS)
    torch.testing.assert_close(head.eval()(torch.rand(2, 16, 2, 2)), LOG_ODDS.expand(2, 3))


@pytest.mark.parametrize(("name", "bias"), [("linear", None), ("mlp", None), ("mlp", "drawn"), ("small_cnn", "drawn")])
def test_a_bias_that_is_drawn_stays_as_pytorch_drew_it_which_is_the_default_on_features(name, bias):
    before = built(name).state_dict()
    model = built(name)
    start_head(model, ModelOptions(name=name, head_bias=bias), labels=LABELS)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_small_image_network_starts_at_the_prior_by_default():
    model = built("small_cnn")
    start_head(model, ModelOptions(name="small_cnn"), labels=LABELS)
    torch.testing.assert_close(list(model.parameters())[-1].detach(), LOG_ODDS)


@pytest.mark.parametrize(("pretrained", "is_prior"), [(False, True), (None, False)])
def test_a_backbone_does_so_without_pretrained_weights(pretrained, is_prior):
    pytest.importorskip("timm", reason="a backbone needs the extra vision")
    options = ModelOptions(name="test_resnet", pretrained=pretrained)
    model = build_model(options, input_shape=(3, 64, 64), num_labels=3, load_weights=False)
    start_head(model, options, labels=LABELS)
    assert torch.equal(model.head[-1].bias, LOG_ODDS) == is_prior


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta")
@pytest.mark.parametrize("name", ["linear", "mlp"])
def test_on_sparse_inputs_the_prior_is_the_default(name):
    inputs = torch.eye(5).to_sparse_csr()
    for bias, expected in ((None, LOG_ODDS), ("zero", torch.zeros(3))):
        options = ModelOptions(name=name, head_bias=bias, head_scale=1e-9)
        model = build_model(options, input_shape=(5,), num_labels=3, kind="sparse").eval()
        start_head(model, options, labels=LABELS)
        torch.testing.assert_close(model(inputs), expected.expand(5, 3))


@pytest.mark.parametrize(("scale", "width"), [(None, 1.0), (3.0, 3.0)])
def test_the_first_weights_are_as_wide_as_pytorch_draws_them_times_the_scale(scale, width):
    model = build_model(ModelOptions(name="linear"), input_shape=(400,), num_labels=3)
    start_head(model, ModelOptions(name="linear", head_scale=scale), labels=LABELS)
    spread = model[-1].weight.detach().std() * (3 * 400) ** 0.5  # of a uniform draw within 1 / sqrt(features): 1
    assert spread.item() == pytest.approx(width, rel=0.1)


def test_a_last_layer_of_another_size_is_refused():
    with pytest.raises(ValueError, match="a bias for each of 3 labels"):
        start_head(nn.Linear(5, 4), ModelOptions(name="linear", head_bias="prior"), labels=LABELS)


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf")])
def test_a_scale_that_is_no_positive_number_is_refused(scale):
    with pytest.raises(ValueError, match="expected model.head_scale to be a number above 0"):
        ModelOptions(name="linear", head_scale=scale)


def test_so_is_another_bias():
    with pytest.raises(ValueError, match="expected model.head_bias to be one of zero, drawn, prior, got 'log_odds'"):
        ModelOptions(name="linear", head_bias="log_odds")
