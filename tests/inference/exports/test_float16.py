"""A run as ONNX whose network is in float16."""

import json

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from torch import nn

from lopsided.cli.export import main as export_verb
from lopsided.data import DataOptions
from lopsided.inference.exports import float16 as module
from lopsided.inference.exports.float16 import Float16, check_float16
from lopsided.inference.exports.onnx_file import export
from lopsided.models import SparseLinear
from lopsided.training import LossOptions
from tests.inference.exports.test_onnx_file import LABELS, batch, made, opened

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


def types_of_weights(path):
    """Bytes of the weights in the file by their type, of tensors with more than one element."""
    found = {}
    for tensor in onnx.load(path).graph.initializer:
        size = int(np.prod(tensor.dims))
        if size > 1:
            name = onnx.TensorProto.DataType.Name(tensor.data_type)
            found[name] = found.get(name, 0) + size
    return found


def changed_weight(run, name, value):
    path = run.checkpoints / "last.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["state_dict"][name].view(-1)[-1] = value
    torch.save(checkpoint, path)


@pytest.mark.parametrize(
    ("name", "shape", "source", "options"),
    [
        ("linear", (500,), "arff:a", {}),
        ("mlp", (60,), "arff:a", {"width": 500}),
        ("mlp", (2, 30), "table:t.npz", {"width": 500}),
        ("small_cnn", (3, 24, 24), "digits", {}),
        ("test_resnet", (3, 64, 64), "coco:x", {"pretrained": False, "pixels": "backbone"}),
        ("test_vit", (3, 64, 64), "coco:x", {"pretrained": False, "frozen": True}),
        ("test_resnet", (3, 64, 64), "coco:x", {"pretrained": False, "head": "ml_decoder", "width": 16}),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_a_network_in_float16_gives_nearly_the_same_in_half_the_bytes(
    timm, tmp_path, capfd, name, shape, source, options
):
    data = DataOptions(image_size=64) if source == "coco:x" else None
    run = made(tmp_path / "run", name, shape, source=source, data=data, **options)
    export(run, tmp_path / "whole.onnx")
    done = export(run, tmp_path / "half.onnx", float16=True)
    assert (done.precision, done.tolerance) == ("float16", 0.01)
    assert 0 < done.largest_difference < 0.01
    session, about = opened(tmp_path / "half.onnx")
    whole, about_whole = opened(tmp_path / "whole.onnx")
    assert (about["precision"], about_whole["precision"]) == ("float16", "float32")
    assert {k: v for k, v in about.items() if k != "precision"} == {
        k: v for k, v in about_whole.items() if k != "precision"
    }
    inputs = {"inputs": batch(about, 5)}
    types = [(part.name, part.type) for part in (*session.get_inputs(), *session.get_outputs())]
    assert types == [(part.name, part.type) for part in (*whole.get_inputs(), *whole.get_outputs())]
    logits, probabilities, predicted = session.run(None, inputs)
    wanted, wanted_probabilities, _ = whole.run(None, inputs)
    assert np.abs(logits - wanted).max() < 0.01 * max(1, np.abs(wanted).max())
    assert np.abs(probabilities - wanted_probabilities).max() < 0.01
    assert np.array_equal(predicted, probabilities > np.float32(0.5))
    weights, others = types_of_weights(tmp_path / "half.onnx"), types_of_weights(tmp_path / "whole.onnx")
    assert weights["FLOAT16"] > 0.98 * (others["FLOAT"] - weights.get("FLOAT", 0))
    assert weights.get("FLOAT", 0) <= 2 * int(np.prod(shape)) + 2 * len(LABELS) + 10  # mean and scale, and thresholds
    assert capfd.readouterr() == ("", "")


def test_features_beyond_float16_are_brought_to_one_scale_before(tmp_path):
    features = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32) * 1e6 + 3e8
    done = export(made(tmp_path / "run", features=features), tmp_path / "a.onnx", float16=True)
    assert done.largest_difference < 0.005


def test_unix_times_stay_float64_until_they_are_scaled(tmp_path):
    features = 1.6e9 + np.arange(300.0).reshape(50, 6)
    run = made(tmp_path / "run", features=features)
    done = export(run, tmp_path / "a.onnx", float16=True)
    assert (done.input_type, done.precision) == ("float64", "float16")
    session, _ = opened(tmp_path / "a.onnx")
    with torch.inference_mode():
        wanted = run.load().model(torch.from_numpy(features))
    assert np.allclose(session.run(["logits"], {"inputs": features})[0], wanted, atol=0.01)


@pytest.mark.parametrize(
    ("tensor", "where"),
    [("model.1.weight", "1.weight (label '🏖️')"), ("model.1.bias", "1.bias (label '🏖️')")],
)
def test_a_weight_that_float16_cannot_hold_is_refused_with_its_name_and_label(tmp_path, tensor, where):
    run = made(tmp_path / "run")
    changed_weight(run, tensor, -70_000.0)
    with pytest.raises(ValueError, match="expected weights within 65504 of 0") as caught:
        export(run, tmp_path / "a.onnx", float16=True)
    assert str(caught.value).endswith(f"got -7e+04 in {where}; export it in float32")
    assert not (tmp_path / "a.onnx").exists()
    export(run, tmp_path / "a.onnx")  # float32 holds it


def test_of_a_sparse_layer_the_label_is_the_column():
    layer = SparseLinear(4, 3, zero=True)
    with torch.no_grad():
        layer.weight[3, 1] = 1e5
    with pytest.raises(ValueError, match=r"got 1e\+05 in weight \(label 'sun, sand'\)"):
        check_float16(layer, LABELS)


def test_a_weight_in_the_middle_is_named_without_a_label():
    network = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 3))
    network[1].running_var[0] = 7e4
    with pytest.raises(ValueError, match=r"got 7e\+04 in 1\.running_var; export it in float32"):
        check_float16(network, LABELS)


