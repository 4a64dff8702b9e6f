"""Runs whose labels or samples weigh differently in the loss."""

import dataclasses
import shutil

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from lopsided.data import Labels
from lopsided.experiments.grid.batched import why_not
from lopsided.models import ModelOptions
from lopsided.training import LossOptions, TrainingOptions
from lopsided.training.fit import fit
from lopsided.training.loop.task import MultiLabelTask
from tests.training.loop.test_label_parts import LABELS, batch_of, network, task_of


def weighed(config, path, weights, **training):
    path.write_text("label,weight\n" + "".join(f"{name},{weight}\n" for name, weight in weights.items()))
    return dataclasses.replace(
        config, training=dataclasses.replace(config.training, label_weights=str(path), **training)
    )


def weights_of(run):
    return run.load().model.state_dict()["1.weight"]


def with_linear(config):
    return dataclasses.replace(
        config,
        loss=LossOptions(name="asymmetric"),
        model=dataclasses.replace(config.model, name="linear"),
        training=dataclasses.replace(config.training, optimizer="sgd", weight_decay=0.0, learning_rate=0.05),
    )


def test_a_label_of_weight_0_is_not_learned_and_a_weight_of_2_is_a_rate_of_2(tmp_path, config, table, capsys):
    config = with_linear(config)
    plain = fit(config, tmp_path / "plain", data=table)
    config = weighed(config, tmp_path / "w.csv", {"a": 1, "b": 2, "c": 0})
    run = fit(config, tmp_path / "run", data=table)
    assert "made: labels weigh from 0 to 2 in the loss" in capsys.readouterr().err
    twice = dataclasses.replace(config.training, label_weights=None, learning_rate=0.1)
    fast = fit(dataclasses.replace(config, training=twice), tmp_path / "fast", data=table)
    a, b, c = weights_of(run)
    assert torch.allclose(a, weights_of(plain)[0], atol=1e-6)
    assert torch.allclose(b, weights_of(fast)[1], atol=1e-6)
    assert not torch.allclose(b, weights_of(plain)[1], atol=1e-3)
    torch.manual_seed(config.seed)
    from lightning_fabric import seed_everything

    seed_everything(config.seed, verbose=False)
    started = torch.nn.Linear(6, 3).weight
    assert torch.allclose(c, started[2])


def test_weights_of_1_change_nothing(tmp_path, config, table):
    plain = fit(config, tmp_path / "plain", data=table)
    run = fit(weighed(config, tmp_path / "w.csv", {"a": 1, "b": 1, "c": 1}), tmp_path / "run", data=table)
    assert run.rows() == plain.rows()


def test_a_run_goes_on_with_the_weights_that_it_kept_when_the_file_is_gone(tmp_path, config, table):
    config = weighed(config, tmp_path / "w.csv", {"a": 1, "b": 5, "c": 0.5})
    whole = fit(config, tmp_path / "whole", data=table)

    def stop(epoch, _):
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(config, tmp_path / "run", data=table, after_epoch=stop)
    (tmp_path / "w.csv").unlink()
    shutil.move(tmp_path / "run", tmp_path / "moved")
    run = fit(config, tmp_path / "moved", data=table, resume=True)
    assert run.rows() == whole.rows()
    for name, value in run.load().model.state_dict().items():
        assert torch.equal(value, whole.load().model.state_dict()[name])


def test_weights_that_changed_are_refused_where_a_run_goes_on(tmp_path, config, table):
    config = weighed(config, tmp_path / "w.csv", {"a": 1, "b": 5, "c": 0.5})
    run = fit(config, tmp_path / "run", data=table)
    weighed(config, tmp_path / "w.csv", {"a": 1, "b": 6, "c": 0.5})
    with pytest.raises(ValueError, match=r"w\.csv: to resume .*, expected the label weights .*, got 6 for 'b', not 5"):
        fit(config, run.path, data=table, resume=True)
    (tmp_path / "w.csv").unlink()
    fit(config, run.path, data=table, resume=True)
    without = dataclasses.replace(config, training=dataclasses.replace(config.training, label_weights=None))
    with pytest.raises(ValueError, match=r"expected training\.label_weights to be .*w\.csv, got None"):
        fit(without, run.path, data=table, resume=True)


@pytest.mark.parametrize("name", ["zlpr", "two_way"])
def test_a_loss_of_whole_samples_takes_no_weights(tmp_path, config, table, name):
    config = dataclasses.replace(config, loss=LossOptions(name=name))
    config = weighed(config, tmp_path / "w.csv", {"a": 1, "b": 2, "c": 1})
    with pytest.raises(ValueError, match=rf"expected no training\.label_weights with loss\.name={name}"):
        fit(config, tmp_path / "run", data=table)
    assert not (tmp_path / "run").joinpath("config.yaml").exists()


