"""A run on two processes learns what a run on one does."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from lopsided.training import RunFolder
from tests.models.texts.tiny_encoder import write_tiny_encoder

MAIN = "import sys; from lopsided.cli.main import main; sys.exit(main())"


def trained(tmp_path, source, options, *, out, launcher=()):
    script = tmp_path / "run.py"  # a file, because each further process is started by running it again
    script.write_text(MAIN)
    words = [str(word) for option in options.items() for word in option]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    line = [sys.executable, *launcher, str(script), "train", source, *words, "--out", str(out)]
    ended = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("trained") == 1
    return RunFolder(out).rows()


def assert_equal_records(one, two):
    assert len(one) == len(two)
    for name in ("gap", "gamma_neg", "loss", "val_mAP", "val_gap"):
        first, second = ([float(row[name]) for row in rows if row[name]] for rows in (one, two))
        assert first == pytest.approx(second, rel=1e-3, abs=1e-4), name


def options(*, devices, batch_size):
    return {
        "--loss.name": "adaptive",
        "--training.epochs": 4,
        "--training.accelerator": "cpu",
        "--training.devices": devices,
        "--training.batch_size": batch_size,
    }


@pytest.fixture
def table_source(tmp_path):
    draw = np.random.default_rng(0)
    features = draw.normal(size=(640, 10))
    split = np.array(["train"] * 512 + ["val"] * 128)
    np.savez(tmp_path / "t.npz", features=features, labels=features[:, :4] > 1, split=split)
    return f"table:{tmp_path / 't.npz'}"


@pytest.mark.slow
def test_two_processes_take_the_steps_of_one(tmp_path, table_source):
    runs = [
        trained(tmp_path, table_source, options(devices=devices, batch_size=64 // devices), out=tmp_path / str(devices))
        for devices in (1, 2)
    ]
    assert_equal_records(*runs)


@pytest.mark.slow
def test_processes_that_torchrun_started_take_the_steps_of_one(tmp_path, table_source):
    one = trained(tmp_path, table_source, options(devices=1, batch_size=64), out=tmp_path / "one")
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    two = trained(tmp_path, table_source, options(devices=2, batch_size=32), out=tmp_path / "two", launcher=launcher)
    assert_equal_records(one, two)


@pytest.mark.slow
def test_two_processes_see_the_same_augmented_images_as_one(tmp_path):
    image = pytest.importorskip("PIL.Image", reason="images need Pillow")
    draw = np.random.default_rng(0)
    lines = ["path,split,labels"]
    for i in range(64):
        pixels = draw.integers(0, 150, (16, 16, 3), dtype=np.uint8)
        has = draw.random(2) < 0.4
        pixels[..., :2] += 100 * has.astype(np.uint8)
        image.fromarray(pixels).save(tmp_path / f"{i}.png")
        labels = "|".join(name for name, there in zip("ab", has, strict=True) if there)
        lines.append(f"{i}.png,{'val' if i % 4 == 3 else 'train'},{labels}")
    (tmp_path / "9.png").write_bytes(b"broken")  # of the training split
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    # Without normalisation over the batch, which depends on how many samples a process sees.
    further = {"--model.name": "linear", "--data.image_size": 16, "--data.rand_augment": 9}
    runs = [
        trained(
            tmp_path,
            f"listing:{tmp_path / 'labels.csv'}",
            options(devices=devices, batch_size=16 // devices) | further | {"--training.workers": 2 - devices},
            out=tmp_path / str(devices),
        )
        for devices in (1, 2)
    ]
    assert_equal_records(*runs)
    assert (tmp_path / "2" / "unreadable.csv").read_text().count("9.png") == 1


@pytest.mark.slow
@pytest.mark.parametrize("network", ["tfidf", "encoder"])
def test_two_processes_learn_of_texts_what_one_does(tmp_path, network):
    rows = [
        {
            "text": f"{['the cat purrs', 'a dog barks', 'red and blue'][k % 3]} {k % 7}",
            "labels": [["cat"], ["dog"], []][k % 3],
        }
        for k in range(160)
    ]
    file = tmp_path / "pets.jsonl"
    file.write_text(
        "".join(json.dumps(row | {"split": "val" if k % 5 == 4 else "train"}) + "\n" for k, row in enumerate(rows))
    )
    # A frozen encoder, since dropout, of which one that learns has some, is drawn by each process for itself.
    model = {"--model.name": "tfidf"}
    if network == "encoder":
        model = {"--model.name": write_tiny_encoder(tmp_path / "tiny"), "--model.frozen": "true"}
    runs = [
        trained(
            tmp_path,
            f"text:{file}",
            options(devices=devices, batch_size=32 // devices) | model | {"--training.learning_rate": 0.01},
            out=tmp_path / str(devices),
        )
        for devices in (1, 2)
    ]
    assert_equal_records(*runs)
