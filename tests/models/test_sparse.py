import numpy as np
import pytest
import torch
from scipy.sparse import csr_array, random_array

from lopsided.data.features import sparse_tensor
from lopsided.models import ModelOptions, SparseLinear, build_model, resolved
from lopsided.models import sparse as sparse_module
from lopsided.models.sparse import rows_of_gradient


def inputs_of(samples, features, *, seed=0):
    made = random_array((samples, features), density=0.2, format="csr", dtype=np.float32, rng=seed)
    return sparse_tensor(csr_array(made))


def test_outputs_and_gradient_are_those_of_a_dense_layer():
    layer, inputs = SparseLinear(50, 7), inputs_of(6, 50)
    outputs = layer(inputs)
    torch.testing.assert_close(outputs, inputs.to_dense() @ layer.weight + layer.bias)
    outputs.sin().sum().backward()
    found = layer.weight.grad.clone()
    layer.weight.grad = None
    layer(inputs.to_dense()).sin().sum().backward()
    torch.testing.assert_close(found, layer.weight.grad)


@pytest.mark.parametrize("at_once", [1, 20, 1 << 20])
def test_the_gradient_in_factors_is_the_gradient_row_by_row(monkeypatch, at_once):
    monkeypatch.setattr(sparse_module, "_NUMBERS", at_once)
    layer, batches = SparseLinear(50, 7), [inputs_of(6, 50), inputs_of(3, 50, seed=1)]
    layer.in_factors = True
    for inputs in batches:
        layer(inputs).sin().sum().backward()
    assert layer.weight.grad is None
    found = torch.zeros_like(layer.weight)
    for rows, gradient in rows_of_gradient(layer.slopes):
        assert len(rows) * 7 <= max(at_once, 7)
        found[rows] += gradient
    sum(layer(inputs.to_dense()).sin().sum() for inputs in batches).backward()
    torch.testing.assert_close(found, layer.weight.grad)


def test_a_batch_without_any_feature_has_a_gradient_of_no_rows():
    layer = SparseLinear(5, 2)
    layer.in_factors = True
    layer(sparse_tensor(csr_array((3, 5), dtype=np.float32))).sum().backward()
    assert list(rows_of_gradient(layer.slopes)) == []
    assert layer.bias.grad.tolist() == [3, 3]


def test_the_options_name_the_networks_on_sparse_inputs():
    linear = build_model(ModelOptions(), input_shape=(50,), num_labels=3, kind="sparse")
    assert isinstance(linear, SparseLinear)
    assert resolved(ModelOptions(), input_shape=(50,), kind="sparse").name == "linear"
    mlp = build_model(ModelOptions(name="mlp", width=8), input_shape=(50,), num_labels=3, kind="sparse")
    assert mlp(inputs_of(4, 50)).shape == (4, 3)
    with pytest.raises(ValueError, match="expected images"):
        build_model(ModelOptions(name="small_cnn"), input_shape=(50,), num_labels=3, kind="sparse")
