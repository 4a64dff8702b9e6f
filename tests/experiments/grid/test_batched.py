import dataclasses
import math
import time

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from lopsided.data import DataError, Labels, digits
from lopsided.experiments.grid.batched import GridRun, train_grid
from lopsided.inference.evaluate import evaluate
from lopsided.models import ModelOptions
from lopsided.training import Config, LossOptions, TrainingOptions
from lopsided.training.fit import fit

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

LOSSES = [
    LossOptions(name="cross_entropy"),
    LossOptions(name="focal", detach_focus=True),
    LossOptions(gamma_neg=4, margin=0.05),
    LossOptions(name="adaptive", target_gap=0.2, rate=7.0, separation=0.0),
    LossOptions(name="adaptive", per_label=True, separation=0.0, growth=0.5),
    LossOptions(name="adaptive", target_gap=-0.5, gamma_neg=1.0),  # gamma_neg falls, and the margin with it
]
TRAINING = TrainingOptions(epochs=3, batch_size=32, learning_rate=0.01, accelerator="cpu")
RUNS = [GridRun(loss, rate, seed) for loss in LOSSES for rate in (0.003, 0.02) for seed in (0, 1)]


def numbers(outcome):
    return [*outcome.val_mAP, outcome.val_gap, outcome.gap, outcome.gamma_neg, *outcome.test.values()]


def assert_same(ours, others, tolerance=2e-5):
    for one, other in zip(ours, others, strict=True):
        np.testing.assert_allclose(numbers(one), numbers(other), atol=tolerance)
        assert one.best_epoch == other.best_epoch


@pytest.mark.parametrize("name", ["linear", "mlp"])
def test_a_grid_comes_to_what_its_runs_come_to_one_by_one(table, name):
    options = {"model": ModelOptions(name=name), "training": TRAINING, "test": True}
    together = train_grid(table, RUNS, **options)
    assert_same(together, [train_grid(table, [run], **options)[0] for run in RUNS])
    assert len({outcome.val_mAP for outcome in together}) == len(RUNS)  # each of them is a run of its own


@pytest.mark.slow
@pytest.mark.parametrize("name", ["linear", "mlp"])
def test_a_run_of_a_grid_comes_to_what_the_trainer_comes_to(tmp_path, table, name):
    model = ModelOptions(name=name)
    chosen = [run for run in RUNS if run.learning_rate == 0.02 and run.seed == 1]
    together = train_grid(table, RUNS, model=model, training=TRAINING, test=True)
    for number, run in enumerate(chosen):
        training = dataclasses.replace(TRAINING, learning_rate=run.learning_rate)
        config = Config(source="made", model=model, loss=run.loss, training=training, seed=run.seed)
        trained = fit(config, tmp_path / str(number), data=table)
        outcome, rows = together[RUNS.index(run)], trained.rows()
        validations = [row for row in rows if row["val_mAP"]]
        steps = [row for row in rows if row["loss"]]
        last = [float(row["gap"]) for row in steps if row["epoch"] == steps[-1]["epoch"]]
        np.testing.assert_allclose(outcome.val_mAP, [float(row["val_mAP"]) for row in validations], atol=2e-5)
        assert outcome.val_gap == pytest.approx(float(validations[outcome.best_epoch - 1]["val_gap"]), abs=2e-5)
        assert outcome.gap == pytest.approx(np.mean(last), abs=2e-5)
        assert outcome.gamma_neg == pytest.approx(float(steps[-1]["gamma_neg"]), abs=1e-4)
        tested = evaluate(trained, table, split="test", save=False)
        assert outcome.test == pytest.approx({name: tested[name] for name in outcome.test}, abs=2e-5, nan_ok=True)


def test_sparse_features_train_as_dense_ones(table):
    sparse = dataclasses.replace(table, features=csr_array(table.features))
    options = {"model": ModelOptions(name="linear"), "training": TRAINING, "test": True}
    assert_same(train_grid(sparse, RUNS[:4], **options), train_grid(table, RUNS[:4], **options), tolerance=1e-6)


