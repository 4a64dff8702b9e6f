import numpy as np
import pytest

from lopsided.experiments.tuning.search import Search
from lopsided.models import ModelOptions
from lopsided.training import TrainingOptions
from tests.experiments.conftest import made_arrays


@pytest.fixture
def source(tmp_path):
    """A table file with train, val and test splits."""
    features, targets = made_arrays(samples=120)
    path = tmp_path / "made.npz"
    np.savez(path, features=features, labels=targets, split=np.array(["train"] * 70 + ["val"] * 25 + ["test"] * 25))
    return f"table:{path}"


@pytest.fixture
def search(source):
    """Eight trials of a linear layer, two epochs."""
    return Search(
        source=source,
        trials=8,
        model=ModelOptions(name="linear"),
        training=TrainingOptions(epochs=2, batch_size=35, accelerator="cpu"),
    )
