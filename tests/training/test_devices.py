"""A run on two processes learns what a run on one does."""

import os
import subprocess
import sys

import numpy as np
import pytest

from lopsided.training import RunFolder

MAIN = "import sys; from lopsided.cli.main import main; sys.exit(main())"


@pytest.mark.slow
def test_two_processes_take_the_steps_of_one(tmp_path):
    draw = np.random.default_rng(0)
    features = draw.normal(size=(640, 10))
    split = np.array(["train"] * 512 + ["val"] * 128)
    np.savez(tmp_path / "t.npz", features=features, labels=features[:, :4] > 1, split=split)
    script = tmp_path / "run.py"  # a file, because each further process is started by running it again
    script.write_text(MAIN)
    runs = {}
    for devices, batch_size in ((1, 64), (2, 32)):
        out = tmp_path / str(devices)
        options = {
            "--loss.name": "adaptive",
            "--training.epochs": 4,
            "--training.accelerator": "cpu",
            "--training.devices": devices,
            "--training.batch_size": batch_size,
            "--out": out,
        }
        words = [str(word) for option in options.items() for word in option]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        line = [sys.executable, str(script), "train", f"table:{tmp_path / 't.npz'}", *words]
        ended = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout.count("trained") == 1
        runs[devices] = RunFolder(out).rows()
    assert len(runs[1]) == len(runs[2])
    for name in ("gap", "gamma_neg", "loss", "val_mAP", "val_gap"):
        one, two = ([float(row[name]) for row in runs[devices] if row[name]] for devices in (1, 2))
        assert one == pytest.approx(two, rel=1e-3, abs=1e-4), name
