import dataclasses
import gc
import json
import os
from collections import namedtuple

import numpy as np
import pytest
import torch

from lopsided.data import DataOptions
from lopsided.inference.by_label import blocks as blocks_module
from lopsided.inference.by_label import spool as spool_module
from lopsided.inference.by_label.blocks import blocks_of
from lopsided.inference.by_label.sources import Held, Mapped
from lopsided.inference.by_label.spool import Spool
from lopsided.inference.calibrate import calibrate
from lopsided.inference.evaluate import evaluate
from lopsided.inference.scores import scores_of
from lopsided.inference.thresholds import choose
from lopsided.models import ModelOptions
from lopsided.training.fit import fit
from tests.inference.by_label.test_blocks import whole
from tests.inference.by_label.test_measured import numbers

VALUES = np.random.default_rng(0).normal(size=(11, 7))


@pytest.fixture
def spooled(by_label, monkeypatch):
    """Networks end in no linear layer, and few logits are too many to keep."""

    def begin(*, held=False):
        by_label()
        monkeypatch.setattr(blocks_module, "last_layer", lambda _: None)
        if not held:
            monkeypatch.setattr(blocks_module, "MOST_BYTES", 1)

    return begin


def filled(folder, values=VALUES, *, together=3, pieces=4):
    spool = Spool(folder, values.shape, values.dtype, together=together, what="some")
    for start in range(0, len(values), pieces):
        spool.append(values[start : start + pieces])
    return spool


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("together", [1, 3, 7, 20])
@pytest.mark.parametrize("at_once", [1, 40, 2**22])
def test_any_labels_of_any_samples_come_back_bit_for_bit(tmp_path, monkeypatch, dtype, together, at_once):
    monkeypatch.setattr(spool_module, "AT_ONCE", at_once)
    values = VALUES.astype(dtype)
    spool = filled(tmp_path, values, together=together)
    rows = np.array([8, 2, 5])
    for first in range(7):
        for end in range(first + 1, 8):
            part = slice(first, end)
            assert torch.equal(spool.of(part), torch.from_numpy(values[:, part]))
            assert torch.equal(spool.take(rows).of(part), torch.from_numpy(values[rows, part]))
    assert torch.equal(spool.take(rows).take(np.array([2, 0])).of(slice(1, 3)), torch.from_numpy(values[[5, 8], 1:3]))
    assert (spool.shape, spool.take(rows).shape) == ((11, 7), (3, 7))


def test_sources_that_are_held_or_mapped_give_the_same(tmp_path):
    held, spool, rows = Held(torch.from_numpy(VALUES)), filled(tmp_path), np.array([1, 9])
    for source in (held, spool):
        mapped = Mapped(source, torch.exp).take(rows)
        assert torch.equal(mapped.of(slice(2, 6)), torch.from_numpy(VALUES[rows, 2:6]).exp())
        assert mapped.shape == (2, 7)


def test_the_file_has_no_name_and_its_room_is_free_when_nobody_uses_it(tmp_path):
    spool = filled(tmp_path)
    some = spool.take(np.array([0]))
    number = spool._file.fileno()
    assert os.fstat(number).st_size == VALUES.nbytes
    assert not list(tmp_path.iterdir())
    del spool
    assert some.of(slice(0, 1)).item() == VALUES[0, 0]
    del some
    gc.collect()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(number)


def test_a_disk_without_room_is_told_before_anything_is_computed(trained, spooled, monkeypatch):
    run, data = trained()
    spooled()
    monkeypatch.setattr(spool_module.shutil, "disk_usage", lambda _: namedtuple("Usage", "free")(5519))
    monkeypatch.setattr(blocks_module, "batches_of", None)
    with pytest.raises(ValueError, match=r"expected 0.0 GB free in .*run, to put the scores of 60 samples x 23 labels"):
        evaluate(run, data)


