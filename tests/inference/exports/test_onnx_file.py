import json
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from scipy.sparse import csr_array

from lopsided.data import DataOptions, Inputs, Labels, Table
from lopsided.inference.calibrate import fitted
from lopsided.inference.exports import onnx_file as module
from lopsided.inference.exports.onnx_file import export
from lopsided.inference.predict import predict
from lopsided.models import ModelOptions, build_model, usual_kind
from lopsided.runs.folder import about_run
from lopsided.runs.loss.calibrators import ClosedForm
from lopsided.training import Config, LossOptions, RunFolder

ort = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

LABELS = ("sea", "sun, sand", "🏖️")


def made(
    path,
    name="linear",
    shape=(6,),
    *,
    source="table:t.csv",
    features=None,
    names=(),
    data=None,
    loss=None,
    scale=1.0,
    **model,
):
    """A run as training leaves it, without the training; ``scale`` multiplies the weights of its last layer."""
    config = Config(
        source=source,
        data=data or DataOptions(),
        model=ModelOptions(name=name, **model),
        loss=loss or LossOptions(name="asymmetric", gamma_neg=4.0),
    )
    torch.manual_seed(0)
    network = build_model(config.model, input_shape=shape, num_labels=len(LABELS))
    if features is not None:
        network[0].fit(features)
    run = RunFolder(path)
    run.checkpoints.mkdir(parents=True)
    config.save(run.config_file)
    state = {f"model.{key}": value for key, value in network.state_dict().items()}
    if scale != 1:
        state["model.1.weight"] *= scale
    if config.loss.name == "adaptive":
        state["criterion.gamma_neg"] = torch.tensor(3.7)
    checkpoint = {
        "state_dict": state,
        "lopsided": about_run(LABELS, Inputs(usual_kind(shape), shape, names)),
        "epoch": 6,
    }
    torch.save(checkpoint, run.checkpoints / "last.ckpt")
    return run


def opened(path):
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session, session.get_modelmeta().custom_metadata_map


def batch(metadata, num_samples):
    shape = (num_samples, *json.loads(metadata["input_shape"]))
    draw = np.random.default_rng(num_samples)
    if metadata["input_type"] == "uint8":
        return draw.integers(0, 256, shape, dtype=np.uint8)
    return draw.normal(size=shape).astype(np.float32)


def check_round_trip(run, out, *, sizes=(1, 3, 8)):
    export(run, out)
    session, metadata = opened(out)
    trained = run.load()
    for count in sizes:
        inputs = batch(metadata, count)
        logits, probabilities, predicted = session.run(None, {"inputs": inputs})
        with torch.inference_mode():
            wanted = trained.model(torch.from_numpy(inputs))
        assert logits.shape == (count, len(LABELS))
        assert np.allclose(logits, wanted, rtol=1e-4, atol=1e-4)
        assert np.allclose(probabilities, trained.calibrator(wanted), atol=1e-5)
        assert np.array_equal(predicted, probabilities > np.float32(metadata["threshold"]))
    return metadata


@pytest.mark.parametrize(
    ("name", "shape", "source"),
    [
        ("linear", (6,), "arff:a"),
        ("mlp", (2, 3), "table:t.npz"),
        ("small_cnn", (1, 12, 10), "digits"),
        ("small_cnn", (3, 8, 8), "table:t.npz"),
    ],
)
def test_a_file_gives_what_pytorch_gives_for_batches_of_any_size(tmp_path, capfd, name, shape, source):
    metadata = check_round_trip(made(tmp_path / "run", name, shape, source=source), tmp_path / "new" / "a.onnx")
    assert metadata["input_type"] == ("uint8" if source == "digits" else "float32")
    assert ("uint8 divided by 255" in metadata["input_meaning"]) == (shape == (3, 8, 8))
    assert json.loads(metadata["input_shape"]) == list(shape)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.onnx"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("name", "settings"),
    [("test_vit", {"head": "linear"}), ("test_resnet", {"head": "ml_decoder", "groups": 2, "width": 16})],
)
def test_a_backbone_is_exported_with_its_head_and_says_how_images_come_to_their_size(
    timm, tmp_path, capfd, name, settings
):
    data = DataOptions(image_size=64, resize="pad")
    run = made(
        tmp_path / "run", name, (3, 64, 64), source="coco:x", data=data, pretrained=False, pixels="backbone", **settings
    )
    metadata = check_round_trip(run, tmp_path / "a.onnx")
    assert (metadata["input_type"], metadata["image_size"], metadata["resize"]) == ("uint8", "64", "pad")
    assert metadata["input_meaning"].startswith("pixels 0..255, channels first (red, green, blue)")
    assert capfd.readouterr() == ("", "")


