"""Logits that are kept in a run, and what never meets them."""

import dataclasses
import os
import shutil

import numpy as np
import pytest
import torch

from lopsided.cli.main import main
from lopsided.data import DataError, DataOptions
from lopsided.inference import scores as module
from lopsided.inference.evaluate import evaluate
from lopsided.inference.scores import batches_of, scores_of
from lopsided.inference.thresholds import choose
from lopsided.models import ModelOptions
from lopsided.runs import folder as folders
from lopsided.runs.config import Config, LossOptions, TrainingOptions
from lopsided.runs.folder import RunFolder
from lopsided.training.fit import fit


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A table with an unknown label in its test split."""
    path = tmp_path_factory.mktemp("source") / "pets.csv"
    random = np.random.default_rng(0)
    lines = ["a,b,c,label:cat,label:dog,split"]
    for number, row in enumerate(random.normal(size=(120, 3)).round(3).tolist()):
        split = "train" if number < 60 else "val" if number < 90 else "test"
        dog = "" if number == 100 else int(row[1] > 0)
        lines.append(",".join(map(str, [*row, int(row[0] > 0), dog, split])))
    path.write_text("\n".join(lines) + "\n")
    return f"table:{path}"


@pytest.fixture(scope="module")
def trained(source, tmp_path_factory):
    path = tmp_path_factory.mktemp("trained") / "run"
    training = TrainingOptions(epochs=2, batch_size=32, learning_rate=0.01)
    fit(Config(source=source, training=training, loss=LossOptions(name="asymmetric")), path)
    return path


@pytest.fixture
def run(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "run")
    return RunFolder(tmp_path / "run")


@pytest.fixture
def data(run):
    from lopsided.runs.own_data import own_data

    return own_data(run)


@pytest.fixture
def passes(monkeypatch):
    """The splits that a network goes over."""
    found = []
    real = module.collected

    def collected(trained, data, *, split, batch_size):
        found.append(split)
        return real(trained, data, split=split, batch_size=batch_size)

    monkeypatch.setattr(module, "collected", collected)
    return found


def same(one, other):
    assert torch.equal(one.logits, other.logits)
    assert torch.equal(one.targets, other.targets)
    assert (one.mask is None) == (other.mask is None)
    assert one.mask is None or torch.equal(one.mask, other.mask)
    assert one.unreadable == other.unreadable


def test_the_verbs_after_a_training_go_over_each_split_once(run, passes, capsys):
    for line in (
        ["thresholds", "--per-label"],
        ["calibrate"],
        ["thresholds"],
        ["evaluate"],
        ["evaluate", "--split", "val"],
        ["report"],
        ["audit"],
    ):
        assert main([line[0], str(run.path), *line[1:]]) == 0, capsys.readouterr().err
    assert sorted(passes) == ["test", "val"]


@pytest.mark.parametrize("verb", ["evaluate", "thresholds", "calibrate", "audit", "predict"])
def test_a_verb_reads_the_checkpoint_once(run, monkeypatch, verb):
    read = []
    real = folders.read_checkpoint
    monkeypatch.setattr(folders, "read_checkpoint", lambda path: read.append(path) or real(path))
    assert main([verb, str(run.path)]) == 0
    assert len(read) == 1


def test_what_is_kept_is_what_was_computed(run, data, passes):
    trained = run.load()
    first = scores_of(run, trained, data, split="test")
    assert first.mask is not None
    same(scores_of(run, trained, data, split="test"), first)
    same(scores_of(run, trained, data, split="test", keep=False), first)
    assert passes == ["test", "test"]


def test_predictions_are_those_of_the_logits_that_were_kept(run, tmp_path, monkeypatch):
    from lopsided.files.csv_file import read_csv_file

    assert main(["predict", str(run.path), "--out", str(tmp_path / "before.csv")]) == 0
    assert not run.scores.exists()
    assert main(["evaluate", str(run.path)]) == 0
    monkeypatch.setattr(module, "scored_batches", None)  # whoever calls it now fails
    assert main(["predict", str(run.path), "--out", str(tmp_path / "after.csv")]) == 0
    before, after = (list(read_csv_file(tmp_path / f"{name}.csv").rows()) for name in ("before", "after"))
    assert after == before
    assert len(after) == 30
    assert main(["predict", str(run.path), "--out", str(tmp_path / "again.csv"), "--no-keep"]) == 1


def test_without_keeping_nothing_is_read_or_written(run, passes):
    assert main(["evaluate", str(run.path), "--no-keep"]) == 0
    assert not run.scores.exists()
    assert main(["evaluate", str(run.path)]) == 0
    assert main(["evaluate", str(run.path), "--no-keep"]) == 0
    assert passes == ["test"] * 3


def changed_features(run, trained, data):
    features = data.features.copy()
    features[data.rows("test")[3], 1] += 0.001
    return trained, dataclasses.replace(data, features=features)


def changed_order(run, trained, data):
    order = np.arange(len(data))
    order[data.rows("test")] = order[data.rows("test")][::-1]
    return trained, dataclasses.replace(data, features=data.features[order])


def changed_weights(run, trained, data):
    path = run.checkpoints / "best.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    name = next(name for name, value in checkpoint["state_dict"].items() if value.is_floating_point() and value.dim())
    checkpoint["state_dict"][name].view(-1)[0] += 1
    torch.save(checkpoint, path)
    return run.load(), data


def changed_option(run, trained, data):
    return dataclasses.replace(trained, images=dataclasses.replace(trained.images, size=200)), data


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (changed_features, "samples"),
        (changed_order, "samples"),
        (changed_weights, "weights"),
        (changed_option, "options"),
    ],
)
def test_what_decides_a_score_and_has_changed_never_meets_an_old_one(run, data, passes, capsys, change, what):
    scores_of(run, run.load(), data, split="test")
    trained, changed = change(run, run.load(), data)
    found = scores_of(run, trained, changed, split="test")
    assert f"not used, made for other {what}; computing anew" in capsys.readouterr().err
    same(found, scores_of(run, trained, changed, split="test", keep=False))
    same(found, scores_of(run, trained, changed, split="test"))
    assert passes == ["test", "test", "test"]


def test_targets_are_those_of_the_data_at_hand(run, data, passes):
    from scipy.sparse import csr_array

    scores_of(run, run.load(), data, split="test")
    positives = csr_array(~data.labels.positives.toarray() & ~data.labels.unknown.toarray())
    corrected = dataclasses.replace(data, labels=dataclasses.replace(data.labels, positives=positives))
    found = scores_of(run, run.load(), corrected, split="test")
    same(found, scores_of(run, run.load(), corrected, split="test", keep=False))
    assert passes == ["test", "test"]


def test_splits_and_sources_have_scores_of_their_own(run, data, passes, capsys):
    trained = run.load()
    for _ in range(2):
        scores_of(run, trained, data, split="val")
        scores_of(run, trained, data, split="test")
        scores_of(run, trained, data, split="test", source="table:other.csv")
    assert passes == ["val", "test", "test"]
    assert not capsys.readouterr().err


@pytest.mark.parametrize("damage", ["cut", "emptied", "flipped", "other"])
def test_a_damaged_file_is_refused_with_its_name(run, data, damage):
    trained = run.load()
    scores_of(run, trained, data, split="test")
    (path,) = run.scores.iterdir()
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[content.index(b"logits.npy") + 200] ^= 1
    if damage == "other":
        np.savez(path, key=np.array("{}"), logits=np.zeros(3))
    else:
        path.write_bytes(content[:200] if damage == "cut" else b"" if damage == "emptied" else bytes(content))
    with pytest.raises(DataError, match=r"scores.test-\w+\.npz: expected kept logits, got a damaged file .*remove it"):
        scores_of(run, trained, data, split="test")


def test_the_oldest_go_where_there_are_too_many(run, data, monkeypatch):
    trained = run.load()
    scores_of(run, trained, data, split="val")
    (old,) = run.scores.iterdir()
    os.utime(old, (1, 1))
    monkeypatch.setattr(module, "MOST_BYTES", int(1.5 * old.stat().st_size))
    scores_of(run, trained, data, split="test")
    (kept,) = run.scores.iterdir()
    assert kept.name.startswith("test-")
    monkeypatch.setattr(module, "MOST_BYTES", 10)
    scores_of(run, trained, data, split="val")
    assert list(run.scores.iterdir()) == [kept]


def test_a_run_that_cannot_be_written_is_evaluated_all_the_same(run, data, monkeypatch, capsys):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(module, "whole", refuse)
    result = evaluate(run, data, save=False)
    assert result["samples"] == 30
    assert "logits are not kept: Permission denied" in capsys.readouterr().err


def test_images_are_opened_once_and_again_when_one_byte_has_changed(make_manifest, config, tmp_path, passes):
    pytest.importorskip("PIL")
    manifest = make_manifest(40)
    run = fit(dataclasses.replace(config, data=DataOptions(image_size=16)), tmp_path / "of-images", data=manifest)
    first = evaluate(run, manifest, save=False)
    choose(run, manifest, split="test")
    evaluate(run, manifest, save=False)
    assert passes == ["test"]
    path = manifest.path(int(manifest.rows("test")[0]))
    about = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(bytes(content))
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    again = evaluate(run, manifest, save=False)
    assert passes == ["test", "test"]
    assert first["samples"] >= again["samples"]


def test_a_frozen_backbone_is_not_run_again_where_its_features_are_cached(make_manifest, config, tmp_path, monkeypatch):
    pytest.importorskip("timm", exc_type=(ImportError, RuntimeError))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    manifest = make_manifest(24, broken=(3,))
    model = ModelOptions(name="resnet10t", frozen=True, pretrained=False)
    config = dataclasses.replace(config, data=DataOptions(image_size=32), model=model)
    run = fit(config, tmp_path / "frozen", data=manifest)
    cached = scores_of(run, run.load(), manifest, split="test", keep=False)
    pieces = list(batches_of(run, run.load(), manifest, split="test", keep=False))
    shutil.rmtree(tmp_path / "cache")
    computed = scores_of(run, run.load(), manifest, split="test", keep=False)
    torch.testing.assert_close(cached.logits[computed.targets.any(1)], computed.logits[computed.targets.any(1)])
    assert torch.equal(cached.targets, computed.targets)
    assert torch.equal(cached.mask, computed.mask)
    assert cached.unreadable == computed.unreadable == [3]
    assert torch.equal(torch.cat([logits for logits, _ in pieces]), cached.logits)
    assert all(3 in batch["unreadable"].tolist() for _, batch in pieces)
    assert not (tmp_path / "cache").exists()