def test_a_folder_that_cannot_be_written_leaves_it_to_that_of_temporary_files(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(spool_module.os, "access", lambda *_: False)
    monkeypatch.setattr(spool_module.tempfile, "gettempdir", lambda: str(tmp_path / "other"))
    (tmp_path / "other").mkdir()
    filled(tmp_path)
    told = "some: 11 samples x 7 labels are too many to hold: their scores go into a temporary file of 0.0 GB in "
    assert capsys.readouterr().err == f"{told}{tmp_path / 'other'}\n"


def test_a_disk_that_is_full_after_all_is_told_with_its_folder(tmp_path):
    spool = Spool(tmp_path, (9, 2), np.float32, together=1, what="some")

    class Full:
        def seek(self, _):
            raise OSError(28, "No space left on device")

    spool._file = Full()
    with pytest.raises(OSError, match=f"cannot be written: No space left on device: '{tmp_path}"):
        spool.append(np.zeros((9, 2), np.float32))


def test_scores_that_are_not_all_there_are_an_error(tmp_path):
    spool = Spool(tmp_path, (9, 2), np.float32, together=1, what="some")
    with pytest.raises(ValueError, match="expected scores of 9 samples to be written, got 0"):
        spool.of(slice(0, 1))
    with pytest.raises(ValueError, match="expected scores of 9 samples, got more"):
        spool.append(np.zeros((10, 2), np.float32))


@pytest.mark.parametrize("way", ["known", "unknown", "negatives"])
def test_logits_of_any_network_are_those_that_are_held_bit_for_bit(trained, spooled, way):
    run, data = trained(way=way)
    scores = scores_of(run, run.load(), data, split="test", keep=False)
    spooled()
    blocks = blocks_of(run, run.load(), data, split="test")
    assert isinstance(blocks.source, Spool)
    logits, targets, mask = whole(blocks)
    assert torch.equal(logits, scores.logits)
    assert torch.equal(targets, scores.targets)
    assert (mask is None) if scores.mask is None else torch.equal(mask, scores.mask)
    assert not run.scores.exists()


@pytest.mark.parametrize("way", ["known", "unknown"])
def test_every_decision_on_any_network_is_that_on_scores_that_are_held(trained, spooled, monkeypatch, way):
    run, data = trained(way=way)

    def decided():
        fit = calibrate(run, data, method="platt")
        chosen = choose(run, data, per_label=True)
        return [fit, chosen, evaluate(run, data, split="test")]

    *_, before = wanted = decided()
    del before["f1"]
    spooled(held=True)
    held = decided()
    spooled()
    assert json.dumps(decided()) == json.dumps(held)  # to the last bit, and nan where nan is
    for made in held[:2]:
        assert made.pop("common_on_every") == 1
    assert held[1:] == numbers(wanted[1:])
    assert held[0]["few"] == wanted[0]["few"]


def test_logits_that_a_run_keeps_are_computed_once(trained, spooled, monkeypatch):
    run, data = trained()
    spooled(held=True)
    first = evaluate(run, data)
    monkeypatch.setattr("lopsided.inference.scores.collected", None)
    assert evaluate(run, data) == first


@pytest.mark.parametrize("frozen", [False, True])
def test_a_network_of_images_that_ends_in_ml_decoder_is_measured_from_the_disk(
    make_manifest, config, tmp_path, by_label, monkeypatch, frozen
):
    pytest.importorskip("timm", exc_type=(ImportError, RuntimeError))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    manifest = make_manifest(24, broken=(3,))
    model = ModelOptions(name="resnet10t", head="ml_decoder", width=64, frozen=frozen, pretrained=False)
    config = dataclasses.replace(config, data=DataOptions(image_size=32), model=model)
    run = fit(config, tmp_path / "run", data=manifest)
    wanted = evaluate(run, manifest, split="test", save=False)
    by_label()
    monkeypatch.setattr(blocks_module, "MOST_BYTES", 1)
    for keep in (True, False):  # from what was kept, and computed anew
        assert evaluate(run, manifest, split="test", save=False, keep=keep) == numbers(wanted)
    assert wanted["unreadable"] == [3]
