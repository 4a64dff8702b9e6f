import dataclasses
import json
import shutil

import numpy as np
import pytest
import torch

from lopsided.cli.main import main
from lopsided.data import DataError, DataOptions, read_source
from lopsided.inference.predict import likeliest, predict
from lopsided.inference.scoring import collected
from lopsided.metrics import mean_average_precision
from lopsided.models import ModelOptions, build_model
from lopsided.runs.config import Config, TrainingOptions
from lopsided.runs.preparations import fit_preparation
from lopsided.training.fit import fit
from lopsided.training.frozen_features import frozen_features
from lopsided.training.loop.epochs import Loop
from tests.models.texts.tiny_encoder import write_tiny_encoder


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def config(tmp_path):
    folder = write_tiny_encoder(tmp_path / "tiny")
    kinds = [("the cat purrs", ["cat"]), ("a dog barks loud", ["dog"]), ("a cat the dog", ["cat", "dog"])]
    colours = ["red", "green", "blue", "soft"]
    rows = [
        {
            "id": f"n{k}",
            "text": f"{kinds[k % 3][0]} {colours[k % 4]}",
            "labels": kinds[k % 3][1],
            "split": ["train", "train", "val", "test"][k // 3 % 4],
        }
        for k in range(96)
    ]
    file = tmp_path / "pets.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    training = TrainingOptions(epochs=8, batch_size=16, learning_rate=1e-2, accelerator="cpu", ema_decay=0.9)
    return Config(source=f"text:{file}", model=ModelOptions(name=str(folder)), training=training)


def with_model(config, **options):
    return dataclasses.replace(config, model=dataclasses.replace(config.model, **options))


@pytest.mark.parametrize("options", [{}, {"frozen": True}, {"layer_decay": 0.9, "pooling": "first"}])
def test_an_encoder_learns_which_words_mean_a_label(config, tmp_path, options):
    if options.get("frozen"):  # random features need more of a head
        config = dataclasses.replace(
            config, training=dataclasses.replace(config.training, epochs=60, learning_rate=0.1)
        )
    run = fit(with_model(config, **options), tmp_path / "run")
    data = read_source(config.source, DataOptions())
    scores = collected(run.load(), data, split="test", batch_size=5)
    assert mean_average_precision(scores.logits, scores.targets) > 0.95


def test_a_run_needs_neither_the_folder_of_the_encoder_nor_its_own_place(config, tmp_path):
    run = fit(with_model(config, frozen=True), tmp_path / "run")
    data = read_source(config.source, DataOptions())
    wanted = collected(run.load(), data, split="test", batch_size=16).logits
    shutil.rmtree(config.model.name)
    run.path.rename(tmp_path / "moved")
    moved = dataclasses.replace(run, path=tmp_path / "moved")
    torch.testing.assert_close(collected(moved.load(), data, split="test", batch_size=3).logits, wanted)


@pytest.mark.parametrize("name", ["tfidf", "encoder"])
def test_a_run_stopped_after_an_epoch_and_resumed_equals_one_that_was_not(config, tmp_path, monkeypatch, name):
    if name == "tfidf":
        config = with_model(config, name=name)
    whole = fit(config, tmp_path / "whole")
    original = Loop._save

    def stop(self, **others):
        original(self, **others)
        raise KeyboardInterrupt

    monkeypatch.setattr(Loop, "_save", stop)
    with pytest.raises(KeyboardInterrupt):
        fit(config, tmp_path / "cut")
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    cut = fit(config, tmp_path / "cut", resume=True)
    assert cut.metrics_file.read_text() == whole.metrics_file.read_text()
    assert cut.load().weights == whole.load().weights


def test_predictions_are_called_by_the_ids_of_the_texts(config, tmp_path):
    run = fit(with_model(config, frozen=True), tmp_path / "run")
    count, unreadable = predict(run, read_source(config.source, DataOptions()), tmp_path / "p.csv", split="test")
    lines = (tmp_path / "p.csv").read_text().splitlines()
    assert (count, unreadable, lines[0]) == (24, [], '"id","labels","p:cat","p:dog"')
    assert lines[1].startswith('"n9",')


def test_labels_of_a_text_are_named_with_their_probability(config, tmp_path):
    from lopsided.data import loose_texts

    run = fit(with_model(config, frozen=True), tmp_path / "run")
    first, empty = likeliest(run, loose_texts(["the cat purrs", ""], label_names=run.labels()))
    assert first.startswith("cat ")
    assert len(empty.split(",")) == 2


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("tokenizer.json", None, "tokenizer.json: cannot be read"),
        ("preparation.json", None, "got no preparation.json"),
        ("preparation.json", '{"kind": "pickle"}', "expected a preparation of the kind 'tokens', got 'pickle'"),
        ("preparation.json", '{"kind": "tokens", "max_length": 0}', "expected max_length to be at least 3, got 0"),
        ("preparation.json", '{"kind": "tokens", "max_length": 9}', "that the checkpoint was made with, got another"),
    ],
)
def test_a_run_whose_preparation_is_another_is_refused(config, tmp_path, file, content, message):
    training = dataclasses.replace(config.training, epochs=1)
    run = fit(dataclasses.replace(with_model(config, frozen=True), training=training), tmp_path / "run")
    if content is None:
        (run.preparation_folder / file).unlink()
    else:
        (run.preparation_folder / file).write_text(content)
    with pytest.raises(ValueError, match=message):
        run.load()