def test_what_is_written_under_unknown_labels_changes_no_number(monkeypatch, table):
    unknown = np.random.default_rng(0).random((len(table), 4)) < 0.2
    given, dense = table.labels.dense(range(len(table)))[0] & ~unknown, Labels.dense
    masked = dataclasses.replace(table, labels=Labels(table.labels.names, csr_array(given), csr_array(unknown)))
    options = {"model": ModelOptions(name="linear"), "training": TRAINING, "test": True}
    runs = RUNS[::3]  # two seeds: their batches stand side by side
    before = train_grid(masked, runs, **options)
    unmasked = dataclasses.replace(table, labels=Labels(table.labels.names, csr_array(given)))
    assert [*map(numbers, before)] != [*map(numbers, train_grid(unmasked, runs, **options))]

    def filled(labels, rows):
        targets, known = dense(labels, rows)
        return targets | ~known, known

    monkeypatch.setattr(Labels, "dense", filled)
    assert [*map(numbers, before)] == [*map(numbers, train_grid(masked, runs, **options))]


def test_samples_of_which_nothing_is_known_are_not_measured(table):
    rows = np.concatenate([np.arange(240), np.arange(140, 240)])
    labels = table.labels.take(rows).without(np.arange(240, 340))
    padded = dataclasses.replace(table, features=-table.features[rows], labels=labels, splits=table.splits[rows])
    padded.features[:240] *= -1  # what nobody knows would score wrongly
    options = {"model": ModelOptions(name="linear"), "training": TRAINING, "test": True}
    assert_same(train_grid(padded, RUNS[::3], **options), train_grid(table, RUNS[::3], **options))


@pytest.mark.parametrize("name", ["linear", "mlp"])
def test_a_run_comes_to_what_the_trainer_comes_to_with_strong_decay_of_the_weights(tmp_path, table, name):
    model, loss = ModelOptions(name=name), LossOptions(gamma_neg=2, margin=0.05)
    training = dataclasses.replace(TRAINING, weight_decay=20.0, epochs=2)
    (outcome,) = train_grid(table, [GridRun(loss, 0.01, seed=1)], model=model, training=training, test=True)
    trained = fit(
        Config(source="made", model=model, loss=loss, training=training, seed=1), tmp_path / "run", data=table
    )
    validations = [row for row in trained.rows() if row["val_mAP"]]
    np.testing.assert_allclose(outcome.val_mAP, [float(row["val_mAP"]) for row in validations], atol=2e-5)
    assert outcome.val_gap == pytest.approx(float(validations[outcome.best_epoch - 1]["val_gap"]), abs=2e-5)


def test_each_run_has_its_own_weight_decay(tmp_path, table):
    losses = LOSSES[:1] + LOSSES[2:4]
    runs = [GridRun(loss, 0.02, seed=1, weight_decay=decay) for loss in losses for decay in (20.0, None, 0.0)]
    options = {"model": ModelOptions(name="mlp"), "test": True}
    together = train_grid(table, runs, training=TRAINING, **options)
    for run, outcome in zip(runs, together, strict=True):
        decay = TRAINING.weight_decay if run.weight_decay is None else run.weight_decay
        training = dataclasses.replace(TRAINING, weight_decay=decay)
        plain = dataclasses.replace(run, weight_decay=None)
        assert_same([outcome], train_grid(table, [plain], training=training, **options))
    assert len({outcome.val_gap for outcome in together}) == len(runs)


def test_biases_do_not_decay(table):
    """Where all features are 0, biases are all that a linear network says."""
    blank = dataclasses.replace(table, features=np.zeros_like(table.features))
    found = [
        train_grid(
            blank,
            [GridRun(LossOptions(name="cross_entropy"), 0.02)],
            model=ModelOptions(name="linear"),
            training=dataclasses.replace(TRAINING, weight_decay=decay),
        )[0]
        for decay in (0.0, 10.0)
    ]
    assert found[0].val_gap == found[1].val_gap
    assert math.isfinite(found[0].val_gap)


def test_what_does_not_fit_into_memory_is_trained_in_chunks(table):
    epochs = []
    options = {"model": ModelOptions(name="linear"), "training": TRAINING, "test": True}
    chunks = train_grid(table, RUNS, memory=1, on_epoch=epochs.append, **options)
    assert epochs == [1] * 3 * len(RUNS)
    assert_same(chunks, train_grid(table, RUNS, **options))


