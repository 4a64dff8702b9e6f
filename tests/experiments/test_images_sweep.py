"""A sweep on images: of a frozen backbone in one batch, on what it makes of them; else one by one."""

import numpy as np
import pytest

from lopsided.data import DataOptions
from lopsided.experiments.plan import Sweep
from lopsided.experiments.runner import Work
from lopsided.experiments.settings import settings_of
from lopsided.experiments.sweep import run_sweep
from lopsided.models import ModelOptions
from lopsided.training import TrainingOptions

Image = pytest.importorskip("PIL.Image", reason="images need Pillow")
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:Detected pickle protocol"),
]


@pytest.fixture
def source(tmp_path):
    draw = np.random.default_rng(0)
    lines = ["path,split,labels"]
    for i in range(48):
        pixels = draw.integers(0, 150, (32, 32, 3), dtype=np.uint8)
        has = draw.random(2) < 0.4
        pixels[..., :2] += 100 * has.astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
        labels = "|".join(name for name, there in zip("ab", has, strict=True) if there)
        lines.append(f"{i}.png,{('train', 'train', 'val', 'test')[i % 4]},{labels}")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    return f"listing:{tmp_path / 'labels.csv'}"


def sweep_on(source, model):
    return Sweep(
        name="losses",
        source=source,
        settings=tuple(settings_of("losses", grid=["asymmetric", "distribution_balanced"])),
        seeds=1,
        trials=1,
        missing=(0.0,),
        data=DataOptions(image_size=32),
        model=model,
        training=TrainingOptions(epochs=2, batch_size=8, workers=0, accelerator="cpu"),
    )


def test_what_a_frozen_backbone_makes_of_images_is_swept_in_one_batch(tmp_path, monkeypatch, timm, source):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    wanted = sweep_on(source, ModelOptions(name="test_resnet", frozen=True, pretrained=False))
    assert Work(wanted, tmp_path / "out", progress=lambda _: None).why_one_by_one is None
    rows = run_sweep(wanted, tmp_path / "out", storage=f"sqlite:///{tmp_path / 'study.db'}").values()
    assert {row.setting for row in rows} == {"cross_entropy", "asymmetric", "distribution_balanced"}
    assert all(np.isfinite(row.test["mAP"]) for row in rows if row.stage == "final")


def test_images_are_swept_one_by_one_otherwise(tmp_path, source):
    wanted = sweep_on(source, ModelOptions(name="small_cnn", width=4))
    assert Work(wanted, tmp_path / "out", progress=lambda _: None).why_one_by_one == "images are trained on one by one"
    rows = run_sweep(wanted, tmp_path / "out", storage=f"sqlite:///{tmp_path / 'study.db'}").values()
    assert all(np.isfinite(row.test["mAP"]) for row in rows if row.stage == "final")
