"""A run's own data: the same from every folder, and refused with what changed where it is no longer the same."""

import csv
import json
import shutil

import numpy as np
import pytest

from lopsided.cli.main import main
from lopsided.runs.lock import writing
from lopsided.runs.own_data import own_data, sources_of
from lopsided.training import RunFolder

# what Lightning and TensorBoard themselves warn of
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:Detected pickle protocol"),
]

SMALL = (
    "--training.epochs=6",
    "--training.batch_size=8",
    "--training.learning_rate=0.05",
    "--training.accelerator=cpu",
    "--model.name=linear",
)
LINE = ("train", "table:t.csv", "--out", "run", *SMALL)


def rows_of(seed=0, count=120):
    draw = np.random.default_rng(seed)
    features, noise = draw.normal(size=(count, 3)), draw.normal(size=(count, 2))
    labels = features[:, :2] + 0.5 * noise > 0.3
    splits = ["train"] * (count - 40) + ["test"] * 40
    return [
        {
            "x": f"{x:.6f}",
            "y": f"{y:.6f}",
            "z": f"{z:.6f}",
            "label:cat": str(int(a)),
            "label:dog": str(int(b)),
            "split": s,
        }
        for (x, y, z), (a, b), s in zip(features, labels, splits, strict=True)
    ]