TERMS = json.dumps({"kind": "tfidf", "terms": ["cat", "dog"]})


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("preparation.json", "[]", "expected a JSON object"),
        ("preparation.json", "{" * 10_000, "expected"),
        ("preparation.json", '{"kind": "tfidf"}', "expected terms to be a list of texts, got another"),
        ("preparation.json", '{"kind": "tfidf", "terms": [1, 2]}', "expected terms to be a list of texts, got another"),
        ("preparation.json", '{"kind": "tfidf", "terms": ["a", "a"]}', "expected terms to be distinct, got one twice"),
        ("preparation.json", TERMS, "expected a finite float64 for each of 2 terms"),
        ("rarity.npz", b"no archive", "expected an array rarity"),
        ("rarity.npz", "a pickle", "expected an array rarity"),
        ("rarity.npz", None, "expected an array rarity"),
    ],
)
def test_a_run_on_words_from_a_stranger_is_refused_in_one_line_and_executes_nothing(
    config, tmp_path, capsys, file, content, message
):
    training = dataclasses.replace(config.training, epochs=1)
    run = fit(dataclasses.replace(with_model(config, name="tfidf"), training=training), tmp_path / "run")
    path = run.preparation_folder / file
    if content is None:
        path.unlink()
    elif content == "a pickle":
        np.savez(path, rarity=np.array([Trap(tmp_path / "trap")], dtype=object))
        assert not (tmp_path / "trap").exists()
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    capsys.readouterr()
    assert main(["predict", str(run.path), "--text", "the cat"]) == 1
    said = capsys.readouterr().err.strip()
    assert message in said
    assert "\n" not in said
    assert not (tmp_path / "trap").exists()


