"""Run folders, configurations and weights that a stranger made: one line, nothing executed, nothing waited for."""

import io
import os
import pickle
import shutil

import numpy as np
import pytest
import torch

from lopsided.cli.main import main

# what Lightning and TensorBoard themselves warn of
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:Detected pickle protocol"),
]

VERBS = {
    "evaluate": "evaluate {run}",
    "predict": "predict {run} --out {folder}/p.csv",
    "export": "export {run} {folder}/x.onnx",
    "report": "report {run} --out {folder}/r.html",
    "audit": "audit {run}",
    "calibrate": "calibrate {run}",
    "thresholds": "thresholds {run}",
    "train --resume": "train {source} {few} --out {run} --resume",
    "train --config": "train {source} --config {run}/config.yaml --out {folder}/other",
}
ON_WEIGHTS = ("evaluate", "predict", "export", "audit", "calibrate", "thresholds")
FEW = "--training.epochs 1 --training.accelerator cpu --training.workers 0"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run folder with every file that there is in one."""
    folder = tmp_path_factory.mktemp("trained")
    draw = np.random.default_rng(0)
    features = draw.normal(size=(120, 5))
    split = np.array(["train"] * 80 + ["val"] * 20 + ["test"] * 20)
    np.savez(folder / "t.npz", features=features, labels=features[:, :2] > 0.5, split=split)
    run = folder / "run"
    for line in (f"train table:{folder / 't.npz'} {FEW} --out {run}", *(f"{verb} {run}" for verb in ("calibrate",))):
        assert main(line.split()) == 0
    assert main(["thresholds", str(run)]) == main(["evaluate", str(run)]) == 0
    return folder


@pytest.fixture
def attacked(trained, tmp_path, capsys):
    """Runs a verb on a copy of the run in which one file has another content; what it said, without the verb."""

    def attack(verb, name, content):
        run = tmp_path / "run"
        if not run.exists():
            shutil.copytree(trained / "run", run)
        (run / name).write_bytes(content)
        places = {"run": run, "folder": tmp_path, "source": f"table:{trained / 't.npz'}", "few": FEW}
        capsys.readouterr()
        code = main(VERBS[verb].format(**places).split())
        said = capsys.readouterr().err.strip()
        return code, said

    return attack


@pytest.fixture
def trap(tmp_path):
    """Two files that make a folder when they are unpickled, and that folder."""
    place = tmp_path / "sprung"

    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(place),)

    buffer = io.BytesIO()
    torch.save({"state_dict": Trap(), "lopsided": {"format": 1}}, buffer)
    return place, (pickle.dumps(Trap()), buffer.getvalue())


def check_refused(code, said, name):
    assert code in (1, 2)
    assert len(said.splitlines()) == 1
    assert name in said
    assert "--debug" not in said
    assert len(said) < 400


@pytest.fixture
def no_figures(monkeypatch):
    """They take nine tenths of the time of a page."""
    for name in ("curve_figures", "training_figures"):
        monkeypatch.setattr(f"lopsided.reports.page.{name}", lambda _runs: [])


READ = {
    "config.yaml": tuple(VERBS),
    "checkpoints/best.ckpt": ON_WEIGHTS,
    "checkpoints/last.ckpt": ("train --resume",),
    "calibration.json": ON_WEIGHTS,
    "thresholds.json": ("evaluate", "predict", "export"),
    "metrics.csv": ("report",),
}


@pytest.mark.parametrize(("name", "verb"), [(name, verb) for name, verbs in READ.items() for verb in verbs])
def test_a_pickle_in_the_place_of_any_file_is_not_loaded(attacked, trap, name, verb):
    sprung, contents = trap
    for content in contents:
        check_refused(*attacked(verb, name, content), name)
        assert not sprung.exists()


@pytest.mark.parametrize("name", ["evaluation.json", "environment.json"])
def test_a_page_is_written_without_what_is_a_pickle(attacked, trap, no_figures, name):
    sprung, contents = trap
    for content in contents:
        assert attacked("report", name, content) == (0, "")
        assert not sprung.exists()


CONFIG = b"source: digits\nseed: 0\n"
LAUGHS = b"a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + b"".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n".encode() for i in range(1, 11)
)


@pytest.mark.parametrize("verb", ["evaluate", "report", "train --resume", "train --config"])
@pytest.mark.parametrize(
    "content",
    [
        b"source: !!python/object/apply:os.mkdir [PLACE]\n",
        b"loss: !!python/object/apply:os.mkdir [PLACE]\n",
        b"loss:\n  class_path: os.mkdir\n  init_args:\n    path: PLACE\n",
        b"loss:\n  name:\n    class_path: os.mkdir\n    init_args: {path: PLACE}\n",
        LAUGHS + CONFIG,
        LAUGHS + b"source: *a10\n",
        b"[" * 100_000,
        b"source: digits\nloss: 3\n",
        b"source: digits\nloss:\n  name: [asymmetric\n",
        b"config: other.yaml\n",
        b"training:\n  epochs: {}\n",
        bytes(range(256)),
    ],
    ids=range(12),
)
def test_a_configuration_executes_nothing_and_does_not_grow(attacked, tmp_path, verb, content):
    code, said = attacked(verb, "config.yaml", content.replace(b"PLACE", str(tmp_path / "sprung").encode()))
    check_refused(code, said, "config.yaml")
    assert code == 1
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": ["a"] * 2}, "got one with other contents"),
        ({"labels": 3}, "got one with other contents"),
        ({"input_shape": [10**9]}, "to fit config.yaml beside it, got another shape of 0.mean"),
        ({"input_shape": [10**30]}, "to fit config.yaml beside it, got"),
        ({"input_shape": [-5]}, "got one with other contents"),
        ({"format": 2}, "best.ckpt has format 2, made by a newer lopsided"),
    ],
    ids=range(6),
)
def test_a_checkpoint_that_says_another_size_takes_no_memory(attacked, trained, change, message):
    checkpoint = torch.load(trained / "run" / "checkpoints" / "best.ckpt", weights_only=True)
    checkpoint["lopsided"] |= change
    buffer = io.BytesIO()
    torch.save(checkpoint, buffer)
    code, said = attacked("evaluate", "checkpoints/best.ckpt", buffer.getvalue())
    assert (code, message in said) == (1, True), said
    assert "--debug" not in said


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("calibration.json", b'{"format": 1, "epoch": 1}'),
        ("calibration.json", b'{"format": 1, "epoch": 1, "method": "platt", "scale": [1], "shift": "x"}'),
        ("calibration.json", b'{"format": 1, "epoch": 1, "method": "platt", "scale": [1e999, 1], "shift": [0, 0]}'),
        ("calibration.json", b'{"format": 1, "epoch": 1, "method": "isotonic", "knots": {"logits": [[1]]}}'),
        ("calibration.json", b"[" * 100_000),
        ("thresholds.json", b'{"format": 1, "epoch": 1, "labels": {"label 0": {"threshold": "x"}}}'),
        ("thresholds.json", b'{"format": 1, "epoch": [1]}'),
    ],
    ids=range(7),
)
def test_a_decision_of_another_form_is_refused(attacked, name, content):
    check_refused(*attacked("evaluate", name, content), name)


@pytest.mark.parametrize(
    "content",
    [
        b'{"mAP": "x", "top3": 3}',
        b'{"mAP": 1e999, "split": {}, "threshold": [], "cf1": ' + b"9" * 400 + b"}",
        b'{"calibration": {"before": {"bins": [[1, 2, 3], [1]], "ece": 0}, "after": 3}}',
        b"[" * 100_000,
    ],
    ids=range(4),
)
def test_a_strange_evaluation_does_not_keep_a_report_from_being_written(attacked, no_figures, tmp_path, content):
    assert attacked("report", "evaluation.json", content) == (0, "")
    assert (tmp_path / "r.html").exists()


def test_options_are_not_guessed_from_their_beginning(capsys):
    assert main(["train", "digits", "--loss.nam", "focal"]) == 2
    assert "did you mean --loss.name?" in capsys.readouterr().err


@pytest.mark.parametrize("seed", ["4294967296", "9" * 40, "-1"])
def test_a_seed_that_no_generator_takes_is_wrong_usage(capsys, seed):
    assert main(["train", "digits", f"--seed={seed}"]) == 2
    said = capsys.readouterr().err
    assert "expected --seed to lie in 0 to 4294967295, got" in said
    assert len(said.splitlines()) == 1


def test_the_name_of_a_file_cannot_command_the_terminal(capsys):
    assert main(["inspect", "listing:\x1b[2Jx.csv"]) == 1
    assert "\\x1b[2Jx.csv: expected a listing" in capsys.readouterr().err