@pytest.mark.parametrize("kind", ["features", "sparse"])
def test_a_step_in_parts_weighs_labels_as_the_step_with_all_logits(kind):
    weights = torch.rand(LABELS) * 3
    came = []
    for in_parts, batch in zip((False, True), batch_of(kind, masked=True), strict=True):
        plain = task_of(network(kind, "linear"), LossOptions(name="adaptive"), in_parts=in_parts)
        task = MultiLabelTask(
            plain.model, plain.criterion, plain.options, about={}, in_parts=in_parts, label_weights=weights
        )
        value = task.training_step(batch)
        value.backward()
        came.append([value.detach(), *(parameter.grad for parameter in task.model.parameters())])
    torch.testing.assert_close(came[1], came[0])


def with_weights(table, weights):
    return dataclasses.replace(table, weights=np.asarray(weights, np.float32))


def test_a_sample_of_weight_0_teaches_nothing(tmp_path, config, table):
    weights = np.where(np.arange(len(table)) % 2, 1, 0)
    other = table.labels.positives.toarray()
    other[weights == 0] = ~other[weights == 0]
    other = dataclasses.replace(table, labels=Labels(table.labels.names, csr_array(other)))
    config = with_linear(config)
    model = dataclasses.replace(config.model, head_bias="drawn")
    config = dataclasses.replace(config, model=model)
    one = fit(config, tmp_path / "one", data=with_weights(table, weights))
    two = fit(config, tmp_path / "two", data=with_weights(other, weights))
    plain = fit(config, tmp_path / "plain", data=table)
    assert torch.equal(weights_of_last(one), weights_of_last(two))
    assert not torch.allclose(weights_of_last(one), weights_of_last(plain), atol=1e-3)


def weights_of_last(run):
    return run.checkpoint(run.checkpoints / "last.ckpt")["state_dict"]["model.1.weight"]


def test_a_weight_of_2_for_all_samples_is_a_rate_of_2(tmp_path, config, table):
    config = with_linear(config)
    run = fit(config, tmp_path / "run", data=with_weights(table, np.full(len(table), 2)))
    twice = dataclasses.replace(config.training, learning_rate=2 * config.training.learning_rate)
    fast = fit(dataclasses.replace(config, training=twice), tmp_path / "fast", data=table)
    assert torch.allclose(weights_of(run), weights_of(fast), atol=1e-6)
    assert [row["val_mAP"] for row in run.rows()] == [row["val_mAP"] for row in fast.rows()]


@pytest.mark.parametrize("kind", ["features", "sparse"])
def test_a_step_in_parts_weighs_samples_and_labels_as_the_step_with_all_logits(kind):
    weights, of_labels = torch.rand(9), torch.rand(LABELS)
    came = []
    for in_parts, batch in zip((False, True), batch_of(kind, masked=False), strict=True):
        plain = task_of(network(kind, "linear"), LossOptions(), in_parts=in_parts)
        task = MultiLabelTask(
            plain.model, plain.criterion, plain.options, about={}, in_parts=in_parts, label_weights=of_labels
        )
        value = task.training_step({**batch, "weight": weights})
        if not in_parts:
            each = weights.unsqueeze(1) * of_labels
            wanted = task.criterion(task.logits(batch["inputs"]), batch["targets"], weight=each)
            torch.testing.assert_close(value, wanted)
        value.backward()
        came.append([value.detach(), *(parameter.grad for parameter in task.model.parameters())])
    torch.testing.assert_close(came[1], came[0])


def test_weights_of_samples_are_refused_where_they_do_nothing(tmp_path, config, table):
    zeros = np.where(table.splits == "train", 0, 1)
    with pytest.raises(ValueError, match="made: expected a training sample with a weight above 0, got 0 for all"):
        fit(config, tmp_path / "run", data=with_weights(table, zeros))
    zlpr = dataclasses.replace(config, loss=LossOptions(name="zlpr"))
    with pytest.raises(ValueError, match=r"expected no data\.weight_column with loss\.name=zlpr"):
        fit(zlpr, tmp_path / "run", data=with_weights(table, np.ones(len(table))))


def test_a_grid_leaves_data_with_weights_to_runs_one_by_one(table):
    weighted = with_weights(table, np.ones(len(table)))
    assert why_not(weighted, ModelOptions(), TrainingOptions()) == (
        "training in one batch does not know weights of samples"
    )
    assert why_not(table, ModelOptions(), TrainingOptions()) is None