def test_the_network_itself_stays_as_it_was():
    network = nn.Sequential(nn.Linear(2, 3))
    half = Float16(network)
    assert network[0].weight.dtype == torch.float32
    assert half.model[0].weight.dtype == torch.float16
    assert half(torch.ones(1, 2)).dtype == torch.float32


def test_rows_written_out_go_through_a_sparse_layer(tmp_path, monkeypatch):
    layer = SparseLinear(300, 3)
    rows = torch.from_numpy(csr_array(np.eye(4, 300, dtype=np.float32)).toarray())
    with torch.inference_mode():
        assert torch.allclose(Float16(layer)(rows), layer(rows), atol=1e-3)


def test_what_differs_too_much_is_not_written(tmp_path, monkeypatch):
    run = made(tmp_path / "run")
    forward = module.Float16.forward

    def differs(self, inputs):
        return forward(self, inputs) + (0.1 if torch.compiler.is_compiling() else 0)

    monkeypatch.setattr(module.Float16, "forward", differs)
    with pytest.raises(
        ValueError, match=r"expected a.onnx to give PyTorch's logits to within 0.01, got .* 0.1; it was"
    ):
        export(run, tmp_path / "a.onnx", float16=True)
    assert not (tmp_path / "a.onnx").exists()


def test_activations_that_overflow_are_refused(tmp_path):
    run = made(tmp_path / "run", "mlp", loss=LossOptions(name="cross_entropy"))
    path = run.checkpoints / "last.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    for name, factor in (("model.1.0.weight", 1e5), ("model.1.3.weight", 1e-5)):
        checkpoint["state_dict"][name] *= factor
    torch.save(checkpoint, path)
    with pytest.raises(
        ValueError, match=r"expected logits in float16 within 0\.0\d of .*, got a difference of (nan|inf)"
    ):
        export(run, tmp_path / "a.onnx", float16=True)


def test_the_verb_says_what_float16_costs(tmp_path, capsys):
    run = made(tmp_path / "run", "mlp")
    assert export_verb([str(run.path), str(tmp_path / "a.onnx"), "--float16"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "in float16 logits may differ by 0.01, large ones by that share of the largest" in printed
    assert "predicted otherwise than in float32: 0 of 12 labels that were checked" in printed
    assert json.loads(opened(tmp_path / "a.onnx")[1]["labels"]) == list(LABELS)


@pytest.mark.parametrize("form", ["hub", "words"])
def test_float16_with_another_format_is_refused(tmp_path, capsys, form):
    with pytest.raises(SystemExit) as end:
        export_verb([str(tmp_path), str(tmp_path / "out"), "--format", form, "--float16"])
    assert end.value.code == 2
    assert f"expected --float16 with --format onnx, got it with --format {form}" in capsys.readouterr().err
