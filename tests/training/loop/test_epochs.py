"""What decides the steps of a run: its seed, its options, and its training samples alone."""

import dataclasses
import os
import signal

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from lopsided.data import Labels
from lopsided.models import ModelOptions
from lopsided.training import LossOptions
from lopsided.training.fit import fit
from lopsided.training.loop.steps import Steps
from lopsided.training.loop.task import MultiLabelTask

# what Lightning and TensorBoard themselves warn of
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:Detected pickle protocol"),
]


@pytest.fixture
def seen(monkeypatch):
    """Sample numbers of every training batch, in order, and the first random number of each step."""
    rows, drawn, step = [], [], MultiLabelTask.training_step

    def recorded(self, batch):
        rows.append(batch["rows"].tolist())
        drawn.append(torch.rand(()).item())
        return step(self, batch)

    monkeypatch.setattr(MultiLabelTask, "training_step", recorded)

    def taken():
        found = rows[:], drawn[:]
        rows.clear()
        drawn.clear()
        return found

    return taken


@pytest.mark.parametrize("sampling", ["shuffle", "balanced"])
def test_seeds_and_epochs_share_no_order_and_no_draw(tmp_path, table, config, seen, sampling):
    config = dataclasses.replace(config, training=dataclasses.replace(config.training, sampling=sampling, epochs=2))
    orders, draws = {}, {}
    for seed in (0, 1, 2):
        fit(dataclasses.replace(config, seed=seed), tmp_path / str(seed), data=table)
        rows, drawn = seen()
        assert [len(batch) for batch in rows] == [32] * 6 + [8] + [32] * 6 + [8]
        for epoch in (0, 1):
            orders[seed, epoch] = [row for batch in rows[7 * epoch : 7 * epoch + 7] for row in batch]
            draws[seed, epoch] = drawn[7 * epoch : 7 * epoch + 7]
    assert len(set(map(tuple, orders.values()))) == 6  # not even those of another epoch
    assert len({number for each in draws.values() for number in each}) == 6 * 7
    train = table.rows("train").tolist()
    for order in orders.values():
        assert (sorted(order) == train) == (sampling == "shuffle")
        assert set(order) <= set(train)
    fit(dataclasses.replace(config, seed=1), tmp_path / "again", data=table)
    rows, drawn = seen()
    assert [row for batch in rows for row in batch] == orders[1, 0] + orders[1, 1]
    assert drawn == draws[1, 0] + draws[1, 1]


def test_balanced_sampling_has_to_do_with_the_training_samples_alone(tmp_path, table, config, seen):
    config = dataclasses.replace(config, training=dataclasses.replace(config.training, sampling="balanced", epochs=1))
    fit(config, tmp_path / "one", data=table)
    first = seen()
    labels = table.labels.dense(range(len(table)))[0]
    labels[200:] = ~labels[200:]  # of val and test
    other = dataclasses.replace(table, labels=Labels(table.labels.names, csr_array(labels)))
    fit(config, tmp_path / "two", data=other)
    assert seen() == first


def test_nothing_outside_the_training_samples_changes_the_training(tmp_path, table, config):
    """Not the scale of features, not the frequencies of labels that a loss starts from, not the weights."""
    config = dataclasses.replace(config, loss=LossOptions(name="distribution_balanced"))
    other = table.labels.dense(range(len(table)))[0]
    other[200:] = ~other[200:]
    features = table.features.copy()
    features[200:] += 1000
    changed = dataclasses.replace(table, features=features, labels=Labels(table.labels.names, csr_array(other)))
    losses = [
        [row["loss"] for row in fit(config, tmp_path / name, data=data).rows() if row["loss"]]
        for name, data in (("one", table), ("two", changed))
    ]
    assert losses[0] == losses[1]
    assert len(losses[0]) == 21


def test_training_stops_after_as_many_epochs_without_a_better_one_as_patience_says(tmp_path, table, config):
    """Where nothing is learned, the first epoch is the best one."""
    still = dataclasses.replace(config.training, learning_rate=1e-12, weight_decay=0.0, epochs=9, patience=2)
    run = fit(dataclasses.replace(config, training=still), tmp_path / "run", data=table)
    assert len([row for row in run.rows() if row["val_mAP"]]) == 3
    assert run.load().epoch == 1


def test_batches_that_are_accumulated_make_one_step(tmp_path, table, config):
    config = dataclasses.replace(config, training=dataclasses.replace(config.training, accumulate=3, epochs=1))
    steps = [int(row["step"]) for row in fit(config, tmp_path / "run", data=table).rows() if row["loss"]]
    assert len(steps) == 7
    assert max(steps) == 3


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_norm_of_gradients_is_clipped(tmp_path, table, config, precision):
    config = dataclasses.replace(config, training=dataclasses.replace(config.training, precision=precision))
    moved = {}
    for clip in (None, 1e-12):
        options = dataclasses.replace(config.training, clip_norm=clip, epochs=1, weight_decay=0.0)
        run = fit(dataclasses.replace(config, training=options), tmp_path / str(clip), data=table)
        moved[clip] = torch.load(run.checkpoints / "last.ckpt", weights_only=True)["current_model_state"]
    start = fit(
        dataclasses.replace(config, training=dataclasses.replace(config.training, learning_rate=1e-30, epochs=1)),
        tmp_path / "start",
        data=table,
    )
    first = torch.load(start.checkpoints / "last.ckpt", weights_only=True)["current_model_state"]
    far, near = ((moved[clip]["model.1.0.weight"] - first["model.1.0.weight"]).norm() for clip in (None, 1e-12))
    assert near < 0.01 * far