class Trap:
    """Makes a file when it is loaded as a pickle."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_longer_texts_than_the_encoder_takes_are_cut_off(config):
    from lopsided.runs.preparations import fit_preparation

    data = read_source(config.source, DataOptions())
    preparation = fit_preparation(dataclasses.replace(config.model, max_length=5), data)
    batch = preparation.apply(data).batch(np.array([0, 1]), None, draw=None)
    assert batch["inputs"].shape == (2, 5)
    with pytest.raises(DataError, match="expected model.max_length to be at most 64 tokens"):
        fit_preparation(dataclasses.replace(config.model, max_length=65), data)


def test_a_network_for_numbers_is_refused_with_what_takes_texts(config, tmp_path):
    with pytest.raises(ValueError, match="expected model.name to be tfidf, mlp or a text encoder"):
        fit(dataclasses.replace(config, model=ModelOptions(name="small_cnn")), tmp_path / "run")


@pytest.mark.parametrize(("name", "pooling"), [("tiny", "mean"), ("tiny", "first"), ("tfidf", None)])
def test_networks_of_texts_are_exported_in_float16(config, tmp_path, name, pooling):
    runtime = pytest.importorskip("onnxruntime", reason="needs the extra export")
    pytest.importorskip("onnxscript", reason="needs the extra export")
    from lopsided.inference.export import export

    config = (
        with_model(config, pooling=pooling) if name == "tiny" else dataclasses.replace(config, model=ModelOptions())
    )
    training = dataclasses.replace(config.training, epochs=2)
    run = fit(dataclasses.replace(config, training=training), tmp_path / "run")
    whole, half = (export(run, tmp_path / f"{k}.onnx", float16=bool(k)) for k in (0, 1))
    assert half.checked_on == "24 samples of val and random inputs"
    assert 1e-6 < half.largest_difference < 0.01
    assert half.input_type == whole.input_type
    trained = run.load()
    inputs = torch.tensor([[3, 4, 5, -1], [6, 3, -1, -1]]) if name == "tiny" else torch.rand(2, *trained.inputs.shape)
    session = runtime.InferenceSession(tmp_path / "1.onnx", providers=["CPUExecutionProvider"])
    with torch.inference_mode():
        wanted = trained.model(inputs).numpy()
    np.testing.assert_allclose(session.run(["logits"], {"inputs": inputs.numpy()})[0], wanted, atol=0.01)


def test_an_exported_encoder_gives_the_same_labels_with_the_tokeniser_beside_it(config, tmp_path):
    runtime = pytest.importorskip("onnxruntime", reason="needs the extra export")
    pytest.importorskip("onnxscript", reason="needs the extra export")
    from tokenizers import Tokenizer

    from lopsided.inference.export import export

    training = dataclasses.replace(config.training, epochs=1)
    run = fit(dataclasses.replace(config, training=training), tmp_path / "run")
    about = export(run, tmp_path / "out" / "pets.onnx")
    assert about.input_type == "int64"
    tokenizer = Tokenizer.from_file(str(tmp_path / "out" / "pets.tokenizer.json"))
    ids = np.array([tokenizer.encode("the cat purrs").ids], np.int64)
    session = runtime.InferenceSession(tmp_path / "out" / "pets.onnx", providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"inputs": ids})
    data = read_source(config.source, DataOptions())
    from lopsided.data import loose_texts

    wanted = collected(
        run.load(), loose_texts(["the cat purrs"], label_names=data.labels.names), split="test", batch_size=1
    )
    np.testing.assert_allclose(logits, wanted.logits.numpy(), atol=1e-4)


def test_frozen_features_of_texts_are_computed_in_batches_of_about_one_length(config, tmp_path, monkeypatch):
    import lopsided.training.frozen_features as module

    monkeypatch.setattr(module, "SHARD", 40)
    rows = [json.loads(line) for line in (tmp_path / "pets.jsonl").read_text().splitlines()]
    for number, row in enumerate(rows):
        row["text"] += " loud" * (number * 7 % 30)
    (tmp_path / "pets.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = dataclasses.replace(config.model, frozen=True)
    data = read_source(config.source, DataOptions())
    tokens = fit_preparation(options, data).apply(data)
    network = build_model(
        options,
        input_shape=tokens.inputs().shape,
        num_labels=2,
        kind="tokens",
        **tokens.preparation.for_network,
    )
    found = frozen_features(tokens, network=network, images=DataOptions().images(), batch_size=8)
    with torch.inference_mode():
        wanted = [
            network.features(tokens.batch(np.array([row]), DataOptions().images(), draw=None)["inputs"])
            for row in range(96)
        ]
    torch.testing.assert_close(torch.from_numpy(found.table.features), torch.cat(wanted), atol=1e-5, rtol=1e-4)
    lengths = [len(str(text)) for text in data.texts]
    order = [lengths[row] for row in tokens.by_length(range(40))]
    assert order == sorted(lengths[:40])
    assert len(list(found.folder.glob("*.npz"))) == 3


@pytest.mark.parametrize("name", ["tfidf", None])
def test_a_report_shows_how_texts_begin_with_their_rarest_words_marked(config, tmp_path, name):
    pytest.importorskip("matplotlib")
    from lopsided.reports.examples import examples
    from lopsided.reports.runs import read_runs

    run = fit(with_model(config, name=name) if name else config, tmp_path / "run")
    shown = examples(read_runs([run.path])[0], 3)
    assert shown.trouble is None
    data = read_source(config.source, DataOptions())
    for sample in shown.samples:
        assert "".join(piece for piece, _ in sample.text) == str(data.texts[sample.row])
        assert {"red", "green", "blue", "soft"} & {piece for piece, is_rare in sample.text if is_rare}
        assert sample.picture is None
