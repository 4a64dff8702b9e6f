"""Splits that are made while training: every verb finds them again."""

import json
from pathlib import Path

import numpy as np
import pytest

from lopsided.cli.main import main
from lopsided.runs.folder import RunFolder
from lopsided.runs.own_data import own_data

QUICK = ("--model.name", "linear", "--training.batch_size", "16", "--training.accelerator", "cpu")


@pytest.fixture
def visits(tmp_path: Path) -> Path:
    """Four rows of each of 40 patients; the features tell the labels."""
    features = np.random.default_rng(0).normal(size=(160, 3))
    labels = np.array(["cat", "cat|dog", "dog"])[np.digitize(features[:, 0], (-0.5, 0.5))]
    rows = [
        f"{a:.4f},{b:.4f},{c:.4f},{names},p{row // 4}"
        for row, ((a, b, c), names) in enumerate(zip(features.tolist(), labels.tolist(), strict=True))
    ]
    path = tmp_path / "visits.csv"
    path.write_text("\n".join(["a,b,c,labels,patient", *rows]) + "\n")
    return path


def splits_of(run: Path) -> dict[str, int]:
    data = own_data(RunFolder(run))
    return {name: len(data.rows(name)) for name in data.split_names}


def test_a_test_share_is_found_again_by_evaluate_predict_and_resume(
    visits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, source = tmp_path / "run", f"table:{visits}"
    options = ["--data.test_share", "0.2", "--data.group_column", "patient", *QUICK]
    assert main(["train", source, *options, "--training.epochs", "2", "--out", str(run)]) == 0
    data = own_data(RunFolder(run))
    assert abs(len(data.rows("test")) - 32) <= 8
    patients = np.arange(160) // 4
    assert all(len(set(data.splits[patients == patient].tolist())) == 1 for patient in range(40))
    capsys.readouterr()

    assert main(["evaluate", str(run), "--split", "test", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["split"] == "test"
    assert main(["predict", str(run), source, "--out", str(tmp_path / "all.csv")]) == 0
    assert main(["train", source, *options, "--training.epochs", "2", "--out", str(run), "--resume"]) == 0
    capsys.readouterr()
    changed = [*options[:1], "0.3", *options[2:]]
    assert main(["train", source, *changed, "--training.epochs", "2", "--out", str(run), "--resume"]) == 1
    assert "expected data.test_share to be 0.2, got 0.3" in capsys.readouterr().err


def test_a_file_of_folds_is_trained_on_once_a_fold_is_named(
    visits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folds, group = tmp_path / "folds.csv", ["--data.group_column", "patient"]
    assert main(["split", f"table:{visits}", *group, "--folds", "4", "--out", str(folds)]) == 0
    lines = folds.read_text().splitlines()
    words = ["train", f"table:{folds}", *group, *QUICK, "--training.epochs", "1"]
    assert main([*words, "--out", str(tmp_path / "none")]) == 1
    assert "say --data.fold 0 to test on the first and train on the others" in capsys.readouterr().err
    for fold in (0, 3):
        run = tmp_path / f"run{fold}"
        assert main([*words, "--data.fold", str(fold), "--out", str(run)]) == 0
        found = splits_of(run)
        assert found["test"] == sum(f",fold{fold}," in line for line in lines)
        assert found["train"] + found["val"] == 160 - found["test"]


def test_groups_in_two_splits_are_told_once_when_training_starts(
    visits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    header, *rows = visits.read_text().splitlines()
    rows = [f"{line},{'train' if row < 81 else 'val'}" for row, line in enumerate(rows)]
    visits.write_text("\n".join([f"{header},split", *rows]) + "\n")
    words = ["train", f"table:{visits}", "--data.group_column", "patient", *QUICK, "--training.epochs", "2"]
    assert main([*words, "--out", str(tmp_path / "run")]) == 0
    assert capsys.readouterr().err.count("groups that lie in two splits: 'p20'") == 1
