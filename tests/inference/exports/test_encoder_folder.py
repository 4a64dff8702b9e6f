"""A text encoder as a folder that transformers loads by itself."""

import dataclasses
import json
import re

import pytest
import torch

from lopsided.cli.main import main
from lopsided.data import DataError, DataOptions, read_source
from lopsided.inference.export import export
from lopsided.inference.hub import write_hub_folder
from lopsided.inference.scoring import collected
from lopsided.models import ModelOptions, TextNetwork
from lopsided.runs.config import Config, TrainingOptions
from lopsided.training.fit import fit
from tests.models.texts.tiny_encoder import write_tiny_encoder

transformers = pytest.importorskip("transformers")

TEXTS = ["the cat purrs", "", "A LOUD dog, the <b>red</b> one, barks \x00 👩‍👩‍👧 שלום", "the soft cat " * 40]


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = write_tiny_encoder(tmp_path / "tiny")
    rows = [
        {
            "text": f"{['the cat purrs', 'a dog barks'][k % 2]} {['red', 'green', 'blue', 'soft'][k % 4]}",
            "labels": [["cat"], ["dog"]][k % 2],
        }
        for k in range(32)
    ]
    file = tmp_path / "pets.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    training = TrainingOptions(epochs=2, batch_size=8, learning_rate=1e-2, accelerator="cpu")
    return Config(source=f"text:{file}", model=ModelOptions(name=str(folder), max_length=12), training=training)


def with_model(config, **options):
    return dataclasses.replace(config, model=dataclasses.replace(config.model, **options))


def logits_of(run, texts, tmp_path):
    file = tmp_path / "new.jsonl"
    file.write_text("".join(json.dumps({"text": text, "labels": ["cat", "dog"]}) + "\n" for text in texts))
    data = read_source(f"text:{file}", DataOptions(validation_share=0), label_names=("cat", "dog"))
    return collected(run.load(), data, split="train", batch_size=2).logits


@pytest.mark.parametrize("pooling", ["mean", "first"])
def test_the_lines_of_the_card_give_the_logits_of_the_run(config, tmp_path, pooling):
    run = fit(with_model(config, pooling=pooling, dropout=0.1), tmp_path / "run")
    done = write_hub_folder(run, tmp_path / "published", with_onnx=False)
    assert done.architecture == "BertForTokenClassification"
    assert done.largest_difference < 1e-4
    card = (done.path / "README.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    space = {}
    exec(lines.replace("FOLDER", str(done.path)).replace('["a text", "another"]', repr(TEXTS)), space)
    torch.testing.assert_close(space["logits"], logits_of(run, TEXTS, tmp_path), atol=1e-4, rtol=1e-4)
    assert space["labels"] == {0: "cat", 1: "dog"}
    assert {"config.json", "model.safetensors", "tokenizer.json", "thresholds.csv", "README.md"} <= set(done.files)
    assert "AutoModelForSequenceClassification` and `pipeline` would put an untrained layer" in card


def test_such_a_folder_is_a_start_for_another_run(config, tmp_path):
    run = fit(config, tmp_path / "run")
    folder = write_hub_folder(run, tmp_path / "published", with_onnx=False).path
    trained = run.load().model.backbone.state_dict()
    for name, options in (("weights", {"weights": str(folder)}), ("name", {"name": str(folder)})):
        next_one = fit(with_model(config, frozen=True, **options), tmp_path / name).load().model
        assert isinstance(next_one, TextNetwork)
        for key, tensor in next_one.backbone.state_dict().items():
            torch.testing.assert_close(tensor, trained[key])


def test_weights_that_are_no_folder_or_do_not_fit_are_refused(config, tmp_path):
    with pytest.raises(DataError, match="expected model.weights of a text encoder to be a folder with model.safetens"):
        fit(with_model(config, weights=str(tmp_path / "nothing")), tmp_path / "run")
    other = write_tiny_encoder(tmp_path / "other", size=16)
    with pytest.raises(DataError, match=r"expected the \d+ tensors of the network that config.json describes, got"):
        fit(with_model(config, weights=str(other)), tmp_path / "run")


def test_an_encoder_that_transformers_heads_otherwise_is_refused_and_goes_as_onnx(config, tmp_path, monkeypatch):
    import lopsided.inference.exports.encoder_folder as module

    run = fit(config, tmp_path / "run")
    original = transformers.BertForTokenClassification.state_dict

    def with_another_layer(self, *args, **kwargs):
        return {**original(self, *args, **kwargs), "head.dense.weight": torch.zeros(2)}

    monkeypatch.setattr(transformers.BertForTokenClassification, "state_dict", with_another_layer)
    with pytest.raises(
        ValueError, match="got BertForTokenClassification, which also has head.dense.weight; export it to"
    ):
        module.EncoderFolder(run.load())
    assert not (tmp_path / "published").exists()


def test_the_verb_writes_the_folder_with_onnx_beside_it(config, tmp_path, capsys):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    run = fit(config, tmp_path / "run")
    out = tmp_path / "published"
    assert main(["export", str(run.path), str(out), "--format", "hub"]) == 0
    said = capsys.readouterr().out
    assert f'network = AutoModelForTokenClassification.from_pretrained("{out}").eval()' in said
    assert (out / "model.onnx").is_file()
    assert (out / "model.tokenizer.json").is_file()
    export(run, tmp_path / "again.onnx")
