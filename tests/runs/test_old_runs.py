"""Run folders outlive the version that made them: those of every format so far are read, those of a newer are named."""

import csv
import json
import re
import shutil
from pathlib import Path

import pytest
import torch

from lopsided.cli.main import main
from lopsided.runs.formats import FORMAT
from lopsided.training import Config, RunFolder

GOLDEN = Path(__file__).parents[1] / "golden"
NEWER = rf"has format {FORMAT + 1}, made by a newer lopsided than this .*: upgrade it"

# what Lightning and TensorBoard themselves warn of
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


@pytest.fixture(params=range(1, FORMAT + 1))
def old(request, tmp_path, monkeypatch):
    """A copy of a run of each format, stopped after two of three epochs, in the folder that it calls its data from."""
    shutil.copytree(GOLDEN / f"run-format-{request.param}", tmp_path / "run")
    shutil.copy(GOLDEN / "table.csv", tmp_path)
    monkeypatch.chdir(tmp_path)
    return RunFolder(Path("run"))


def numbered(path, number):
    """Put a number of a format into a file of a run, or take it out."""
    if path.suffix == ".ckpt":
        checkpoint = torch.load(path, weights_only=True)
        checkpoint["lopsided"] |= {"format": number}
        if number is None:
            del checkpoint["lopsided"]["format"]
        torch.save(checkpoint, path)
    else:
        content = json.loads(path.read_text()) | {"format": number}
        if number is None:
            del content["format"]
        path.write_text(json.dumps(content))


def numbers_in(value):
    if isinstance(value, dict):
        return {name: numbers_in(part) for name, part in value.items()}
    if isinstance(value, list):
        return [numbers_in(part) for part in value]
    return pytest.approx(value, rel=1e-5, abs=1e-6) if isinstance(value, float) else value


def as_far_as(before, after):
    """What stands in both of an evaluation; newer versions say more."""
    if not isinstance(before, dict):
        return after
    return {name: as_far_as(value, after[name]) for name, value in before.items()}


def test_every_format_has_a_run_to_read():
    assert {path.name for path in GOLDEN.glob("run-format-*")} == {f"run-format-{n + 1}" for n in range(FORMAT)}


def test_an_old_run_evaluates_to_what_it_did(old):
    before = old.evaluation()
    assert main(["evaluate", "run"]) == 0
    after = old.evaluation()
    assert as_far_as(before, after) == numbers_in(before)
    assert json.loads(old.evaluation_file.read_text())["format"] == FORMAT


def test_an_old_run_predicts_with_its_calibration_and_its_thresholds(old):
    assert main(["predict", "run", "--out", "p.csv"]) == 0
    chosen = json.loads(old.thresholds_file.read_text())["labels"]
    with Path("p.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12
    for row in rows:
        above = [name for name in chosen if float(row[f"p:{name}"]) > chosen[name]["threshold"]]
        assert row["labels"] == "|".join(above)


def test_an_old_run_is_reported(old):
    pytest.importorskip("matplotlib", reason="a report needs the extra report")
    assert main(["report", "run"]) == 0
    assert "sky" in (old.path / "report.html").read_text()


def test_an_old_run_is_exported(old):
    for name in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(name, reason="exporting needs the extra export")
    assert main(["export", "run", "run.onnx"]) == 0
    assert Path("run.onnx").stat().st_size > 0


def test_an_old_run_goes_on_to_its_end(old, capsys):
    before = old.rows()
    assert main(["train", "--config", "run/config.yaml", "--out", "run", "--resume"]) == 0
    rows = old.rows()
    assert rows[: len(before)] == before
    assert [int(row["step"]) for row in rows if row["loss"]] == list(range(1, 10))
    assert capsys.readouterr().err.count("epoch") == 1


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda head: head.replace("label:sky", "label:moon"), "labels 'sea, sky, sun', got 'sea, moon, sun'"),
        (lambda head: head.replace("label:sky", "e"), "labels 'sea, sky, sun', got 'sea, sun'"),
        (lambda head: head.replace("a,b,", "b,a,"), "features 'a, b, c, d', got 'b, a, c, d'"),
    ],
)
def test_an_old_run_does_not_go_on_with_other_labels_or_columns(old, capsys, change, what):
    table = Path("table.csv")
    head, _, rest = table.read_text().partition("\n")
    table.write_text(f"{change(head)}\n{rest}")
    before = old.metrics_file.read_bytes()
    assert main(["train", "--config", "run/config.yaml", "--out", "run", "--resume"]) == 1
    assert re.search(f"to resume run, expected the ({what})", capsys.readouterr().err)
    assert old.metrics_file.read_bytes() == before


def test_an_old_run_repeats_from_its_configuration(old):
    config = Config.load(old.config_file)
    assert main(["train", "--config", "run/config.yaml", "--out", "again"]) == 0
    assert RunFolder(Path("again")).config() == config


@pytest.mark.parametrize(
    ("file", "verbs"),
    [
        ("environment.json", ("evaluate", "predict", "report", "thresholds", "calibrate")),
        ("checkpoints/best.ckpt", ("evaluate", "predict", "thresholds", "calibrate")),
        ("calibration.json", ("evaluate", "predict")),
        ("thresholds.json", ("evaluate", "predict")),
        ("evaluation.json", ("report",)),
    ],
)
def test_what_a_newer_version_wrote_is_refused_by_name(old, capsys, file, verbs):
    numbered(old.path / file, FORMAT + 1)
    for verb in verbs:
        assert main([verb, "run"]) == 1, verb
        said = capsys.readouterr().err
        assert re.search(re.escape(file) + " " + NEWER, said), said
        assert len(said.strip().splitlines()) == 1


def test_a_run_of_a_newer_version_is_not_resumed(old, capsys):
    numbered(old.environment_file, FORMAT + 1)
    before = old.metrics_file.read_bytes()
    assert main(["train", "--config", "run/config.yaml", "--out", "run", "--resume"]) == 1
    assert re.search(NEWER, capsys.readouterr().err)
    assert old.metrics_file.read_bytes() == before


@pytest.mark.parametrize("environment", ["without a number", "lost", "damaged"])
def test_a_run_without_a_number_is_read_as_the_first_format(old, environment):
    for file in ("environment.json", "checkpoints/best.ckpt", "calibration.json", "thresholds.json"):
        numbered(old.path / file, None)
    if environment == "lost":
        old.environment_file.unlink()
    if environment == "damaged":
        old.environment_file.write_text("{")
    assert main(["evaluate", "run"]) == 0


@pytest.mark.parametrize("number", [0, -1, "2", True, [1]])
def test_a_number_that_is_none_is_refused(old, number):
    numbered(old.environment_file, number)
    with pytest.raises(ValueError, match=r"environment.json to have the number of a format, 1 to"):
        old.config()


def test_an_option_of_another_version_is_named(old, capsys):
    text = old.config_file.read_text().replace("training:\n", "training:\n  warp: 9\n")
    old.config_file.write_text(text)
    assert main(["evaluate", "run"]) == 1
    assert "the option training.warp, which lopsided " in capsys.readouterr().err
