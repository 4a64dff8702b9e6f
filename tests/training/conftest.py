import numpy as np
import pytest
from scipy.sparse import csr_array

from lopsided.data import Labels, Table
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