def test_the_average_is_the_one_that_the_decay_says(tmp_path, table, config):
    """With a decay of 0 it is the last step's weights."""
    config = dataclasses.replace(config, training=dataclasses.replace(config.training, ema_decay=0.0))
    run = fit(config, tmp_path / "run", data=table)
    checkpoint = torch.load(run.checkpoints / "last.ckpt", weights_only=True)
    averaged, current = checkpoint["state_dict"], checkpoint["current_model_state"]
    assert torch.equal(averaged["model.1.0.weight"], current["model.1.0.weight"])


def test_a_weight_decay_reaches_the_weights_and_no_bias(tmp_path, table, config):
    blank = dataclasses.replace(table, features=np.zeros_like(table.features))
    config = dataclasses.replace(config, model=ModelOptions(name="linear"), loss=LossOptions(name="cross_entropy"))
    found = {}
    for decay in (0.0, 20.0):
        options = dataclasses.replace(config.training, weight_decay=decay, learning_rate=1e-2)
        run = fit(dataclasses.replace(config, training=options), tmp_path / str(decay), data=blank)
        found[decay] = torch.load(run.checkpoints / "last.ckpt", weights_only=True)["current_model_state"]
    (weight,) = (name for name in found[0.0] if name.startswith("model.") and found[0.0][name].dim() == 2)
    assert found[20.0][weight].norm() < 0.6 * found[0.0][weight].norm()
    bias = weight.replace("weight", "bias")
    assert torch.equal(found[20.0][bias], found[0.0][bias])


def test_where_validation_has_no_known_positive_the_last_weights_serve(tmp_path, table, config):
    """There is no mAP to choose by; the first epoch's weights would be hardly trained."""
    targets = table.labels.dense(range(len(table)))[0]
    targets[200:250] = False
    blind = dataclasses.replace(table, labels=Labels(table.labels.names, csr_array(targets)))
    run = fit(config, tmp_path / "run", data=blind)
    assert {row["val_mAP"] for row in run.rows() if row["val_gap"]} == {"nan"}
    assert run.load().epoch == 3
    last = torch.load(run.checkpoints / "last.ckpt", weights_only=True)["state_dict"]
    best = torch.load(run.checkpoints / "best.ckpt", weights_only=True)["state_dict"]
    assert torch.equal(best["model.1.0.weight"], last["model.1.0.weight"])


def test_a_process_that_is_told_to_end_ends_after_its_batch_and_goes_on_later(tmp_path, monkeypatch, table, config):
    whole, before, taken = fit(config, tmp_path / "whole", data=table), signal.getsignal(signal.SIGTERM), Steps.take

    def told(self, batch, *, epoch, number):
        taken(self, batch, epoch=epoch, number=number)
        if (epoch, number) == (1, 2):
            os.kill(os.getpid(), signal.SIGTERM)
        assert (epoch, number) <= (1, 2)

    with monkeypatch.context() as patched:
        patched.setattr(Steps, "take", told)
        with pytest.raises(KeyboardInterrupt):
            fit(config, tmp_path / "cut", data=table)
    assert signal.getsignal(signal.SIGTERM) is before
    again = fit(config, tmp_path / "cut", data=table, resume=True)
    assert again.metrics_file.read_bytes() == whole.metrics_file.read_bytes()


@pytest.mark.parametrize(
    ("name", "change", "why"),
    [
        ("optimizer_states", lambda states: [], "IndexError"),
        ("averaging_state", lambda state: {}, "KeyError"),
        ("current_model_state", lambda state: {**state, "more": torch.ones(1)}, "Unexpected key"),
    ],
)
def test_a_checkpoint_that_holds_no_state_of_the_run_is_refused(tmp_path, table, config, name, change, why):
    run = fit(dataclasses.replace(config), tmp_path / "run", data=table)
    path = run.checkpoints / "last.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    checkpoint[name] = change(checkpoint[name])
    torch.save(checkpoint, path)
    with pytest.raises(ValueError, match=f"last.ckpt to be a checkpoint to go on from, got .*{why}"):
        fit(config, run.path, data=table, resume=True)


def test_the_log_of_tensorboard_has_every_row(tmp_path, table, config):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = fit(config, tmp_path / "run", data=table)
    events = EventAccumulator(str(run.path / "tensorboard"))
    events.Reload()
    rows = run.rows()
    for name in ("loss", "gamma_neg", "learning_rate", "val_mAP"):
        wanted = [(int(row["step"]), pytest.approx(float(row[name]), rel=1e-5)) for row in rows if row[name]]
        assert [(event.step, event.value) for event in events.Scalars(name)] == wanted
