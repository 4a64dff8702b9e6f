"""What the options of training do, seen in what a run records and saves."""

import dataclasses

import numpy as np
import pytest
import torch

from lopsided.data import Labels
from lopsided.training import LossOptions, TrainingOptions
from lopsided.training.fit import fit

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:Detected pickle protocol"),
]


def trained(config, out, data, **options):
    loss = LossOptions(name="cross_entropy")
    config = dataclasses.replace(config, loss=loss, training=dataclasses.replace(config.training, **options))
    return fit(config, out, data=data)


def weights(run):
    return torch.load(run.checkpoints / "last.ckpt", weights_only=True)["current_model_state"]


def test_two_batches_make_a_step_of_one_twice_as_large(tmp_path, table, config):
    whole = trained(config, tmp_path / "whole", table, batch_size=50)
    parts = trained(config, tmp_path / "parts", table, batch_size=25, accumulate=2)
    assert [row["step"] for row in parts.rows() if row["loss"]][:4] == ["0", "1", "1", "2"]
    torch.testing.assert_close(weights(whole), weights(parts), rtol=1e-3, atol=1e-5)


def test_a_long_gradient_is_shortened(tmp_path, table, config):
    # Adam does not notice a constant factor, but the ratio of short to long gradients.
    free, clipped = (weights(trained(config, tmp_path / str(norm), table, clip_norm=norm)) for norm in (None, 0.1))
    assert not torch.allclose(free["model.1.0.weight"], clipped["model.1.0.weight"], atol=1e-4)


def test_training_ends_early_where_validation_gets_no_better(tmp_path, table, config):
    draw = np.random.default_rng(1)
    noise = Labels(table.labels.names, type(table.labels.positives)(draw.random((300, 3)) < 0.3))
    run = trained(config, tmp_path / "run", dataclasses.replace(table, labels=noise), epochs=60, patience=2)
    reached = [float(row["val_mAP"]) for row in run.rows() if row["val_mAP"]]
    assert len(reached) < 60
    assert max(reached[-2:]) <= max(reached[:-2])
    assert run.load().epoch == 1 + int(np.argmax(reached))


def test_patience_needs_something_to_wait_for(tmp_path, table, config):
    alone = dataclasses.replace(table, splits=np.full(len(table), "train"))
    with pytest.raises(ValueError, match="training.patience needs a validation split"):
        trained(config, tmp_path / "run", alone, patience=2)
    assert not (tmp_path / "run" / "config.yaml").exists()


def test_balanced_sampling_shows_rare_labels_more_often(tmp_path, table, config):
    rare = table.labels.positives.toarray()
    rare[30:, 1] = False
    labels = Labels(table.labels.names, type(table.labels.positives)(rare))
    table = dataclasses.replace(table, labels=labels)
    shares = {}
    for sampling in ("shuffle", "balanced"):
        run = trained(config, tmp_path / sampling, table, sampling=sampling, epochs=12)
        with torch.inference_mode():
            shares[sampling] = torch.sigmoid(run.load().model(torch.from_numpy(table.features)))[:, 1].mean()
    assert shares["balanced"] > 1.5 * shares["shuffle"]


def test_half_precision_learns_nearly_the_same(tmp_path, table, config):
    exact, half = (
        trained(config, tmp_path / precision, table, precision=precision) for precision in ("float32", "bfloat16")
    )
    losses = [np.array([float(row["loss"]) for row in run.rows() if row["loss"]]) for run in (exact, half)]
    assert losses[0] == pytest.approx(losses[1], rel=0.05)
    assert (losses[0] != losses[1]).any()
    assert weights(half)["model.1.0.weight"].dtype == torch.float32


def test_float16_is_for_gpus(tmp_path, table, config):
    with pytest.raises(ValueError, match="training.precision=float16 needs a GPU, got a CPU"):
        trained(config, tmp_path / "run", table, precision="float16")


@pytest.mark.slow
def test_a_compiled_network_learns_the_same_and_keeps_its_names(tmp_path, table, config):
    plain, compiled = (trained(config, tmp_path / str(on), table, compile=on) for on in (False, True))
    torch.testing.assert_close(weights(plain), weights(compiled), rtol=1e-4, atol=1e-5)
    assert compiled.load().labels == plain.load().labels


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"accumulate": 0}, "expected training.accumulate to be at least 1, got 0"),
        ({"patience": 0}, "expected training.patience to be at least 1, got 0"),
        ({"machines": 0}, "expected training.machines to be at least 1, got 0"),
        ({"clip_norm": 0.0}, "expected training.clip_norm to be above 0, got 0.0"),
        ({"workers": -1}, "expected training.workers to be at least 0, got -1"),
    ],
)
def test_values_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        TrainingOptions(**options)
