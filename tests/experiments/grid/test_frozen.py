import dataclasses

import numpy as np
import pytest
import torch

from lopsided.data import read_source
from lopsided.experiments.grid.frozen import frozen_inputs
from lopsided.experiments.grid.inputs import grid_inputs
from lopsided.experiments.tuning.search import Search
from lopsided.experiments.tuning.tune import tune
from lopsided.experiments.tuning.work import Work
from lopsided.models import ModelOptions, build_model
from lopsided.runs.start import start_head
from lopsided.training import TrainingOptions
from tests.experiments.tuning.test_tune import trials_in

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:Detected pickle protocol"),
]


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """A search on 36 small pictures and a frozen backbone with random weights."""
    pytest.importorskip("timm", reason="images need the extra vision", exc_type=(ImportError, RuntimeError))
    from PIL import Image

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    draw, lines = np.random.default_rng(0), ["path,split,labels"]
    for number in range(36):
        split = "train" if number < 20 else "val" if number < 28 else "test"
        Image.fromarray(draw.integers(0, 255, (32, 32, 3), np.uint8)).save(tmp_path / f"{number}.png")
        lines.append(f"{number}.png,{split},{'a' if number % 2 else 'a|b'}")
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n")
    weights = tmp_path / "weights.pth"
    import timm

    torch.manual_seed(0)
    torch.save(timm.create_model("tf_efficientnet_lite0").state_dict(), weights)
    search = Search(f"listing:{tmp_path / 'labels.csv'}", trials=3)
    return dataclasses.replace(
        search,
        model=ModelOptions(name="tf_efficientnet_lite0", weights=str(weights), frozen=True),
        data=dataclasses.replace(search.data, image_size=32),
        training=TrainingOptions(epochs=2, batch_size=10, workers=0, accelerator="cpu"),
    )


def test_heads_on_a_frozen_backbone_train_as_one_model_and_come_to_what_train_comes_to(tmp_path, photos):
    found = tune(photos, tmp_path / "out")
    rows = [float(row["val_mAP"]) for row in _run(found.run).rows() if row["val_mAP"]]
    assert max(rows) == pytest.approx(found.about["val_mAP"], abs=1e-5)
    assert len(trials_in(tmp_path / "out")) == 3


def test_what_changes_from_epoch_to_epoch_is_trained_one_by_one(tmp_path, photos):
    assert Work(photos, tmp_path).why_one_by_one is None
    augmented = dataclasses.replace(photos, data=dataclasses.replace(photos.data, cutout=0.5))
    assert Work(augmented, tmp_path).why_one_by_one
    whole = dataclasses.replace(photos, model=dataclasses.replace(photos.model, frozen=None))
    assert Work(whole, tmp_path).why_one_by_one


def _run(path):
    from lopsided.runs.folder import RunFolder

    return RunFolder(path)


@pytest.mark.parametrize("seed", [0, 5])
def test_the_head_of_a_seed_is_that_which_train_begins_with_and_nothing_else_is_drawn(photos, seed):
    model = dataclasses.replace(photos.model, head_bias="prior", head_scale=2.0)
    data, images = read_source(photos.source), photos.data.images(frozen=True)
    inputs = frozen_inputs(data, model, photos.training, images)
    state = torch.get_rng_state()
    head = inputs.head(seed)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(seed)
    network = build_model(model, input_shape=(3, 32, 32), num_labels=2)
    start_head(network, model, labels=data.labels.take(data.rows("train")))
    for one, other in zip(head.parameters(), network.head.parameters(), strict=True):
        assert torch.equal(one, other)
    next(head.parameters()).data.zero_()
    assert next(inputs.head(seed).parameters()).abs().sum() > 0  # each is of its own


def test_a_sweep_trains_a_layer_of_its_own_on_features_of_images(photos):
    data, images = read_source(photos.source), photos.data.images(frozen=True)
    inputs = grid_inputs(data, photos.model, photos.training, images)
    assert inputs.network is None
    assert inputs.model == ModelOptions(name="linear")
    assert np.array_equal(
        inputs.table.features, frozen_inputs(data, photos.model, photos.training, images).table.features
    )
