import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lopsided.cli.main import main
from lopsided.data import DataOptions, read_source
from lopsided.data.splits.together import groups_in_two_splits


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
        (("--data.missing", "0.1"), "--data.missing and --data.unknown only with lopsided train, got one"),
        (("--data.test_share", "0.1"), "are for training: say --test, or --folds"),
        (("--data.fold", "0"), "are for training: say --test, or --folds"),
        (("--group", "a", "--data.group_column", "b"), "expected --group or --data.group_column, got both: a and b"),
        (("--data.validation_share", "0.1"), "expected --data.validation_share, --data.missing and"),
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
    monkeypatch.setattr("lopsided.data.splits.stratification.stratify", lambda *_, **__: pytest.fail("the work began"))
    assert main(["split", source, "--out", str(tmp_path / "a.npz")]) == 1
    assert "expected a name that ends in .csv, got 'a.npz'" in capsys.readouterr().err


@pytest.fixture
def visits(tmp_path: Path) -> str:
    """A table of 30 patients with four rows each; group 7 is far larger."""
    rows = [f"{row},p{row // 4 if row < 100 else 7},{'cat' if row % 3 else 'dog'}" for row in range(120)]
    path = tmp_path / "visits.csv"
    path.write_text("\n".join(["size,patient,labels", *rows]) + "\n")
    return f"table:{path}"


@pytest.mark.parametrize("option", ["--group", "--data.group_column"])
def test_groups_are_kept_together_and_written_so_that_they_are_read_again(
    option: str, visits: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "split.csv"
    assert main(["split", visits, option, "patient", "--folds", "4", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "kept together: 25 sets of samples (groups and copies)" in printed
    assert "split.csv, to be read with --data.group_column 'patient'" in printed
    again = read_source(f"table:{out}", DataOptions(group_column="patient"))
    assert again.groups is not None
    assert again.groups.tolist() == [f"p{row // 4 if row < 100 else 7}" for row in range(120)]
    assert groups_in_two_splits(again) == []
    assert all(22 <= len(again.rows(f"fold{fold}")) <= 38 for fold in range(4))


def test_json_tells_the_deviation_of_every_label_and_what_stayed_together(
    visits: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "split.csv"
    assert main(["split", visits, "--group", "patient", "--json", "--out", str(out)]) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["groups"] == about["sets_kept_together"] == 25
    again = read_source(f"table:{out}", DataOptions(group_column="patient"))
    totals = dict(zip(again.labels.names, again.labels.positives_per_label().tolist(), strict=True))
    for name, share in (("train", 0.7), ("val", 0.1), ("test", 0.2)):
        there = again.labels.take(again.rows(name)).positives_per_label().tolist()
        wanted = {label: n / totals[label] - share for label, n in zip(again.labels.names, there, strict=True)}
        assert about["splits"][name]["deviation_of_labels"] == pytest.approx(wanted)


def test_groups_of_arrays_are_written_and_read_again(tmp_path: Path) -> None:
    groups = np.repeat(np.arange(10), 3)
    np.savez(tmp_path / "a.npz", features=np.arange(30.0)[:, None], labels=np.eye(30, 2, dtype=bool), group=groups)
    assert main(["split", f"table:{tmp_path / 'a.npz'}", "--folds", "3", "--out", str(tmp_path / "b.npz")]) == 0
    again = read_source(f"table:{tmp_path / 'b.npz'}")
    assert again.groups is not None
    assert again.groups.tolist() == groups.tolist()
    assert groups_in_two_splits(again) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--folds", "26"), "visits: expected at least 26 groups of samples to make 26 splits of, got 25"),
        (("--val", "0.001"), "visits: expected a sample in each split, got none in val"),
        (("--group", "patent"), "expected a column 'patent', as data.group_column says"),
        (("--group", "patent"), "did you mean 'patient'?"),
    ],
)
def test_splits_that_cannot_be_made_are_refused_and_nothing_is_written(
    words: tuple[str, ...], message: str, visits: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "split.csv"
    assert main(["split", visits, "--group", "patient", *words, "--out", str(out)]) == 1
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_look_alikes_are_asked_for_images_alone(
    visits: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--near", "--group", "patient", "--out", str(tmp_path / "split.csv")]
    assert main(["split", visits, *words]) == 2
    assert "--near has no effect with the source table:" in capsys.readouterr().err


def test_images_that_look_alike_stay_together_once_that_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    random, rows = np.random.default_rng(0), ["path,labels"]
    for number in range(12):
        small = Image.fromarray(random.integers(256, size=(6, 6, 3), dtype=np.uint8))
        for copy, side in enumerate((64, 96)):
            small.resize((side, side)).save(tmp_path / f"{number}-{copy}.png")
            rows.append(f"{number}-{copy}.png,{'cat' if copy else 'dog'}")
    (tmp_path / "all.csv").write_text("\n".join(rows) + "\n")
    parted = []
    for words in ((), ("--near",)):
        out = tmp_path / "split.csv"
        assert main(["split", f"listing:{tmp_path / 'all.csv'}", "--folds", "4", "--out", str(out), *words]) == 0
        data = read_source(f"listing:{out}")
        parted.append((data.splits[::2] != data.splits[1::2]).any())
    assert parted == [True, False]
