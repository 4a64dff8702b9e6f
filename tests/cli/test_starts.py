"""What each verb may import: a start is as long as what it loads."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from lopsided.cli.main import VERBS

SLOW = (
    *("torch", "numpy", "scipy", "scipy.signal", "scipy.optimize", "scipy.stats", "pyarrow", "sklearn", "matplotlib"),
    *("pytorch_lightning", "lightning_fabric", "torchvision", "transformers", "timm", "PIL", "onnx", "optuna"),
)
"""Modules that take long to import."""

READS = {"numpy", "scipy"}
"""What holds data in memory; with the reader of a CSV file, Arrow."""

OF_VERBS = {
    "inspect": {*READS, "pyarrow"},
    "evaluate": {*READS, "torch", "pyarrow"},
    "thresholds": {*READS, "torch", "pyarrow"},
    "predict": {*READS, "torch", "pyarrow"},
    "calibrate": {*READS, "torch", "pyarrow", "sklearn", "scipy.optimize", "scipy.stats"},  # scikit-learn fits it
    "report": {*READS, "torch", "pyarrow", "matplotlib", "PIL"},  # matplotlib draws, and imports Pillow
}
"""The verbs on a run of a table, and the slow modules that each needs."""


def imported(arguments, *, folder, code=0):
    """The slow modules that are there after a verb."""
    script = (
        "import contextlib, io, json, sys\n"
        "from lopsided.cli.main import main\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n"
        "    code = main(sys.argv[1:])\n"
        f"print(json.dumps([code, [name for name in {SLOW!r} if name in sys.modules]]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    found, modules = json.loads(done.stdout)
    assert found == code, done.stderr
    return set(modules)


@pytest.mark.parametrize("verb", VERBS)
def test_help_needs_none_of_them(verb, tmp_path):
    assert imported([verb, "--help"], folder=tmp_path) == set()


@pytest.mark.parametrize("line", [["train", "digits", "--loss.gama", "2"], ["evaluate"], ["sweep", "gamma"]])
def test_wrong_usage_is_told_without_them(line, tmp_path):
    assert imported(line, folder=tmp_path, code=2) == set()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a small table and a run on it."""
    from lopsided.cli.main import main

    path = tmp_path_factory.mktemp("starts")
    random = np.random.default_rng(0)
    features = random.normal(size=(90, 3))
    lines = ["a,b,c,label:cat,label:dog,split"]
    for row, split in zip(features, ["train"] * 50 + ["val"] * 20 + ["test"] * 20, strict=True):
        lines.append(",".join(map(str, [*row.round(3), int(row[0] > 0), int(row[1] > 0), split])))
    (path / "pets.csv").write_text("\n".join(lines) + "\n")
    assert main(["train", f"table:{path}/pets.csv", "--training.epochs", "1", "--out", f"{path}/run"]) == 0
    return path


@pytest.mark.parametrize("verb", OF_VERBS)
def test_a_verb_imports_what_it_needs_and_nothing_else(verb, folder):
    what = "table:pets.csv" if verb == "inspect" else "run"
    assert imported([verb, what], folder=folder) <= OF_VERBS[verb]


def test_an_export_needs_neither_lightning_nor_what_reads_pictures(folder):
    unwanted = {"pytorch_lightning", "lightning_fabric", "torchvision", "transformers", "timm", "matplotlib", "sklearn"}
    assert not imported(["export", "run", "run.onnx"], folder=folder) & unwanted