def test_the_file_alone_gives_the_labels_and_probabilities_that_predict_gives(tmp_path):
    features = csr_array(np.random.default_rng(0).poisson(0.3, (40, 6)).astype(np.float32) * 5)
    names = (*"abcde", "f, é")
    run = made(tmp_path / "run", "mlp", features=features, names=names)
    table = Table(
        "words", features, Labels(LABELS, csr_array((40, 3), dtype=bool)), np.full(40, "test"), feature_names=names
    )
    predict(run, table, tmp_path / "p.parquet")
    rows = pq.read_table(tmp_path / "p.parquet")

    export(run, tmp_path / "a.onnx", threshold=0.3)
    session, metadata = opened(tmp_path / "a.onnx")
    probabilities = session.run(["probabilities"], {"inputs": features.toarray()})[0]
    for label, column in zip(json.loads(metadata["labels"]), probabilities.T, strict=True):
        assert np.allclose(rows[f"p:{label}"], column, atol=1e-6)
    assert json.loads(metadata["feature_names"]) == list(names)
    assert json.loads(metadata["loss"]) == {"name": "asymmetric", "gamma_neg": 4.0}
    assert metadata["calibration"] == "closed form"
    assert (metadata["threshold"], metadata["epoch"]) == ("0.3", "7")
    assert metadata["lopsided_version"]


def test_features_of_any_size_are_checked_at_their_own_size(tmp_path):
    features = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32) * 1e6
    features[:, 0] = 1e6  # a constant, which is centred only
    done = export(made(tmp_path / "run", features=features), tmp_path / "a.onnx")
    assert done.largest_difference < 1e-5
    assert done.num_bytes == (tmp_path / "a.onnx").stat().st_size
    assert (done.input_type, done.input_shape, done.num_labels) == ("float32", (6,), 3)


@pytest.mark.parametrize(
    ("loss", "method"),
    [
        (LossOptions(name="asymmetric"), None),
        (LossOptions(name="asymmetric", gamma_pos=1.0, gamma_neg=4.0, margin=0.05, detach_focus=True), None),
        (LossOptions(name="adaptive"), None),
        (LossOptions(name="focal"), None),
        (LossOptions(name="asymmetric"), "temperature"),
        (LossOptions(name="asymmetric"), "platt"),
        (LossOptions(name="asymmetric"), "isotonic"),
    ],
    ids=lambda part: getattr(part, "name", part),
)
def test_logits_of_a_network_that_is_sure_come_out_as_predict_has_them(tmp_path, loss, method):
    features = np.random.default_rng(0).normal(size=(60, 6)).astype(np.float32)
    run = made(tmp_path / "run", loss=loss, scale=40.0)
    labels = Labels(LABELS, csr_array(np.arange(180).reshape(60, 3) % 3 == 0))
    table = Table("sure", features, labels, np.full(60, "test"))
    trained = run.load()
    logits = trained.model(torch.from_numpy(features)).detach()
    if method is not None:
        fit = fitted(logits, logits > 5, None, closed=trained.closed_form, method=method)
        run.calibration_file.write_text(json.dumps({"format": 1, "split": "val", "epoch": 7, **fit, "few": []}))
    predict(run, table, tmp_path / "p.parquet")
    rows = pq.read_table(tmp_path / "p.parquet")
    export(run, tmp_path / "a.onnx")
    came, probabilities, predicted = opened(tmp_path / "a.onnx")[0].run(None, {"inputs": features})
    assert came.max() > 25
    assert came.min() < -25
    for k, label in enumerate(LABELS):
        assert np.allclose(rows[f"p:{label}"], probabilities[:, k], rtol=0, atol=1e-5)
    names = rows["labels"].to_pylist()
    assert [sum(label in cell.split("|") for cell in names) for label in LABELS] == predicted.sum(axis=0).tolist()


def _of_a_runtime_without_digits(self, logits):
    """As a graph computes them that takes the logarithm of a sigmoid, and infinity from infinity."""
    p = torch.sigmoid(logits)
    rise, fall = torch.exp(torch.log(1 - p)) * p, torch.exp(torch.log(p))
    return p if not torch.compiler.is_compiling() else (rise / rise) * p * (fall / fall)


def test_a_calibration_that_loses_its_numbers_far_out_is_refused_though_random_inputs_stay_near(tmp_path, monkeypatch):
    monkeypatch.setattr(ClosedForm, "forward", _of_a_runtime_without_digits)
    with pytest.raises(
        ValueError, match=r"expected a.onnx to give PyTorch's probabilities to within 0.0001, got .* nan"
    ):
        export(made(tmp_path / "run"), tmp_path / "a.onnx")
    assert not (tmp_path / "a.onnx").exists()


def test_a_file_that_predicts_something_else_is_refused(tmp_path, monkeypatch):
    def differs(self, logits):
        probabilities = self.calibrator(logits)
        return probabilities, probabilities > self.thresholds + (0.3 if torch.compiler.is_compiling() else 0)

    monkeypatch.setattr(module._Served, "decide", differs)
    message = (
        r"expected a.onnx to predict what PyTorch predicts, got False for a probability of .* and a threshold of 0.5"
    )
    with pytest.raises(ValueError, match=message):
        export(made(tmp_path / "run"), tmp_path / "a.onnx")