def write(path, rows, names=None):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, names or list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a table and a run on it, called by a relative name."""
    folder = tmp_path_factory.mktemp("home")
    write(folder / "t.csv", rows_of())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(list(LINE)) == 0
    return folder


@pytest.fixture
def here(home, tmp_path, monkeypatch):
    """A copy of it, to change."""
    shutil.copytree(home, tmp_path / "home")
    where = json.loads((tmp_path / "home" / "run" / "data.json").read_text())
    where["path"] = str(tmp_path / "home" / "t.csv")
    (tmp_path / "home" / "run" / "data.json").write_text(json.dumps(where))
    monkeypatch.chdir(tmp_path / "home")
    return tmp_path / "home"


def renamed(rows):
    return [{("label:cow" if name == "label:dog" else name): value for name, value in row.items()} for row in rows]


def turned(rows):
    return [row | {"label:cat": str(1 - int(row["label:cat"]))} for row in rows]


def moved(rows):
    return [{name: row[name] for name in ("y", "x", *list(row)[2:])} for row in rows]


def appended(rows):
    return [*rows, *rows_of(1, 50)[:12]]


def reordered(rows):
    return rows[::-1]


def other_values(rows):
    return [row | {"x": "0.5"} if k == 3 else row for k, row in enumerate(rows)]


def other_splits(rows):
    return [row | {"split": "train"} if k == len(rows) - 1 else row for k, row in enumerate(rows)]


def one_label_more(rows):
    return [row | {"label:sea": row["label:cat"]} for row in rows]


CHANGES = {
    renamed: "the labels changed: 'dog' is now 'cow'",
    turned: "the labels of some samples changed (",
    moved: "the columns moved: number 1 was 'x' and is 'y'",
    appended: "12 rows were appended (120 -> 132)",
    reordered: "the rows are in another order",
    other_values: "the features changed",
    other_splits: "the splits changed (test 40 -> 39, train ",
    one_label_more: "the number of labels changed (2 -> 3): 'sea' is new",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_run_does_not_go_on_with_data_that_changed(here, capsys, change):
    write(here / "t.csv", change(rows_of()))
    before = {path: path.read_bytes() for path in (here / "run").rglob("*") if path.suffix in (".csv", ".ckpt")}
    assert main([*LINE, "--resume"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(
        "lopsided train: error: to resume run, expected the data that it was trained on, got data in"
    )
    assert CHANGES[change] in said
    assert said.count("\n") == 1
    assert before == {path: path.read_bytes() for path in before}


def test_a_run_goes_on_with_a_copy_of_its_data_whatever_it_is_called(here):
    shutil.copy("t.csv", "copy.csv")
    assert main(["train", "table:copy.csv", "--out", "run", *SMALL, "--resume"]) == 0


@pytest.mark.parametrize("verb", ["evaluate", "predict", "calibrate", "thresholds", "audit"])
def test_a_verb_refuses_the_runs_own_data_once_it_changed(here, capsys, verb):
    write(here / "t.csv", turned(rows_of()))
    assert main([verb, "run"]) == 1
    said = capsys.readouterr().err
    assert "expected the data that run was trained on, got table:t.csv, in which the labels of some samples ch" in said
    assert "name data to use instead: lopsided VERB run SOURCE" in said
    assert said.count("\n") == 1


def test_data_that_is_named_may_be_any(here):
    write(here / "t.csv", turned(rows_of()))
    assert main(["evaluate", "run", "table:t.csv"]) == 0


def test_a_relative_source_means_the_same_file_from_every_folder(here, tmp_path, monkeypatch, capsys):
    assert main(["evaluate", "run", "--json"]) == 0
    wanted = json.loads(capsys.readouterr().out)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    write(elsewhere / "t.csv", rows_of(seed=9))  # of the same name
    monkeypatch.chdir(elsewhere)
    assert main(["evaluate", "../home/run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == wanted
    (here / "t.csv").unlink()
    assert main(["evaluate", "../home/run"]) == 1
    assert "got table:t.csv, in which the features changed" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["beside the run", "in the folder of today"])
def test_a_run_that_was_moved_with_its_data_finds_it(here, tmp_path, monkeypatch, place):
    new = tmp_path / "new"
    new.mkdir()
    (here / "run").rename(new / "run" if place == "beside the run" else tmp_path / "run")
    (here / "t.csv").rename(new / "t.csv")
    monkeypatch.chdir(tmp_path if place == "beside the run" else new)
    run = RunFolder(new / "run" if place == "beside the run" else tmp_path / "run")
    assert len(own_data(run)) == 120
    assert main(["evaluate", str(run.path)]) == 0


def test_where_its_data_is_gone_its_first_place_is_named(here, capsys):
    (here / "t.csv").unlink()
    assert main(["evaluate", "run"]) == 1
    assert "t.csv: " in capsys.readouterr().err


@pytest.mark.parametrize("content", [None, "{", '{"path": 3, "from_run": []}'])
def test_without_a_record_of_its_place_the_configuration_says_where(here, content):
    path = here / "run" / "data.json"
    path.unlink() if content is None else path.write_text(content)
    run = RunFolder(here / "run")
    assert sources_of(run) == ["table:t.csv"]
    assert len(own_data(run)) == 120


def test_the_configuration_of_a_run_repeats_it_on_the_same_data(here, tmp_path, monkeypatch):
    assert main(["train", "--config", "run/config.yaml", "--out", "again"]) == 0
    runs = [RunFolder(here / name) for name in ("run", "again")]
    assert runs[0].identity() == runs[1].identity()
    assert runs[0].config() == runs[1].config()


def test_so_it_does_from_another_folder_where_a_file_has_that_name(here, tmp_path, monkeypatch, capsys):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    write(elsewhere / "t.csv", rows_of(seed=9))
    monkeypatch.chdir(elsewhere)
    assert main(["train", "--config", "../home/run/config.yaml", "--out", "again", "--seed", "3"]) == 0
    again = RunFolder(elsewhere / "again")
    assert (again.config().source, again.config().seed) == (f"table:{here / 't.csv'}", 3)
    assert main(["train", "--config", "../home/run/config.yaml", "--out", "../home/run", "--resume"]) == 0
    (here / "t.csv").unlink()
    capsys.readouterr()
    assert main(["train", "--config", "../home/run/config.yaml", "--out", "third"]) == 1
    assert "expected the data that ../home/run was trained on, got table:t.csv, in which" in capsys.readouterr().err
    assert main(["train", "table:t.csv", "--config", "../home/run/config.yaml", "--out", "third"]) == 0


def foreign(tmp_path, splits):
    path = tmp_path / "new.csv"
    write(path, [row | {"split": splits[k % len(splits)]} for k, row in enumerate(rows_of(seed=5))])
    return f"table:{path}"


@pytest.mark.parametrize("splits", [["train", "val"], ["train"], ["all"]])
def test_calibration_and_thresholds_may_come_from_other_data_and_say_so(here, tmp_path, capsys, splits):
    source = foreign(tmp_path, splits)
    assert main(["calibrate", "run", source]) == 0
    assert main(["thresholds", "run", source]) == 0
    out = capsys.readouterr().out
    used = "val" if "val" in splits else splits[0]
    assert out.count(f"on {used} of {source}") == 2
    run = RunFolder(here / "run")
    for path in (run.calibration_file, run.thresholds_file):
        kept = json.loads(path.read_text())
        assert (kept["source"], kept["split"]) == (source, used)
    assert main(["evaluate", "run", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["thresholds"]["source"], found["calibration"]["source"]) == (source, source)
    assert main(["thresholds", "run", "--json"]) == 0
    assert "source" not in json.loads(capsys.readouterr().out)


def test_of_several_splits_of_other_data_one_must_be_named(here, tmp_path, capsys):
    source = foreign(tmp_path, ["train", "test"])
    assert main(["calibrate", "run", source]) == 1
    assert "expected --split, the part of new to use, got none, of train, test" in capsys.readouterr().err
    assert main(["calibrate", "run", source, "--split", "test"]) == 0


@pytest.mark.parametrize("verb", ["calibrate", "thresholds", "evaluate"])
def test_what_was_made_for_other_weights_of_the_same_epoch_is_refused(here, capsys, verb):
    made = {"calibrate": "calibration.json", "thresholds": "thresholds.json", "evaluate": "evaluation.json"}[verb]
    assert main([verb, "run"]) == 0
    kept = json.loads((here / "run" / made).read_text())
    shutil.rmtree(here / "run")
    assert main([*LINE, "--training.learning_rate=0.02"]) == 0
    kept |= {"epoch": RunFolder(here / "run").load().epoch}
    (here / "run" / made).write_text(json.dumps(kept))
    capsys.readouterr()
    if verb == "evaluate":  # which writes it again, so whoever shows it must look
        with pytest.raises(ValueError, match=f"{made}: expected what was made for the weights of the run, got"):
            RunFolder(here / "run").evaluation()
    else:
        assert main(["evaluate", "run"]) == 1
        assert f"{made}: expected what was made for the weights of the run, got" in capsys.readouterr().err


def test_a_run_that_is_made_anew_keeps_nothing_of_the_one_before(here):
    for verb in ("calibrate", "thresholds", "evaluate"):
        assert main([verb, "run"]) == 0
    shutil.rmtree(here / "run" / "checkpoints")
    assert main([*LINE, "--training.learning_rate=0.02"]) == 0
    names = {path.name for path in (here / "run").iterdir()}
    assert not names & {"calibration.json", "thresholds.json", "evaluation.json"}


@pytest.mark.parametrize("verb", ["evaluate", "calibrate", "thresholds", "audit"])
def test_a_verb_that_writes_to_a_run_is_refused_while_another_process_does(here, capsys, verb):
    with writing(here / "run"):
        assert main([verb, "run"]) == 1
        assert "run: expected no other process that writes there, got process" in capsys.readouterr().err
        assert main(["evaluate", "run", "--split", "val"]) == 0  # which only looks
    assert main([verb, "run"]) == 0


def decisions(here, *, with_content):
    """Accept the first suspect of an audit."""
    assert main(["audit", "run", "table:t.csv", "--most", "1"]) == 0
    with (here / "run" / "audit" / "suspects.csv").open(newline="") as file:
        (suspect,) = csv.DictReader(file)
    names = ["row", "sample", "label", "kind", "decision", *(["content"] if with_content else [])]
    write(here / "decisions.csv", [{name: ({"decision": "accept"} | suspect)[name] for name in names}])


@pytest.mark.parametrize(
    ("with_content", "said"),
    [
        (True, "decisions.csv, line 2: expected the sample that was judged in row "),
        (
            False,
            "expected the samples and splits that run was trained on, got table:t.csv, in which the rows are in an",
        ),
    ],
)
def test_decisions_are_not_applied_to_other_rows(here, capsys, with_content, said):
    decisions(here, with_content=with_content)
    line = ["audit", "run", "table:t.csv", "--apply", "decisions.csv", "--out", "corrected.csv"]
    assert main(line) == 0
    write(here / "t.csv", reordered(rows_of()))
    capsys.readouterr()
    assert main(line) == 1
    assert said in capsys.readouterr().err


def test_labels_that_were_corrected_in_place_can_be_audited_again(here, capsys):
    write(here / "t.csv", turned(rows_of()))
    assert main(["audit", "run", "table:t.csv", "--most", "1"]) == 0
    write(here / "t.csv", appended(rows_of()))
    capsys.readouterr()
    assert main(["audit", "run", "table:t.csv", "--most", "1"]) == 1
    assert "in which 12 rows were appended (120 -> 132): rows may be others now" in capsys.readouterr().err
