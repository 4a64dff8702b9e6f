import json
import shutil

import numpy as np
import pyarrow.csv
import pytest

from lopsided.cli.export import main as export
from lopsided.cli.predict import main as predict
from lopsided.cli.train import main as train

# what Lightning and TensorBoard themselves warn of
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


def test_what_is_printed_serves_a_trained_run_from_the_file_alone(capsys, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    draw = np.random.default_rng(0)
    features = draw.normal(size=(90, 5)).astype(np.float32)
    names, split = np.array(["sea", "sun, sand", "🐈"]), np.array(["train"] * 60 + ["val"] * 15 + ["test"] * 15)
    np.savez(tmp_path / "t.npz", features=features, labels=features[:, :3] > 0.5, split=split, label_names=names)
    run, out = tmp_path / "it's a run", tmp_path / "it's a.onnx"
    small = ["--training.epochs", "1", "--training.batch_size", "16", "--training.accelerator", "cpu"]
    train([f"table:{tmp_path / 't.npz'}", *small, "--out", str(run)])
    predict([str(run), "--out", str(tmp_path / "p.csv")])
    capsys.readouterr()

    assert export([str(run), str(out)]) == 0
    printed, err = capsys.readouterr()
    assert err == ""
    assert f"wrote {out}: 0.1 MB\n" in printed
    assert "inputs: float32 (samples, 5), features in the order of the data" in printed
    assert "logits, probabilities: float32 (samples, 3)\n" in printed
    assert "predicted: bool (samples, 3), probabilities above 0.5\n" in printed
    assert "largest difference to PyTorch: " in printed

    shutil.rmtree(run)
    example = [line.strip() for line in printed.splitlines() if line.startswith("  ")]
    assert len(example) == 3
    given = {"json": json, "onnxruntime": onnxruntime, "inputs": features[75:]}
    exec("\n".join(example), given)
    predicted = pyarrow.csv.read_csv(tmp_path / "p.csv")
    for label, column in zip(given["labels"], given["probabilities"].T, strict=True):
        assert np.allclose(predicted[f"p:{label}"], column, atol=1e-5)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "runs/x a.pt",
            "lopsided export: error: expected FILE to end in .onnx, got a.pt (--format hub writes a folder)\n",
        ),
        ("runs/x a.onnx --threshold 2", "expected --threshold to be a number in [0, 1], got '2'\n"),
        ("runs/x", "file"),
    ],
)
def test_wrong_usage_is_one_line_with_exit_code_2(capsys, line, message):
    with pytest.raises(SystemExit) as end:
        export(line.split())
    assert end.value.code == 2
    err = capsys.readouterr().err
    assert message in err
    assert len(err.splitlines()) == 1


def test_a_folder_for_a_hub_is_written_by_the_verb(capsys, tmp_path, timm):
    from tests.inference.exports.test_onnx_file import DataOptions, made

    data = DataOptions(image_size=64)
    run = made(tmp_path / "run", "test_resnet", (3, 64, 64), source="listing:l.csv", data=data, pretrained=False)
    assert export([str(run.path), str(tmp_path / "out"), "--format", "hub"]) == 0
    printed, err = capsys.readouterr()
    assert err == ""
    assert "README.md, config.json, model.onnx, model.safetensors, selected_tags.csv, thresholds.csv\n" in printed
    assert f'timm.create_model("local-dir:{tmp_path / "out"}", pretrained=True).eval()' in printed


def test_an_upload_without_a_folder_is_refused(capsys):
    with pytest.raises(SystemExit) as end:
        export(["runs/a", "a.onnx", "--push", "me/a"])
    assert end.value.code == 2
    assert "expected --push with --format hub, got --format onnx" in capsys.readouterr().err