def test_two_calls_agree_bit_by_bit_and_leave_the_random_numbers_alone(table):
    state = torch.get_rng_state()
    first, second = (train_grid(table, RUNS[:6], model=ModelOptions(name="mlp"), training=TRAINING) for _ in range(2))
    assert [numbers(outcome) for outcome in first] == [numbers(outcome) for outcome in second]
    assert torch.equal(state, torch.get_rng_state())


def test_a_run_that_diverges_takes_no_other_with_it(table):
    wild = GridRun(LossOptions(name="cross_entropy"), 1e38)
    options = {"model": ModelOptions(name="mlp"), "training": TRAINING, "test": True}
    diverged, calm = train_grid(table, [wild, RUNS[0]], **options)
    assert math.isnan(diverged.best_val_mAP)
    assert all(math.isnan(value) for value in diverged.test.values())
    assert_same([calm], train_grid(table, [RUNS[0]], **options))


def test_the_test_split_is_read_only_where_it_is_asked_for(table):
    without = dataclasses.replace(table, splits=np.where(table.splits == "test", "train", table.splits))
    assert train_grid(without, RUNS[:1], training=TRAINING)[0].test == {}
    with pytest.raises(DataError, match="expected a split among train, val, got 'test'"):
        train_grid(without, RUNS[:1], training=TRAINING, test=True)


@pytest.mark.parametrize(
    ("model", "training", "message"),
    [
        ({"name": "mlp", "dropout": 0.5}, {}, "mlp without dropout, got model.name=mlp"),
        ({"name": "linear"}, {"devices": 2}, "does not know training.devices, got 2"),
    ],
)
def test_what_one_batch_cannot_do_is_refused(table, model, training, message):
    with pytest.raises(ValueError, match=message):
        train_grid(table, RUNS[:1], model=ModelOptions(**model), training=TrainingOptions(**training))


def test_images_are_refused():
    scenes = digits(train_samples=10, validation_samples=10, test_samples=10)
    with pytest.raises(ValueError, match=r"needs features of shape .* got images \(3, 32, 32\)"):
        train_grid(scenes, RUNS[:1])


def assert_equals_the_trainer(folder, table, run, model, training):
    """Everything that a run of a grid comes to, against the trainer; the outcome."""
    wild = GridRun(run.loss, run.learning_rate * 30, run.seed)  # beside it, one that goes another way
    outcome = train_grid(table, [wild, run], model=model, training=training, test=True)[1]
    training = dataclasses.replace(training, learning_rate=run.learning_rate)
    config = Config(source="made", model=model, loss=run.loss, training=training, seed=run.seed)
    trained = fit(config, folder, data=table)
    validations = [row for row in trained.rows() if row["val_mAP"]]
    steps = [row for row in trained.rows() if row["loss"] and row["epoch"] == validations[-1]["epoch"]]
    gaps = [float(row["gap"]) for row in steps]
    np.testing.assert_allclose(outcome.val_mAP, [float(row["val_mAP"]) for row in validations], atol=2e-5)
    assert trained.load().epoch == outcome.best_epoch
    assert outcome.best_val_mAP == outcome.val_mAP[outcome.best_epoch - 1] == max(outcome.val_mAP)
    assert outcome.val_gap == pytest.approx(float(validations[outcome.best_epoch - 1]["val_gap"]), abs=2e-5)
    assert outcome.gap == pytest.approx(np.nanmean(gaps), abs=2e-5)
    assert outcome.gamma_neg == pytest.approx(float(steps[-1]["gamma_neg"]), abs=1e-4, nan_ok=True)
    tested = evaluate(trained, table, split="test", save=False)
    assert outcome.test == pytest.approx({name: tested[name] for name in outcome.test}, abs=2e-5, nan_ok=True)
    return outcome


def test_the_weights_and_the_gamma_of_the_best_epoch_are_tested(tmp_path, table):
    chance = np.random.default_rng(0).random((240, 4)) < 0.3  # nothing can be learned: any epoch may be the best
    table = dataclasses.replace(table, labels=Labels(table.labels.names, csr_array(chance)))
    run = GridRun(LossOptions(name="adaptive", target_gap=0.4, rate=0.5, separation=0.0), 0.05, seed=3)
    training = dataclasses.replace(TRAINING, epochs=6)
    outcome = assert_equals_the_trainer(tmp_path / "run", table, run, ModelOptions(name="linear"), training)
    assert outcome.best_epoch < 6


