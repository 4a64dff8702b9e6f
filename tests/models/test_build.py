import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from lopsided.models import ModelOptions, Standardise, build_model


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
    with pytest.raises(ValueError, match=r"small_cnn needs images .* from 8 x 8, got \(3, 7, 11\)"):
        build_model(ModelOptions(), input_shape=(3, 7, 11), num_labels=5)
    with pytest.raises(ValueError, match=r"small_cnn needs images .* got \(20,\)"):
        build_model(ModelOptions(name="small_cnn"), input_shape=(20,), num_labels=5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "resnet"}, "model.name must be one of auto, linear, mlp, small_cnn, got 'resnet'"),
        ({"width": 0}, "model.width must be at least 1, got 0"),
        ({"dropout": 1.0}, r"model.dropout must lie in \[0, 1\), got 1.0"),
        ({"name": "linear", "width": 3}, "have no effect with model.name=linear"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ModelOptions(**options)


@pytest.mark.parametrize("kind", [np.asarray, csr_array])
def test_only_features_beyond_one_are_brought_to_one_scale(kind):
    layer = Standardise(4)
    features = np.array([[0.0, 100.0, 5.0, 0.0], [1.0, 300.0, 5.0, -1.0]], np.float32)
    layer.fit(kind(features))
    assert layer(torch.from_numpy(features)).tolist() == [[0.0, -1.0, 0.0, 0.0], [1.0, 1.0, 0.0, -1.0]]
