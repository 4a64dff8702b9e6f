"""The verbs on scores:FILE."""

import json

import pytest

from lopsided.cli.main import main
from tests.inference.own_scores.test_decisions import NAMES
from tests.inference.own_scores.test_decisions import forest as forest


@pytest.fixture
def file(forest, tmp_path):
    values, truth, splits, folds = forest
    lines = [",".join(["id", "split", "fold", *(f"score:{n}" for n in NAMES), *(f"label:{n}" for n in NAMES)])]
    cells = ([f"s{row}", splits[row], folds[row], *values[row], *truth[row]] for row in range(len(values)))
    lines += [",".join(map(str, row)) for row in cells]
    (tmp_path / "model.csv").write_text("\n".join(lines) + "\n")
    return str(tmp_path / "model.csv")


SAID = ("--scores", "probabilities")


def test_every_decision_verb_takes_them(file, capsys):
    name = f"scores:{file}"
    assert main(["calibrate", name, *SAID]) == 0
    assert f"wrote {file}.calibration.json: platt on val of {name}" in capsys.readouterr().out
    made = ["--calibration", f"{file}.calibration.json"]
    assert main(["thresholds", name, *SAID, *made, "--per-label"]) == 0
    assert f"wrote {file}.thresholds.json" in capsys.readouterr().out
    made += ["--thresholds", f"{file}.thresholds.json"]
    assert main(["evaluate", name, *SAID, *made, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["split"] == "test"
    assert result["calibration"]["method"] == "platt"
    assert result["thresholds"]["per_label"]
    assert result["f1"]["chosen"]["macro"][0] == result["mean_f1"]
    assert main(["evaluate", name, *SAID, *made]) == 0
    assert "of the scores as they are" in capsys.readouterr().out
    pytest.importorskip("matplotlib")
    assert main(["report", name, *SAID, *made]) == 0
    with open(f"{file}.report.html", encoding="utf-8") as page:
        text = page.read()
    assert f"{100 * result['mAP']:.1f}" in text
    assert "600 samples" not in text
    assert main(["audit", name, *SAID, "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["samples"] == 600
    with open(f"{file}.audit/suspects.csv", encoding="utf-8") as suspects:
        assert suspects.readlines()[1].split(",")[1].startswith("s")


def test_a_file_of_another_place_takes_decisions_of_the_same_model(file, tmp_path, capsys):
    with open(file, encoding="utf-8") as there:
        text = there.read()
    (tmp_path / "later.csv").write_text(text.replace(",val,", ",test,"))
    out = str(tmp_path / "decided.json")
    assert main(["thresholds", f"scores:{file}", *SAID, "--out", out]) == 0
    assert main(["evaluate", f"scores:{tmp_path}/later.csv", *SAID, "--thresholds", out, "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["chosen_on_this_split"] == []


def test_predictions_of_a_run_are_read_with_their_source(tmp_path, capsys):
    lines = ["a,b,label:cat,label:dog,split"]
    for row in range(90):
        split = ("train", "train", "test")[row % 3]
        lines.append(f"{row % 7 - 3},{row % 5 - 2},{int(row % 7 > 3)},{int(row % 5 > 2)},{split}")
    (tmp_path / "pets.csv").write_text("\n".join(lines) + "\n")
    source, run, out = f"table:{tmp_path}/pets.csv", str(tmp_path / "run"), str(tmp_path / "made.parquet")
    assert main(["train", source, "--training.epochs", "2", "--data.validation_share", "0", "--out", run]) == 0
    assert main(["predict", run, source, "--out", out, "--split", "test"]) == 0
    assert main(["evaluate", run, "--json", "--split", "test"]) == 0
    wanted = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert main(["evaluate", f"scores:{out}", source, *SAID, "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["split"] == "test"
    assert found["samples"] == 30
    for name in ("mAP", "micro_AP", "of1", "brier", "ece"):
        assert found[name] == pytest.approx(wanted[name], abs=1e-6)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (["evaluate", "scores:x.csv"], "expected --scores logits or --scores probabilities, to say what scores:x.csv"),
        (["evaluate", "runs/a", *SAID], "--scores has no effect with a run, runs/a: it is for scores:FILE"),
        (["thresholds", "runs/a", "--calibration", "c.json"], "--calibration has no effect with a run"),
        (["calibrate", "runs/a", "--out", "c.json"], "--out has no effect with a run"),
        (["evaluate", "scores:x.csv", *SAID, "--no-keep"], "--no-keep has no effect with scores:x.csv"),
        (["audit", "scores:x.csv", *SAID, "--folds", "3"], "--folds has no effect with scores:x.csv"),
        (
            ["audit", "scores:x.csv", *SAID, "--apply", "d.csv", "--out", "o.csv"],
            "--apply with scores:FILE needs SOURCE",
        ),
        (
            ["report", "scores:x.csv", "runs/a", *SAID],
            "expected one file of scores, or folders of runs, got scores:x.csv",
        ),
        (["report", "runs/a", "--split", "val"], "--split has no effect with a run, runs/a"),
        (["evaluate", "scores:x.csv", *SAID, "--threshold", "0.5", "--thresholds", "t"], "--threshold or --thresholds"),
        (
            ["evaluate", "scores:x.csv", "--scores", "probs"],
            "expected --scores to be one of logits, probabilities, got",
        ),
    ],
)
def test_what_does_not_go_together_is_wrong_usage(line, message, capsys):
    assert main(line) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_file_that_is_no_calibration_is_refused(file, tmp_path, capsys):
    (tmp_path / "c.json").write_text("{}")
    assert main(["evaluate", f"scores:{file}", *SAID, "--calibration", str(tmp_path / "c.json")]) == 1
    assert "to hold calibration of scores, as lopsided wrote it, got something else" in capsys.readouterr().err


def test_an_audit_without_folds_is_refused(file, capsys):
    with open(file, encoding="utf-8") as there:
        rows = [line.rstrip("\n").split(",") for line in there]
    with open(file, "w", encoding="utf-8") as there:
        there.writelines(",".join(row[:2] + row[3:]) + "\n" for row in rows)
    assert main(["audit", f"scores:{file}", *SAID]) == 1
    assert "expected a column 'fold' with the part of the data" in capsys.readouterr().err
