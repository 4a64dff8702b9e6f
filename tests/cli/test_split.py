import json
from pathlib import Path

import numpy as np
import pytest

from lopsided.cli.main import main
from lopsided.data import read_source


@pytest.fixture
def source(tmp_path: Path) -> str:
    """A table in which each row stands twice and one label has two positives."""
    path = tmp_path / "pets.csv"
    rows = [f"{row // 2},{'yak' if row < 2 else 'cat' if row % 4 < 2 else 'dog'}" for row in range(80)]
    path.write_text("\n".join(["size,labels", *rows]) + "\n")
    return f"table:{path}"


def test_a_table_with_copies_is_split_and_read_back(
    source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "split.csv"
    assert main(["split", source, "--val", "0.1", "--test", "0.2", "--json", "--out", str(out)]) == 0
    about = json.loads(capsys.readouterr().out)
    assert {name: part["samples"] for name, part in about["splits"].items()} == {"train": 56, "val": 8, "test": 16}
    assert about["too_rare_for_every_split"] == {"yak": 2}
    again = read_source(f"table:{out}")
    assert (again.splits[::2] == again.splits[1::2]).all()
    for name, part in about["splits"].items():
        there = again.labels.positives[again.rows(name)].sum(axis=0)
        got = there / again.labels.positives_per_label()
        assert part["share"] == len(again.rows(name)) / 80
        assert part["worst_labels"] == pytest.approx(dict(zip(again.labels.names, got.tolist(), strict=True)))
        wanted = {"train": 0.7, "val": 0.1, "test": 0.2}[name]
        off = [abs(value - wanted) for value in part["worst_labels"].values()]
        assert off == sorted(off, reverse=True)
        assert part["mean_deviation"] == pytest.approx(np.abs(got - wanted).mean())


def test_the_table_names_each_fold_its_worst_labels_and_those_too_rare(
    source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["split", source, "--folds", "4", "--out", str(tmp_path / "new" / "folds.csv")]) == 0
    printed = capsys.readouterr().out
    assert "fold3" in printed
    assert "yak 1.0000" in printed
    assert "too few positives to be in every split: yak (2)" in printed
    assert read_source(f"table:{tmp_path / 'new' / 'folds.csv'}").split_names == ("fold0", "fold1", "fold2", "fold3")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--folds", "5", "--val", "0.1"), "expected --folds, or --val and --test, got both"),
        (("--folds", "5", "--test", "0"), "expected --folds, or --val and --test, got both"),
        (("--folds", "1"), "expected --folds to be at least 2, got 1"),
        (("--val", "0.5", "--test", "0.5"), "above 0 and below 1, got 0.5 and 0.5"),
        (("--val", "0", "--test", "0"), "above 0 and below 1, got 0.0 and 0.0"),
        (("--val", "nan"), "to be a number in [0, 1]"),
        (("--test", "-0.1"), "to be a number in [0, 1]"),
        (("--data.missing", "0.1"), "--data.missing are for training"),
        (("--data.validation_share", "0.1"), "--data.validation_share and"),
        (("--seed", "-1"), "expected --seed to be at least 0, got -1"),
        (("--out", "split.parquet"), "expected a name that ends in .csv or .npz, got split.parquet"),
        (("--out", "pets.csv/split.csv"), "pets.csv is a file"),
    ],
)
def test_wrong_usage_is_refused_before_the_source_is_read(
    words: tuple[str, ...],
    message: str,
    source: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["split", "table:missing.csv", "--out", "a.csv", *words]) == 2
    assert message in capsys.readouterr().err


def test_an_ending_that_does_not_suit_the_data_is_refused_before_the_work(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delattr("lopsided.cli.split.stratify")
    assert main(["split", source, "--out", str(tmp_path / "a.npz")]) == 1
    assert "expected a name that ends in .csv, got 'a.npz'" in capsys.readouterr().err
