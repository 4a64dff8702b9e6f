import dataclasses

import numpy as np
import pytest
from scipy.sparse import csr_array

from lopsided.data import Labels, Table
from lopsided.inference.by_label import blocks
from lopsided.training import Config, LossOptions, TrainingOptions
from lopsided.training.fit import fit

LABELS = 23


@pytest.fixture
def by_label(monkeypatch):
    """Few scores are too many to hold, and a block has those of seven labels."""

    def begin():
        monkeypatch.setattr(blocks, "MOST_SCORES", 1)
        monkeypatch.setattr(blocks, "AT_A_TIME", 7 * 60)

    return begin


def data(*, sparse=False, way="known"):
    draw = np.random.default_rng(0)
    features = draw.normal(size=(220, 12)).round(1).astype(np.float32)
    has = features @ draw.normal(size=(12, LABELS)) > draw.uniform(2, 6, size=LABELS)
    has[:, 5] = False
    other = (draw.random(has.shape) < 0.4) & ~has
    other[200] = ~has[200]
    further = {} if way == "known" else {way: csr_array(other)}
    splits = np.array(["train"] * 100 + ["val"] * 60 + ["test"] * 60)
    labels = Labels(tuple(f"label {k}" for k in range(LABELS)), csr_array(has), **further)
    inputs = csr_array(features * (features > 0)) if sparse else features
    return Table("many", inputs, labels, splits, stays_sparse=sparse)


@pytest.fixture
def trained(tmp_path):
    """A run on data of a kind, and the data."""

    def make(loss="asymmetric", **kind):
        table = data(**kind)
        config = Config(
            source="table:many.csv",
            loss=LossOptions(name=loss),
            training=TrainingOptions(epochs=2, batch_size=16, accelerator="cpu"),
        )
        if kind.get("sparse"):
            config = dataclasses.replace(config, source="svmlight:many.txt")
        return fit(config, tmp_path / "run", data=table), table

    return make