def _table(path):
    features = np.random.default_rng(0).normal(size=(30, 6)).astype(np.float32)
    features[20:] += 1000  # of the validation split alone
    split = np.array(["train"] * 20 + ["val"] * 10)
    np.savez(path, features=features, labels=features[:, :3] > 0, split=split, label_names=np.array(LABELS))


def test_real_rows_of_the_validation_split_are_checked_too(tmp_path, monkeypatch):
    _table(tmp_path / "t.npz")
    run = made(tmp_path / "run", source=f"table:{tmp_path / 't.npz'}")
    assert export(run, tmp_path / "a.onnx").checked_on == "10 samples of val and random inputs"

    def differs(self, inputs):
        logits = self.model(inputs)
        if torch.compiler.is_compiling():
            logits = logits + 50 * (inputs[:, :1] > 100)
        return logits, *self.decide(logits)

    monkeypatch.setattr(module._Served, "forward", differs)
    with pytest.raises(ValueError, match="to give PyTorch's logits"):
        export(run, tmp_path / "a.onnx")


def test_data_that_is_gone_is_said(tmp_path):
    found = export(made(tmp_path / "run", source=f"table:{tmp_path / 'gone.csv'}"), tmp_path / "a.onnx").checked_on
    assert found.startswith("random inputs alone, because the run's data can't be read: ")
    assert "gone.csv" in found


def _moved(logits):
    return logits + 0.5


def _only_pairs(logits):
    return logits.reshape(2, -1)


def _without_translation(logits):
    return torch.special.bessel_j0(logits)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            _moved,
            r"expected a.onnx to give PyTorch's logits to within 0.0001, got a difference of 0.5; it was not written",
        ),
        (_only_pairs, r"expected a.onnx to run on 1 samples, got .*"),
        (_without_translation, r"expected the network to be one that ONNX can hold, got .*bessel_j0"),
    ],
)
def test_a_file_that_differs_from_pytorch_is_not_written(tmp_path, monkeypatch, capfd, change, message):
    run = made(tmp_path / "run")
    forward = module._Served.forward

    def differs(self, inputs):
        logits, *others = forward(self, inputs)
        return (change(logits) if torch.compiler.is_compiling() else logits), *others

    monkeypatch.setattr(module._Served, "forward", differs)
    out = tmp_path / "out" / "a.onnx"
    out.parent.mkdir()
    out.write_text("an earlier one")
    with pytest.raises(ValueError, match=message) as caught:
        export(run, out)
    assert len(str(caught.value).splitlines()) == 1
    assert [path.name for path in out.parent.iterdir()] == ["a.onnx"]
    assert out.read_text() == "an earlier one"
    assert capfd.readouterr() == ("", "")


def test_a_network_without_numbers_is_not_written(tmp_path):
    run = made(tmp_path / "run")
    path = run.checkpoints / "last.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["state_dict"]["model.1.bias"].fill_(float("nan"))
    torch.save(checkpoint, path)
    with pytest.raises(ValueError, match="got a difference of nan"):
        export(run, tmp_path / "a.onnx")
    assert not (tmp_path / "a.onnx").exists()


def test_weights_too_large_for_one_file_lie_beside_it_and_may_be_moved_with_it(tmp_path, monkeypatch):
    run = made(tmp_path / "run", "mlp")
    whole = export(run, tmp_path / "a.onnx")
    assert whole.data_path is None
    monkeypatch.setattr(module, "_LARGEST_FILE", 1000)
    done = export(run, tmp_path / "a.onnx")
    assert done.data_path == tmp_path / "a.onnx.data"
    assert done.num_bytes == done.path.stat().st_size + done.data_path.stat().st_size
    (tmp_path / "moved").mkdir()
    for path in (done.path, done.data_path):
        path.rename(tmp_path / "moved" / path.name)
    session, metadata = opened(tmp_path / "moved" / "a.onnx")
    inputs = batch(metadata, 4)
    with torch.inference_mode():
        wanted = run.load().model(torch.from_numpy(inputs))
    assert np.allclose(session.run(["logits"], {"inputs": inputs})[0], wanted, atol=1e-4)


def test_wrong_endings_thresholds_and_folders_are_refused(tmp_path):
    run = RunFolder(tmp_path)
    with pytest.raises(ValueError, match=r"to be the folder of a run, got one without config\.yaml"):
        export(run, tmp_path / "a.onnx")
    with pytest.raises(ValueError, match=r"expected the output to end in \.onnx, got a\.pt"):
        export(run, tmp_path / "a.pt")
    with pytest.raises(ValueError, match=r"expected threshold to lie in \[0, 1\], got 2"):
        export(made(tmp_path / "run"), tmp_path / "a.onnx", threshold=2)


@pytest.mark.parametrize("missing", ["onnx", "onnxscript", "onnxruntime"])
def test_a_missing_package_is_named_with_the_line_that_installs_it(tmp_path, monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ModuleNotFoundError) as caught:
        export(RunFolder(tmp_path), tmp_path / "a.onnx")
    assert str(caught.value) == f'export needs {missing}: pip install "lopsided[export]"'
    assert caught.value.name == missing
