"""Every preset is a configuration that trains, and the page about them says what is in it."""

import re
from pathlib import Path

import pytest
import yaml

from lopsided.cli.main import main
from lopsided.data import DataOptions, read_source
from lopsided.models import ModelOptions, build_model
from lopsided.presets import preset_file, preset_names
from lopsided.training import LossOptions, TrainingOptions

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"
PAGE = (HOW_TO / "images.md").read_text(encoding="utf-8")
MINILM = "all-minilm-l6-v2"
OF_TEXTS = {"tfidf-linear": "tfidf", "head-on-minilm": MINILM, "finetune-minilm": MINILM}


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_is_made_of_options_that_there_are(timm, name):
    groups = yaml.safe_load(preset_file(name).read_text(encoding="utf-8"))
    kinds = {"data": DataOptions, "model": ModelOptions, "loss": LossOptions, "training": TrainingOptions}
    made = {group: kinds[group](**options) for group, options in groups.items()}
    assert made["training"].epochs > 0
    if name in OF_TEXTS:
        assert made["model"].name == OF_TEXTS[name]
        return
    wants = timm.get_pretrained_cfg(made["model"].name)
    assert wants.has_weights or made["model"].name == "tf_efficientnet_lite0"


@pytest.mark.parametrize("name", preset_names())
def test_the_page_names_every_preset(name):
    assert f"`{name}`" in PAGE + "".join(
        (HOW_TO / f"{page}.md").read_text(encoding="utf-8") for page in ("sparse-tables", "texts")
    )


def test_the_page_names_pixels_as_the_presets_have_them():
    rows = re.findall(r"^\| `([\w-]+)` \| .*? \| (\d+) \| `lopsided train .*? --config ([\w-]+) ", PAGE, re.MULTILINE)
    assert len(rows) == 8
    for name, pixels, config in rows:
        assert name == config
        assert yaml.safe_load(preset_file(name).read_text())["data"]["image_size"] == int(pixels)


@pytest.mark.slow
def test_a_tresnet_of_the_paper_is_built_with_unit_pixels(timm):
    options = yaml.safe_load(preset_file("coco-tresnet-m").read_text())["model"]
    network = build_model(ModelOptions(**options), input_shape=(3, 224, 224), num_labels=80, load_weights=False)
    assert network.pixels.mean is None
    assert network.head[1].out_features == 80


def test_an_unknown_preset_is_refused_with_the_nearest(capsys):
    assert main(["train", "digits", "--config", "coco-tresnet-k"]) == 2
    assert (
        "expected --config to be a file or a preset, got 'coco-tresnet-k'; did you mean coco-tresnet-"
        in capsys.readouterr().err
    )
    assert main(["train", "digits", "--config=nothing-like-it"]) == 2
    assert "presets are coco-ml-decoder, " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "table", "image"),
    [
        ("planet", "image_name,tags\ntrain_0,haze primary\n", "train-jpg/train_0.jpg"),
        ("imet", "id,attribute_ids\n1000483014d91860,147 616\n", "train/1000483014d91860.png"),
    ],
)
def test_presets_of_competitions_know_their_tables(tmp_path, name, table, image):
    (tmp_path / "train.csv").write_text(table)
    (tmp_path / image).parent.mkdir()
    (tmp_path / image).touch()
    options = yaml.safe_load(preset_file(name).read_text(encoding="utf-8"))["data"]
    data = read_source(f"listing:{tmp_path}/train.csv", DataOptions(**options, validation_share=0))
    assert data.path(0) == tmp_path / image
    assert len(data.labels.names) == data.labels.positives.nnz == 2
