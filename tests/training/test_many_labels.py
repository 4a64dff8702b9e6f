"""Runs in which the logits of a batch are never held."""

import dataclasses

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from lopsided.data import Labels, Table
from lopsided.losses.many_labels import job
from lopsided.training import LossOptions
from lopsided.training.fit import fit
from lopsided.training.loop import label_parts

LABELS = 300


@pytest.fixture
def in_parts(monkeypatch):
    monkeypatch.setattr(label_parts, "MOST_LOGITS", 1)
    monkeypatch.setattr(job, "LOGITS_AT_A_TIME", 1)


def data(*, sparse, unknown=False):
    draw = np.random.default_rng(0)
    has = draw.random((300, LABELS)) < 0.03
    features = random_array((300, LABELS + 20), density=0.02, format="csr", dtype=np.float32, rng=0).toarray()
    features[:, :LABELS] += has
    splits = np.array(["train"] * 200 + ["val"] * 60 + ["test"] * 40)
    hidden = csr_array((draw.random(has.shape) < 0.1) & ~has) if unknown else None
    labels = Labels(tuple(f"label {k}" for k in range(LABELS)), csr_array(has), hidden)
    inputs = csr_array(features) if sparse else features
    return Table("many", inputs, labels, splits, stays_sparse=sparse)


def numbers(run):
    return [{name: float(value) for name, value in row.items() if value} for row in run.rows()]


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("unknown", [False, True])
def test_a_run_in_parts_is_the_run_with_all_logits(tmp_path, config, monkeypatch, capsys, sparse, unknown):
    table = data(sparse=sparse, unknown=unknown)
    whole = fit(config, tmp_path / "whole", data=table)
    assert "some labels at a time" not in capsys.readouterr().err
    monkeypatch.setattr(label_parts, "MOST_LOGITS", 32 * LABELS - 1)
    monkeypatch.setattr(job, "LOGITS_AT_A_TIME", 1)
    parts = fit(config, tmp_path / "parts", data=table)
    assert "last layer and loss are computed as one" in capsys.readouterr().err
    for one, other in zip(numbers(whole), numbers(parts), strict=True):
        assert other == pytest.approx(one, rel=2e-3, abs=1e-4)


def test_a_run_in_parts_goes_on_from_its_checkpoint(tmp_path, config, in_parts):
    short = dataclasses.replace(config, training=dataclasses.replace(config.training, epochs=2))
    whole = fit(short, tmp_path / "run", data=data(sparse=True))
    assert fit(short, tmp_path / "run", data=data(sparse=True), resume=True).rows() == whole.rows()


def test_a_loss_that_needs_all_logits_says_what_they_take(tmp_path, config, in_parts, capsys):
    hill = dataclasses.replace(config, loss=LossOptions(name="hill"))
    fit(hill, tmp_path / "run", data=data(sparse=False))
    error = capsys.readouterr().err
    assert "32 samples x 300 labels, take 0 MiB with gradient and targets, because loss.name=hill" in error


def test_images_that_cannot_be_opened_count_for_nothing_in_parts_either(tmp_path, config, make_manifest, monkeypatch):
    manifest = make_manifest(40, broken=(1, 6))
    config = dataclasses.replace(
        config,
        model=dataclasses.replace(config.model, name="linear"),
        data=dataclasses.replace(config.data, image_size=16),
    )
    whole = fit(config, tmp_path / "whole", data=manifest)
    monkeypatch.setattr(label_parts, "MOST_LOGITS", 1)
    parts = fit(config, tmp_path / "parts", data=manifest)
    for one, other in zip(numbers(whole), numbers(parts), strict=True):
        assert other == pytest.approx(one, rel=1e-3, abs=1e-5)
    assert parts.unreadable_file.read_text() == whole.unreadable_file.read_text()
