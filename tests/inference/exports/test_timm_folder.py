"""A run as a folder that timm loads by itself."""

import csv
import json

import pytest
import torch

from lopsided.data import DataOptions
from lopsided.inference.exports.hub_folder import push, write_hub_folder
from lopsided.models import ModelOptions, build_model
from tests.inference.exports.test_onnx_file import LABELS, made

pytest.importorskip("safetensors")

SETTINGS = {"source": "listing:l.csv", "data": DataOptions(image_size=64, resize="crop"), "pretrained": False}


@pytest.fixture
def published(timm, tmp_path):
    run = made(tmp_path / "run", "test_resnet", (3, 64, 64), pixels="backbone", **SETTINGS)
    return run, write_hub_folder(run, tmp_path / "out", threshold=0.3, with_onnx=False)


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_timm_alone_gives_the_logits_of_the_run(timm, published):
    run, done = published
    network = timm.create_model(f"local-dir:{done.path}", pretrained=True).eval()
    about = timm.data.resolve_model_data_config(network)
    assert (list(about["input_size"]), about["crop_pct"], about["crop_mode"]) == ([3, 64, 64], 1.0, "center")
    assert about["interpolation"] == "bilinear"
    images = torch.randint(0, 256, (3, 3, 64, 64), dtype=torch.uint8)
    mean, std = (torch.tensor(about[name]).view(-1, 1, 1) for name in ("mean", "std"))
    with torch.inference_mode():
        torch.testing.assert_close(network((images / 255 - mean) / std), run.load().model(images))
    assert done.largest_difference < 1e-4


@pytest.mark.parametrize("name", ["test_vit", "test_efficientnet", "test_byobnet"])
def test_networks_of_every_family_are_the_same_in_timm(timm, tmp_path, name):
    run = made(tmp_path / "run", name, (3, 64, 64), pixels="unit", **SETTINGS)
    done = write_hub_folder(run, tmp_path / "out", with_onnx=False)
    assert done.largest_difference < 1e-4
    assert json.loads((done.path / "config.json").read_text())["pretrained_cfg"]["std"] == [1.0, 1.0, 1.0]


def test_tags_and_thresholds_stand_in_tables_and_the_card_says_how_to_use_it(published):
    _, done = published
    tags = rows(done.path / "selected_tags.csv")
    assert [tag["name"] for tag in tags] == list(LABELS)
    assert [(tag["id"], tag["best_threshold"], tag["count"]) for tag in tags] == [(str(i), "0.3", "") for i in range(3)]
    assert [row["threshold"] for row in rows(done.path / "thresholds.csv")] == ["0.3"] * 3
    assert done.counted_on.startswith("none, because the run's data can't be read")
    card = (done.path / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\nlibrary_name: timm\n")
    for words in ("closed form", "above a probability of 0.3", '"gamma_neg": 4.0', "`l.csv`, read as `listing`"):
        assert words in card
    assert done.files == ("README.md", "config.json", "model.safetensors", "selected_tags.csv", "thresholds.csv")


def test_such_a_folder_is_a_start_for_another_run(published):
    run, done = published
    options = ModelOptions(name="test_resnet", weights=str(done.path))
    network = build_model(options, input_shape=(3, 64, 64), num_labels=9)
    wanted = run.load().model.backbone.state_dict()
    for name, tensor in network.backbone.state_dict().items():
        torch.testing.assert_close(tensor, wanted[name])


def test_a_network_that_timm_does_not_have_is_refused(timm, tmp_path):
    with pytest.raises(ValueError, match="expected a backbone of timm with model.head=linear, .* got another network"):
        write_hub_folder(made(tmp_path / "linear"), tmp_path / "out")
    decoder = {"head": "ml_decoder", "groups": 2, "width": 16}
    run = made(tmp_path / "decoder", "test_resnet", (3, 64, 64), **SETTINGS, **decoder)
    with pytest.raises(ValueError, match=r"model.head=linear, .* got MLDecoder"):
        write_hub_folder(run, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_something_is_left_alone(published, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.txt").write_text("mine")
    with pytest.raises(ValueError, match="to be a folder that is absent or empty, got one with files in it"):
        write_hub_folder(published[0], tmp_path / "mine")
    assert [file.name for file in (tmp_path / "mine").iterdir()] == ["a.txt"]


def test_an_upload_that_fails_is_said_in_one_line(published, monkeypatch):
    hub = pytest.importorskip("huggingface_hub")

    def refuse(*_, **__):
        raise ConnectionError("no way\nout")

    monkeypatch.setattr(hub.HfApi, "create_repo", refuse)
    with pytest.raises(ValueError, match="to me/tags, got ConnectionError: no way out; the folder is kept"):
        push(published[1].path, "me/tags")


def test_an_upload_hands_over_the_folder(published, monkeypatch):
    hub, calls = pytest.importorskip("huggingface_hub"), []
    monkeypatch.setattr(hub.HfApi, "create_repo", lambda _, name, **options: calls.append((name, options)))
    monkeypatch.setattr(hub.HfApi, "upload_folder", lambda _, **options: calls.append(options))
    assert push(published[1].path, "me/tags") == "https://huggingface.co/me/tags"
    assert calls[0] == ("me/tags", {"exist_ok": True})
    assert (calls[1]["repo_id"], calls[1]["folder_path"]) == ("me/tags", published[1].path)