@pytest.mark.parametrize("loss", ["distribution_balanced", "splc", "hill"])
def test_losses_outside_the_family_start_from_the_training_samples(tmp_path, table, loss):
    run = GridRun(LossOptions(name=loss), 0.02, seed=1)
    assert_equals_the_trainer(tmp_path / "run", table, run, ModelOptions(name="linear"), TRAINING)


@pytest.mark.parametrize(("batch_size", "epochs"), [(1000, 1), (1000, 2), (70, 1)])
def test_the_first_steps_are_averaged_as_the_trainer_does(tmp_path, table, batch_size, epochs):
    training = dataclasses.replace(TRAINING, batch_size=batch_size, epochs=epochs)
    run = GridRun(LossOptions(name="cross_entropy"), 0.5, seed=1)
    assert_equals_the_trainer(tmp_path / "run", table, run, ModelOptions(name="linear"), training)


def test_batches_without_a_positive_have_no_gap_and_are_left_out_of_its_mean(tmp_path, table):
    rare = table.labels.dense(range(240))[0] & (np.arange(240) % 12 == 0)[:, None]
    rare[140:] = table.labels.dense(range(140, 240))[0]
    table = dataclasses.replace(table, labels=Labels(table.labels.names, csr_array(rare)))
    training = dataclasses.replace(TRAINING, batch_size=8)
    run = GridRun(LossOptions(gamma_neg=2), 0.02, seed=1)
    outcome = assert_equals_the_trainer(tmp_path / "run", table, run, ModelOptions(name="linear"), training)
    assert math.isfinite(outcome.gap)


def test_splits_of_any_size_are_scored_whole(tmp_path, table):
    """More than are scored at once, and not a multiple of it."""
    rows = np.concatenate([np.arange(140), np.resize(np.arange(140, 240), 2200)])
    large = dataclasses.replace(
        table, features=table.features[rows], labels=table.labels.take(rows), splits=table.splits[rows]
    )
    large.features[140:] += np.linspace(0, 1, 2200, dtype=np.float32)[:, None]
    run = GridRun(LossOptions(gamma_neg=2), 0.02, seed=1)
    assert_equals_the_trainer(tmp_path / "run", large, run, ModelOptions(name="linear"), TRAINING)


def test_of_epochs_that_are_equally_good_the_first_is_the_best(table):
    blank = dataclasses.replace(table, features=np.zeros_like(table.features))  # all samples tie in every epoch
    (outcome,) = train_grid(blank, RUNS[:1], model=ModelOptions(name="linear"), training=TRAINING)
    assert len(set(outcome.val_mAP)) == 1
    assert outcome.best_epoch == 1


def test_the_time_is_shared_among_runs_that_were_trained_together(table):
    started = time.perf_counter()
    outcomes = train_grid(table, RUNS, model=ModelOptions(name="linear"), training=TRAINING)
    assert 0 < sum(outcome.seconds for outcome in outcomes) <= time.perf_counter() - started


def test_where_validation_has_no_known_positive_the_last_epoch_is_the_best(tmp_path, table):
    targets = table.labels.dense(range(240))[0]
    targets[140:190] = False
    table = dataclasses.replace(table, labels=Labels(table.labels.names, csr_array(targets)))
    run, model = GridRun(LossOptions(gamma_neg=2), 0.02, seed=1), ModelOptions(name="linear")
    (outcome,) = train_grid(table, [run], model=model, training=TRAINING, test=True)
    assert all(math.isnan(value) for value in outcome.val_mAP)
    assert len(outcome.val_mAP) == outcome.best_epoch == 3
    training = dataclasses.replace(TRAINING, learning_rate=0.02)
    trained = fit(
        Config(source="made", model=model, loss=run.loss, training=training, seed=1), tmp_path / "run", data=table
    )
    tested = evaluate(trained, table, split="test", save=False)
    assert outcome.test == pytest.approx({name: tested[name] for name in outcome.test}, abs=2e-5, nan_ok=True)
