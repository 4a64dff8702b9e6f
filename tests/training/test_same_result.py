"""What must not change a result does not: running again, the size of batches when scoring, the number of threads."""

import csv
import dataclasses

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from lopsided.data import DataOptions, Labels, Table
from lopsided.inference.evaluate import evaluate
from lopsided.inference.predict import predict
from lopsided.inference.scoring import collected
from lopsided.models import ModelOptions
from lopsided.training.fit import fit

# what Lightning and TensorBoard themselves warn of
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

SIZES = (1, 7, 256)  # of batches


@pytest.fixture
def images(config, make_manifest):
    """40 images and how to train on them, with every random change there is."""
    pytest.importorskip("PIL", reason="images need Pillow")
    data = DataOptions(image_size=16, rand_augment=9, cutout=0.5, mixup=0.2)
    model = ModelOptions(name="small_cnn", width=8, dropout=0.2)
    training = dataclasses.replace(config.training, epochs=2, batch_size=8, workers=0)
    config = dataclasses.replace(config, source="listing:made", data=data, model=model, training=training)
    return config, make_manifest(40)


@pytest.fixture
def table_run(config, table):
    training = dataclasses.replace(config.training, sampling="balanced", accumulate=2)
    return dataclasses.replace(config, model=ModelOptions(name="mlp", dropout=0.5), training=training), table


@pytest.mark.parametrize("case", ["table_run", "images"])
def test_one_configuration_run_twice_gives_the_same_weights_to_the_bit(tmp_path, request, case):
    config, data = request.getfixturevalue(case)
    runs = [fit(config, tmp_path / name, data=data) for name in ("one", "two")]
    for name in ("last", "best"):
        one, two = (torch.load(run.checkpoints / f"{name}.ckpt", weights_only=True) for run in runs)
        for part in ("state_dict", "current_model_state"):
            assert list(one[part]) == list(two[part])
            for weights in one[part]:
                assert torch.equal(one[part][weights], two[part][weights]), weights
        moments = [checkpoint["optimizer_states"][0]["state"] for checkpoint in (one, two)]
        assert all(torch.equal(moments[0][k]["exp_avg"], moments[1][k]["exp_avg"]) for k in moments[0])


def test_another_seed_gives_other_weights(tmp_path, table_run):
    config, data = table_run
    runs = [
        fit(dataclasses.replace(config, seed=seed), tmp_path / str(seed), data=data).load().model for seed in (0, 1)
    ]
    assert not torch.equal(runs[0][1][0].weight, runs[1][1][0].weight)


def with_batch_size(run, size):
    """The run, as if it had been trained with batches of this size: scoring takes as many samples at a time."""
    config = run.config()
    dataclasses.replace(config, training=dataclasses.replace(config.training, batch_size=size)).save(run.config_file)
    return run


def numbers_in(value):
    if isinstance(value, dict):
        return {name: numbers_in(part) for name, part in value.items()}
    if isinstance(value, list):
        return [numbers_in(part) for part in value]
    return pytest.approx(value, rel=1e-5, abs=1e-6, nan_ok=True) if isinstance(value, float) else value


@pytest.mark.parametrize("case", ["table_run", "images"])
def test_the_size_of_batches_changes_no_metric_and_no_probability(tmp_path, request, case):
    config, data = request.getfixturevalue(case)
    run = fit(config, tmp_path / "run", data=data)
    metrics, rows = [], []
    for size in SIZES:
        metrics.append(evaluate(with_batch_size(run, size), data, save=False))
        predict(run, data, tmp_path / "p.csv")
        with (tmp_path / "p.csv").open(newline="") as file:
            rows.append(list(csv.DictReader(file)))
    assert metrics[1] == numbers_in(metrics[0])
    assert metrics[2] == numbers_in(metrics[0])
    which = "path" if "path" in rows[0][0] else "row"
    for other in rows[1:]:
        assert [row[which] for row in other] == [row[which] for row in rows[0]]
        for one, two in zip(rows[0], other, strict=True):
            for name in (name for name in one if name.startswith("p:")):
                assert float(two[name]) == pytest.approx(float(one[name]), rel=1e-5, abs=1e-6)


@pytest.fixture
def two_threads():
    """Two threads inside the block of the function that it gives."""
    before = torch.get_num_threads()
    yield lambda: torch.set_num_threads(2)
    torch.set_num_threads(before)


def test_another_number_of_threads_agrees_to_one_part_in_ten_thousand(tmp_path, config, two_threads):
    # Large enough that torch shares the work out: a small piece is done by one thread whatever their number is.
    draw = np.random.default_rng(0)
    features = draw.normal(size=(1280, 256)).astype(np.float32)
    labels = Labels(tuple(f"l{k}" for k in range(100)), csr_array(features[:, :100] > 1.5))
    table = Table("wide", features, labels, np.array(["train"] * 1024 + ["test"] * 256))
    training = dataclasses.replace(config.training, epochs=2, batch_size=256)
    config = dataclasses.replace(config, model=ModelOptions(name="mlp", width=512), training=training)
    found = []
    for threads in (1, 2):
        if threads == 2:
            two_threads()
        run = fit(config, tmp_path / str(threads), data=table)
        losses = [float(row["loss"]) for row in run.rows() if row["loss"]]
        found.append((losses, collected(run.load(), table, split="test", batch_size=256).logits))
    assert torch.get_num_threads() == 2
    assert found[1][0] == pytest.approx(found[0][0], rel=1e-4)
    torch.testing.assert_close(found[1][1], found[0][1], rtol=1e-3, atol=1e-3)
