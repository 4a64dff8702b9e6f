"""The lines of the documentation that bring a picture to an exported network, beside ``predict``."""

import json
import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from lopsided.data import DataOptions, read_source
from lopsided.inference.exports.onnx_file import export
from lopsided.inference.predict import predict
from tests.inference.exports.test_onnx_file import LABELS, made, opened


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Pictures of odd sizes and modes, with EXIF, and one so large that it is decoded at a part of its size."""
    image = pytest.importorskip("PIL.Image")
    folder, draw = tmp_path_factory.mktemp("pictures"), np.random.default_rng(5)

    def scene(width, height, bands=3):
        rough = draw.integers(0, 256, (7, 5, bands), dtype=np.uint8)
        return image.fromarray(rough.squeeze()).resize((width, height), image.Resampling.BICUBIC)

    turned = image.Exif()
    turned[0x0112] = 6
    scene(331, 97).save(folder / "wide.jpg")
    scene(61, 203).save(folder / "turned.jpg", exif=turned)
    scene(1500, 1100).save(folder / "large.jpg", quality=95)
    scene(90, 90, 1).save(folder / "grey.jpg")
    scene(120, 77).convert("CMYK").save(folder / "cmyk.jpg")
    scene(33, 40, 4).save(folder / "transparent.png")
    scene(50, 31).quantize(9).save(folder / "palette.gif", transparency=3)
    rows = "".join(f"{file.name},{LABELS[0]}\n" for file in sorted(folder.iterdir()))
    (folder / "labels.csv").write_text(f"path,labels\n{rows}")
    return folder


@pytest.mark.parametrize("how", ["squash", "crop", "pad"])
def test_the_lines_of_the_documentation_give_what_predict_gives_of_any_picture(timm, tmp_path, pictures, how):
    run = made(
        tmp_path / "run",
        "test_resnet",
        (3, 64, 64),
        source=f"listing:{pictures / 'labels.csv'}",
        data=DataOptions(image_size=64, resize=how),
        pretrained=False,
        pixels="backbone",
    )
    with torch.no_grad():  # its answers must depend on the pixels
        checkpoint = torch.load(run.checkpoints / "last.ckpt", weights_only=True)
        checkpoint["state_dict"]["model.head.1.weight"] *= 40
        torch.save(checkpoint, run.checkpoints / "last.ckpt")
    data = read_source(run.config().source, DataOptions(validation_share=0))
    predict(run, data, tmp_path / "p.parquet")
    rows = pq.read_table(tmp_path / "p.parquet")
    export(run, tmp_path / "a.onnx")
    session, about = opened(tmp_path / "a.onnx")
    page = (Path(__file__).parents[3] / "docs" / "how-to" / "onnx.md").read_text(encoding="utf-8")
    lines = next(block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "def pixels" in block)
    shown = {"np": np}
    exec(lines, shown)
    batch = np.stack([shown["pixels"](pictures / file, about) for file in rows["path"].to_pylist()])
    found = session.run(["probabilities"], {"inputs": batch})[0]
    wanted = np.stack([rows[f"p:{label}"].to_numpy() for label in LABELS], axis=1)
    assert np.ptp(wanted, axis=0).max() > 0.05
    np.testing.assert_allclose(found, wanted, atol=1e-3)
    assert about["resize_filter"] == "bilinear"
    assert json.loads(about["scaling"])["mean"] == [0.5, 0.5, 0.5]
