"""lopsided audit, from a run to corrected data."""

import csv
import json

import numpy as np
import pytest

from lopsided.cli.main import main
from lopsided.data import read_table

# what Lightning and TensorBoard themselves warn of
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:Detected pickle protocol"),
]
NAMES = ("sea", "blue sky", "<b>")


def said(capsys, *words):
    code = main(list(words))
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture
def source(tmp_path):
    """200 samples, of some of which a label is unknown, and whose unknown labels look like missing ones."""
    draw = np.random.default_rng(0)
    features = draw.normal(size=(200, 5)).astype(np.float32)
    truth, mask = features[:, :3] > 0.5, draw.random((200, 3)) < 0.8
    split = np.array(["train"] * 140 + ["val"] * 30 + ["test"] * 30)
    labels = truth & mask & (draw.random((200, 3)) < 0.8)
    path = tmp_path / "t.npz"
    np.savez(path, features=features, labels=labels, mask=mask, split=split, label_names=np.array(NAMES))
    return f"table:{path}"


@pytest.fixture
def run(tmp_path, source, capsys):
    small = ["--training.epochs", "8", "--training.batch_size", "16", "--training.accelerator", "cpu"]
    rate = ["--training.learning_rate", "0.01"]
    assert said(capsys, "train", source, *small, *rate, "--out", str(tmp_path / "run"))[0] == 0
    return str(tmp_path / "run")


def test_from_a_run_to_corrected_data(capsys, tmp_path, source, run):
    code, out, err = said(capsys, "audit", run, source, "--folds", "2")
    assert code == 0
    assert "fold 1 of 2" in err
    assert "200 samples" in out
    assert f"open {run}/audit/audit.html" in out
    with (tmp_path / "run" / "audit" / "suspects.csv").open(newline="") as file:
        suspects = list(csv.DictReader(file))
    before = read_table(source.removeprefix("table:"))
    targets, mask = before.labels.dense(range(200))
    column = {name: k for k, name in enumerate(NAMES)}
    assert len(suspects) == mask.sum()  # all that is known, and nothing that is not
    for suspect in suspects:
        row, k = int(suspect["row"]), column[suspect["label"]]
        assert mask[row, k]
        assert targets[row, k] == (suspect["kind"] == "wrong")

    chosen = [row for row in suspects if row["kind"] == "missing"][:2] + [
        row for row in suspects if row["kind"] == "wrong"
    ][:1]
    decisions = tmp_path / "decisions.csv"
    with decisions.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["row", "sample", "label", "kind", "decision"])
        for suspect, decision in zip(chosen, ("accept", "reject", "accept"), strict=True):
            writer.writerow([*(suspect[name] for name in ("row", "sample", "label", "kind")), decision])
    new = tmp_path / "corrected.npz"
    code, out, _ = said(capsys, "audit", run, source, "--apply", str(decisions), "--out", str(new))
    assert (code, out) == (0, f"wrote {new}: 1 label added, 1 removed; 1 left as they were\n")
    changed, its_mask = read_table(new).labels.dense(range(200))
    assert np.array_equal(its_mask, mask)
    places = {(int(suspect["row"]), column[suspect["label"]]) for suspect in (chosen[0], chosen[2])}
    assert set(zip(*(part.tolist() for part in np.nonzero(changed != targets)), strict=True)) == places
    assert said(capsys, "train", f"table:{new}", "--training.epochs", "1", "--out", str(tmp_path / "again"))[0] == 0


def test_new_data_is_looked_at_whole_and_without_training(capsys, tmp_path, source, run):
    table = read_table(source.removeprefix("table:"))
    np.savez(
        tmp_path / "new.npz",
        features=table.features[:50],
        labels=table.labels.dense(range(50))[0],
        label_names=np.array(NAMES),
    )
    where = f"table:{tmp_path / 'new.npz'}"
    code, out, err = said(capsys, "audit", run, where, "--most", "5", "--json", "--out", str(tmp_path / "a"))
    assert (code, err) == (0, "")
    about = json.loads(out)
    assert about["samples"] == 50
    assert list(about["labels"]) == list(NAMES)
    assert len((tmp_path / "a" / "suspects.csv").read_text().splitlines()) == 6


def test_a_network_that_learned_next_to_nothing_is_said_to_be_no_judge(capsys, tmp_path, source):
    one_step = ["--training.epochs", "1", "--training.batch_size", "140", "--training.accelerator", "cpu"]
    weak = str(tmp_path / "weak")
    assert said(capsys, "train", source, *one_step, "--out", weak)[0] == 0
    code, out, _ = said(capsys, "audit", weak, "--folds", "2", "--most", "50")
    assert code == 0
    assert out.startswith("These networks are no judge of the labels")
    assert "Of a sample with a label and one without" in out
    assert "–" in out.splitlines()[-4]  # no sums
    about = json.loads(said(capsys, "audit", weak, "--folds", "2", "--most", "50", "--json")[1])
    assert about["warnings"][0].startswith("Of a sample with a label and one without")
    assert about["wrong"] <= about["noted"]
    assert all(row["wrong"] <= row["noted"] and not row["removals"] for row in about["labels"].values())
    with (tmp_path / "weak" / "audit" / "suspects.csv").open(newline="") as file:
        assert {row["kind"] for row in csv.DictReader(file)} == {"missing"}


def test_samples_that_the_run_was_trained_on_need_folds(capsys, run):
    code, _, err = said(capsys, "audit", run, "--split", "train")
    assert (code, err.count("\n")) == (1, 1)
    assert "the run was trained on this split: add --folds 3" in err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--folds 1", "expected --folds to be at least 2, got 1"),
        ("--most 0", "expected --most to be at least 1, got 0"),
        ("--apply d.csv", "expected --out, the file to write, with --apply, got none"),
        ("--apply d.csv --out o.csv --folds 2", "expected --apply without --folds, --split and --json"),
    ],
)
def test_wrong_usage_is_one_line_with_exit_code_2(capsys, line, message):
    code, _, err = said(capsys, "audit", "runs/x", *line.split())
    assert (code, err.count("\n")) == (2, 1)
    assert message in err
