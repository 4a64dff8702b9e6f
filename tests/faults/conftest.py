"""The four verbs that work long, on data of milliseconds, and a process that starts them."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.faults.files import contents

VERBS = ("train", "sweep", "predict", "audit")


@dataclasses.dataclass
class Ended:
    """What became of a command line."""

    code: int  # negative: the signal that ended it
    out: str
    error: str

    def told(self):
        """The one line that says what went wrong, without the program's name; the rest is progress or about data."""
        assert "Traceback" not in self.error + self.out, self.error
        lines = [line for line in self.error.replace("\r", "\n").splitlines() if line.strip()]
        ours = [line for line in lines if line.startswith("lopsided ") and ": fold " not in line]
        others = [line for line in lines if not line.startswith(("  ", "lopsided ", "epoch ", "labels: "))]
        assert len(ours) == 1, self.error
        assert not others, self.error
        return ours[0].partition(": ")[2]


class Start:
    """Starts command lines in a warm process, see ``warm.py``."""

    def __init__(self, folder):
        self.folder, self.number = folder, 0
        self.process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("warm.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "XDG_CACHE_HOME": str(folder)},
        )
        assert self.process.stdout.readline() == "ready\n"

    def __call__(self, words, *, while_it_runs=None, **fault):
        """Run a command line.

        Args:
            words: Behind ``lopsided``.
            while_it_runs: Called with the number of the process.
            fault: What it suffers, see ``warm.py``.
        """
        self.number += 1
        out, error = (self.folder / f"{self.number}.{name}" for name in ("out", "err"))
        job = {
            "words": [str(word) for word in words],
            "cwd": str(self.folder),
            "stdout": str(out),
            "stderr": str(error),
        }
        print(json.dumps(job | fault), file=self.process.stdin, flush=True)
        child = int(self.process.stdout.readline())
        if while_it_runs:
            while_it_runs(child)
        code = int(self.process.stdout.readline())
        return Ended(code, *(path.read_text() if path.exists() else "" for path in (out, error)))

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


@pytest.fixture(scope="session")
def start(tmp_path_factory):
    process = Start(tmp_path_factory.mktemp("streams"))
    yield process
    process.close()


@pytest.fixture(scope="session")
def table(tmp_path_factory):
    draw = np.random.default_rng(0)
    features = draw.normal(size=(400, 10)).astype(np.float32)
    labels = features @ draw.normal(size=(10, 4)) > 2
    path = tmp_path_factory.mktemp("data") / "table.npz"
    np.savez(
        path,
        features=features,
        labels=labels,
        split=np.array(["train", "train", "val", "test"])[draw.integers(0, 4, 400)],
    )
    return f"table:{path}"


@pytest.fixture(params=VERBS)
def line(request, table, trained):
    """The words of a verb, by the folder that it writes to."""

    def words(folder):
        match request.param:
            case "train":
                return train_line(table, folder)
            case "images":
                return images_line(request.getfixturevalue("photos"), folder, workers=2)
            case "texts":
                return texts_line(request.getfixturevalue("texts"), folder)
            case "sweep":
                return sweep_line(table, folder)
            case "predict":
                return ["predict", trained, "--split", "train", "--out", folder / "predictions.parquet"]
        if not (folder / "config.yaml").exists():  # folds are kept in the run
            shutil.copytree(trained, folder, dirs_exist_ok=True)
        return ["audit", folder, "--folds", "2"]

    words.verb = request.param
    return words


@dataclasses.dataclass
class Alone:
    """What a verb comes to that is left alone."""

    folder: Path
    contents: dict
    seconds: float
    operations: int  # times that it changes a file


@pytest.fixture(scope="session")
def all_alone():
    return {}


@pytest.fixture
def alone(start, line, all_alone, tmp_path_factory):
    if line.verb not in all_alone:
        folder, counter = (tmp_path_factory.mktemp("alone") / name for name in ("whole", "operations"))
        folder.mkdir()
        started = time.monotonic()
        assert start(line(folder), folder=str(folder), operations_to=str(counter)).code == 0
        seconds = time.monotonic() - started
        all_alone[line.verb] = Alone(folder, contents(folder), seconds, int(counter.read_text()))
    return all_alone[line.verb]


@pytest.fixture(scope="session")
def trained(start, table, tmp_path_factory):
    run = tmp_path_factory.mktemp("trained") / "run"
    assert start(train_line(table, run)).code == 0
    return run


def train_line(table, run):
    options = ("--training.epochs=6", "--training.batch_size=16", "--model.name=mlp", "--model.dropout=0.3")
    return ["train", table, "--out", run, "--loss.name=adaptive", "--resume", *options]


def sweep_line(table, folder):
    options = ("--grid=0,2", "--seeds=2", "--trials=2", "--model.name=linear", "--training.epochs=2")
    return ["sweep", "gamma_neg", table, "--out", folder, "--training.batch_size=16", *options]


@pytest.fixture
def photos(tmp_path):
    """A listing of 40 images in two splits."""
    from PIL import Image

    draw = np.random.default_rng(0)
    folder = tmp_path / "photos"
    (folder / "images").mkdir(parents=True)
    rows = []
    for number in range(40):
        name = f"images/{number}.png"
        Image.fromarray(draw.integers(0, 256, (24, 24, 3), dtype=np.uint8)).save(folder / name)
        rows.append(f"{name},{'val' if number % 4 == 0 else 'train'},{'a|b' if number % 3 else 'a'}")
    (folder / "labels.csv").write_text("path,split,labels\n" + "\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="session")
def texts(tmp_path_factory):
    """JSON lines of 240 texts in three splits."""
    draw, path = np.random.default_rng(0), tmp_path_factory.mktemp("data") / "texts.jsonl"
    words = [f"{a}{b}" for a in ("ba", "no", "li", "ku", "re") for b in ("mar", "tin", "sol", "gen")]
    rows = []
    for number in range(240):
        chosen = draw.integers(0, len(words), 8)
        labels = [words[k] for k in sorted(set(chosen.tolist())) if k < 4]
        split = ["train", "train", "val", "test"][number % 4]
        rows.append({"text": " ".join(words[k] for k in chosen), "labels": labels, "split": split})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return f"text:{path}"


def texts_line(source, run):
    options = ("--model.name=tfidf", "--training.epochs=6", "--training.batch_size=16", "--loss.name=adaptive")
    return ["train", source, "--out", run, "--resume", *options]


def images_line(photos, run, *, workers):
    options = ("--data.image_size=24", "--model.name=small_cnn", "--training.epochs=12", "--training.batch_size=4")
    return [
        "train",
        f"listing:{photos / 'labels.csv'}",
        "--out",
        run,
        "--resume",
        f"--training.workers={workers}",
        *options,
    ]
