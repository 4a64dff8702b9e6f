"""Grids on features that stay sparse, and on what a frozen encoder makes of texts, against the trainer."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array, random_array

from lopsided.data import ImageOptions, Labels, Table, read_source
from lopsided.experiments.grid.batched import GridRun, train_grid
from lopsided.experiments.grid.inputs import grid_inputs
from lopsided.experiments.grid.stack import Stack
from lopsided.experiments.plan import Sweep
from lopsided.experiments.runner import Work
from lopsided.experiments.settings import settings_of
from lopsided.experiments.study import sqlite_at
from lopsided.experiments.sweep import run_sweep
from lopsided.inference.evaluate import evaluate
from lopsided.models import ModelOptions, SparseLinear
from lopsided.models.sparse import sparse_mlp
from lopsided.training import Config, LossOptions, TrainingOptions
from lopsided.training.fit import fit
from tests.experiments.grid.test_batched import assert_same, numbers
from tests.models.texts.tiny_encoder import write_tiny_encoder

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

TRAINING = TrainingOptions(epochs=3, batch_size=32, learning_rate=0.01, weight_decay=0.05, accelerator="cpu")
LOSSES = [
    LossOptions(name="cross_entropy"),
    LossOptions(gamma_neg=0, margin=0.4),
    LossOptions(name="adaptive", target_gap=0.2),
    LossOptions(name="hill"),
]


@pytest.fixture
def wide():
    """240 samples whose labels are told by few of 400 features, and by chance."""
    dense = random_array((240, 400), density=0.02, format="csr", dtype=np.float32, rng=0).toarray()
    draw = np.random.default_rng(1)
    has = draw.random((240, 3)) < 0.3
    dense[:, :3] = has & (draw.random((240, 3)) < 0.6)
    splits = np.array(["train"] * 140 + ["val"] * 50 + ["test"] * 50)
    return Table("wide", csr_array(dense), Labels(("a", "b", "c"), csr_array(has)), splits, stays_sparse=True)


@pytest.fixture
def texts(tmp_path, monkeypatch):
    """A file of texts with a label for some of their words, and a small encoder with random weights."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder, draw = write_tiny_encoder(tmp_path / "tiny"), np.random.default_rng(0)
    words = ["cat", "dog", "red", "green", "blue", "soft", "loud", "purrs"]
    rows = []
    for k in range(96):
        said = [words[i] for i in draw.integers(8, size=4)]
        labels = [name for name in ("cat", "dog") if name in said or draw.random() < 0.1]
        rows.append({"text": " ".join(said), "labels": labels, "split": ["train", "train", "val", "test"][k % 4]})
    file = tmp_path / "pets.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return f"text:{file}", ModelOptions(name=str(folder), frozen=True)


def assert_equals_the_trainer(folder, data, run, *, source, model, training, outcome):
    training = dataclasses.replace(training, learning_rate=run.learning_rate)
    if run.weight_decay is not None:
        training = dataclasses.replace(training, weight_decay=run.weight_decay)
    trained = fit(Config(source, model=model, loss=run.loss, training=training, seed=run.seed), folder, data=data)
    validations = [row for row in trained.rows() if row["val_mAP"]]
    np.testing.assert_allclose(outcome.val_mAP, [float(row["val_mAP"]) for row in validations], atol=2e-5)
    assert outcome.val_gap == pytest.approx(float(validations[outcome.best_epoch - 1]["val_gap"]), abs=2e-5)
    steps = [row for row in trained.rows() if row["loss"] and row["epoch"] == validations[-1]["epoch"]]
    assert outcome.gap == pytest.approx(np.nanmean([float(row["gap"]) for row in steps]), abs=2e-5)
    tested = evaluate(trained, data, split="test", save=False)
    assert outcome.test == pytest.approx({name: tested[name] for name in outcome.test}, abs=2e-5, nan_ok=True)


@pytest.mark.parametrize("name", ["linear", "mlp"])
def test_runs_on_sparse_features_come_to_what_the_trainer_comes_to(tmp_path, wide, name):
    model = ModelOptions(name=name) if name == "linear" else ModelOptions(name=name, width=16)
    runs = [GridRun(loss, rate, seed) for loss in LOSSES for rate in (0.003, 0.02) for seed in (0, 1)]
    outcomes = train_grid(wide, runs, model=model, training=TRAINING, test=True)
    assert len({outcome.val_gap for outcome in outcomes}) == len(runs)
    for place in (0, 7, 8, 13):
        options = {"source": "svmlight:wide.txt", "model": model, "training": TRAINING, "outcome": outcomes[place]}
        assert_equals_the_trainer(tmp_path / str(place), wide, runs[place], **options)


def test_a_sparse_grid_comes_to_what_its_runs_come_to_one_by_one_in_chunks_and_with_others(wide):
    runs = [GridRun(loss, 0.02, 1, decay) for loss in LOSSES for decay in (0.0, 0.3)]
    options = {"model": ModelOptions(name="linear"), "training": TRAINING, "test": True}
    together = train_grid(wide, runs, **options)
    assert_same(together, [train_grid(wide, [run], **options)[0] for run in runs])
    assert_same(together, train_grid(wide, runs, memory=1, **options))
    wild = GridRun(LossOptions(name="cross_entropy"), 1e30, 1)
    assert_same(train_grid(wide, [wild, runs[0]], **options)[1:], together[:1])
    again = train_grid(wide, runs, **options)
    assert [repr(numbers(outcome)) for outcome in again] == [repr(numbers(outcome)) for outcome in together]


