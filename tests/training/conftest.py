import numpy as np
import pytest
from scipy.sparse import csr_array

from lopsided.data import Labels, Manifest, Table
from lopsided.training import Config, LossOptions, TrainingOptions


@pytest.fixture
def table():
    """300 samples whose two labels can be read off their features, and a third at random."""
    draw = np.random.default_rng(0)
    features = draw.normal(size=(300, 6)).astype(np.float32) * [1, 1, 100, 1, 1, 1]
    targets = np.stack([features[:, 0] > 0.8, features[:, 2] > 100, draw.random(300) < 0.2], axis=1)
    splits = np.array(["train"] * 200 + ["val"] * 50 + ["test"] * 50)
    return Table("made", features.astype(np.float32), Labels(("a", "b", "c"), csr_array(targets)), splits)


@pytest.fixture
def config():
    return Config(
        source="table:made.csv",
        loss=LossOptions(name="adaptive"),
        training=TrainingOptions(epochs=3, batch_size=32, accelerator="cpu"),
    )


@pytest.fixture
def make_manifest(tmp_path):
    """Images of 16 pixels, mostly red or not and mostly blue or not, which is what their two labels say."""

    def make(count, *, broken=(), splits=("train", "train", "val", "test")):
        from PIL import Image

        draw = np.random.default_rng(0)
        has = draw.random((count, 2)) < 0.5
        root = tmp_path / "pictures"
        root.mkdir(exist_ok=True)
        for row in range(count):
            pixels = draw.integers(0, 120, size=(16, 16, 3), dtype=np.uint8)
            pixels[..., 0] += 130 * has[row, 0].astype(np.uint8)
            pixels[..., 2] += 130 * has[row, 1].astype(np.uint8)
            path = root / f"{row:03d}.png"
            path.write_bytes(b"no picture") if row in broken else Image.fromarray(pixels).save(path)
        paths = np.array([f"{row:03d}.png" for row in range(count)], dtype=np.dtypes.StringDType())
        labels = Labels(("red", "blue"), csr_array(has))
        return Manifest("pictures", root, paths, labels, np.array(splits)[np.arange(count) % len(splits)])

    return make