def test_sparse_features_are_never_written_out(monkeypatch, wide):
    def refuse(*_, **__):
        raise AssertionError("written out")

    monkeypatch.setattr(csr_array, "toarray", refuse)
    monkeypatch.setattr(csr_array, "todense", refuse)
    monkeypatch.setattr(torch.Tensor, "to_dense", refuse)
    runs = [GridRun(loss, 0.02) for loss in LOSSES]
    assert len(train_grid(wide, runs, model=ModelOptions(name="linear"), training=TRAINING, test=True)) == len(runs)


def test_one_product_serves_all_runs_of_a_stack(monkeypatch, wide):
    monkeypatch.setattr("lopsided.models.native_rows.serves", lambda *_: False)  # its products are not counted
    torch.manual_seed(0)
    networks = [sparse_mlp(400, 3, hidden=7) for _ in range(4)]
    stack = Stack(networks[0], 4)
    for run, network in enumerate(networks):
        stack.take(Stack(network, 4), run)
    inputs = wide.batch(np.arange(20), ImageOptions(), draw=None)["inputs"]
    expected = torch.stack([network(inputs) for network in networks])
    products, product = [], torch.sparse.mm
    monkeypatch.setattr(torch.sparse, "mm", lambda *parts: products.append(parts[1].shape) or product(*parts))
    torch.testing.assert_close(stack(inputs), expected)
    assert products == [(400, 28)]


def test_averaged_networks_share_the_weights_of_a_sparse_layer_and_keep_their_own_of_the_others(wide):
    stack = Stack(sparse_mlp(400, 3, hidden=7), 2)
    average = stack.averaged()
    assert isinstance(average.sparse, SparseLinear)
    assert average.sparse.weight is stack.sparse.weight
    assert average.sparse.bias is not stack.sparse.bias
    assert stack.sparse.weight.requires_grad
    assert not any(parameter.requires_grad for parameter in average.of_its_own())


def test_memory_of_a_sparse_stack_grows_with_its_features():
    sizes = {"batch_size": 10, "num_scored": 10}
    small, large = (Stack(SparseLinear(features, 3), 2).bytes_of_run(**sizes) for features in (100, 10_000))
    assert large - small == 4 * 2 * 9_900 * 3


def test_runs_on_counts_of_words_come_to_what_the_trainer_comes_to(tmp_path, texts):
    source, _ = texts
    data = read_source(source)
    runs = [GridRun(loss, 0.02, seed=1) for loss in LOSSES]
    for model in (ModelOptions(), ModelOptions(name="mlp", width=8)):
        inputs = grid_inputs(data, model, TRAINING, ImageOptions())
        assert inputs.table.inputs().kind == "sparse"
        outcomes = train_grid(inputs.table, runs, model=inputs.model, training=TRAINING, test=True)
        options = {"source": source, "model": model, "training": TRAINING, "outcome": outcomes[1]}
        assert_equals_the_trainer(tmp_path / model.name, data, runs[1], **options)


@pytest.mark.parametrize("head", [{}, {"head_bias": "prior", "head_scale": 2.0}])
def test_heads_on_a_frozen_encoder_come_to_what_the_trainer_comes_to(tmp_path, texts, head):
    source, model = texts
    model, data = dataclasses.replace(model, **head), read_source(source)
    runs = [GridRun(loss, 0.02, seed=seed) for loss in LOSSES for seed in (0, 1)]
    inputs = grid_inputs(data, model, TRAINING, ImageOptions())
    outcomes = train_grid(inputs.table, runs, model=inputs.model, training=TRAINING, test=True, network=inputs.network)
    assert len({outcome.val_gap for outcome in outcomes}) == len(runs)
    for place in (0, 5):
        options = {"source": source, "model": model, "training": TRAINING, "outcome": outcomes[place]}
        assert_equals_the_trainer(tmp_path / str(place), data, runs[place], **options)


@pytest.mark.parametrize("name", ["losses", "gamma_neg"])
@pytest.mark.parametrize("how", ["tfidf", "frozen"])
def test_texts_are_swept_in_one_batch(tmp_path, texts, name, how):
    source, encoder = texts
    grid = ["asymmetric", "hill"] if name == "losses" else ["0", "4"]
    sweep = Sweep(
        name=name,
        source=source,
        settings=tuple(settings_of(name, grid=grid)),
        seeds=2,
        trials=1,
        unknown=(0.0, 0.3),
        model=encoder if how == "frozen" else ModelOptions(),
        training=dataclasses.replace(TRAINING, epochs=1),
    )
    assert Work(sweep, tmp_path / "runs", progress=lambda _: None).why_one_by_one is None
    rows = run_sweep(sweep, tmp_path / "runs", storage=sqlite_at(tmp_path / "study.db"))
    assert len(rows) == 3 * 2 * 2
    assert all(np.isfinite(row.test["mAP"]) for row in rows.values())


def test_an_encoder_that_is_fine_tuned_is_swept_one_by_one(tmp_path, texts):
    source, encoder = texts
    sweep = Sweep(
        name="losses",
        source=source,
        settings=tuple(settings_of("losses", grid=["asymmetric"])),
        seeds=1,
        trials=1,
        model=dataclasses.replace(encoder, frozen=None),
        training=dataclasses.replace(TRAINING, epochs=1),
    )
    why = Work(sweep, tmp_path / "runs", progress=lambda _: None).why_one_by_one
    assert why == "training in one batch needs features of shape (samples, features), got texts"
    rows = run_sweep(sweep, tmp_path / "runs", storage=sqlite_at(tmp_path / "study.db"))
    assert all(np.isfinite(row.test["mAP"]) for row in rows.values())
