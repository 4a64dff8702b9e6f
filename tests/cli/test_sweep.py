import csv

import numpy as np
import pytest

from lopsided.cli.main import main

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


@pytest.fixture
def source(tmp_path):
    draw = np.random.default_rng(0)
    features = draw.normal(size=(120, 5))
    split = np.array(["train"] * 80 + ["val"] * 20 + ["test"] * 20)
    path = tmp_path / "t.npz"
    np.savez(path, features=features, labels=features[:, :3] + draw.normal(size=(120, 3)) > 0.5, split=split)
    return f"table:{path}"


def said(capsys, *words):
    code = main(list(words))
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize("name", ["combination", "losses"])
def test_a_sweep_prints_its_table_and_says_what_it_wrote(capsys, tmp_path, source, name):
    out = tmp_path / "out"
    options = [
        "--seeds=2",
        "--trials=2",
        "--widen=0",
        "--training.epochs=1",
        "--model.name=linear",
        "--missing=0,0.5",
        f"--out={out}",
    ]
    code, printed, err = said(capsys, "sweep", name, source, *options)
    assert code == 0, err
    assert printed.startswith("Not settled: the best learning rate of every setting is the outermost one")
    assert "50 % of positives hidden" in printed
    assert printed.count(" baseline ") == 2
    with (out / "summary.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert all(f"{100 * float(line['mAP']):.2f}" in printed for line in lines)
    wrote = [line.removeprefix("wrote ") for line in printed.splitlines() if line.startswith("wrote ")]
    assert [path.rpartition("/")[2] for path in wrote] == [
        "rows.parquet",
        "summary.csv",
        f"{name}.png",
        f"{name}.svg",
        "report.html",
    ]
    assert (out / "study.db").is_file()


def test_unknown_labels_are_an_axis_and_the_outermost_of_both_axes_are_marked(capsys, tmp_path, source):
    out = tmp_path / "out"
    options = ["--seeds=2", "--trials=2", "--decays=0.01,1", "--widen=1", "--training.epochs=1", f"--out={out}"]
    code, printed, err = said(capsys, "sweep", "unknown", source, "--model.name=linear", "--unknown=0.3,0.6", *options)
    assert code == 0, err
    with (out / "summary.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [float(line["unknown"]) for line in lines] == [0.3] * 6 + [0.6] * 6
    for line in lines:
        rate, decay = (f"{float(line[name]):g}" for name in ("learning_rate", "weight_decay"))
        rate += "†" * ("learning rate" in line["edges"])
        decay += "†" * ("weight decay" in line["edges"])
        assert (line["at_edge"] == "True") == bool(line["edges"])
        assert int(line["tried"]) >= 4
        assert any(row.split()[-2:] == [rate, decay] for row in printed.splitlines()), line
    assert any(int(line["tried"]) > 4 for line in lines)
    assert "† the outermost one that was tried: one beyond it may be better" in printed
    assert "30 % of labels unknown" in printed
    assert "Unknown labels are ignored by cross-entropy; asymmetric" in printed
    assert (
        "They are taken for negatives but for the likeliest and the frequent labels, which are ignored, by" in printed
    )


def test_settings_of_unknown_labels_need_some(capsys, tmp_path, source):
    code, _, err = said(capsys, "sweep", "unknown", source, "--unknown=0,0.3", f"--out={tmp_path / 'out'}")
    assert code == 2
    assert "expected --unknown above 0 for the sweep unknown, got 0,0.3" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("sweep gamma digits", "invalid choice: 'gamma' (choose from 'gamma_neg', 'margin'"),
        ("sweep gamma_neg digits --grid 1,-2", "expected gamma_neg to be >= 0, got -2.0"),
        ("sweep gamma_neg digits --grid a", "expected the grid of gamma_neg to be numbers joined by commas, got 'a'"),
        ("sweep losses digits --grid bce", "expected the grid of losses to be of cross_entropy"),
        ("sweep margin digits --missing x", "expected --missing to be numbers joined by commas, got 'x'"),
        (
            "sweep gamma_neg digits --grid 2,2.0",
            "expected the grid of gamma_neg to name each setting once, got 2 and 2.0",
        ),
        ("sweep margin digits --missing 0,0.0", "expected missing to name each share once, got 0, 0"),
        ("sweep margin digits --missing 1", "expected missing to be shares in [0, 1), got 1.0"),
        ("sweep margin digits --unknown 0.3,1.5", "expected unknown to be shares in [0, 1), got 0.3, 1.5"),
        ("sweep margin digits --unknown some", "expected --unknown to be numbers joined by commas, got 'some'"),
        ("sweep margin digits --data.unknown 0.3", "expected no data.unknown in a sweep, got 0.3: give --unknown"),
        ("sweep margin digits --decays 0,-1", "expected decays to be at least 0, got 0.0, -1.0"),
        ("sweep margin digits --decays 1,1", "expected decays to name each weight decay once, got 1, 1"),
        ("sweep margin digits --decays 1 --training.weight_decay 2", "--decays or --training.weight_decay, got both"),
        ("sweep margin digits --widen -1", "expected widen to be at least 0, got -1"),
        ("sweep unknown digits --grid all", "expected the grid of unknown to be of ignore, negative, selective, class"),
        ("sweep unknown digits --loss.name hill", "expected loss.name of"),
        ("sweep margin digits --seeds 0", "expected seeds to be at least 1, got 0"),
        ("sweep margin digits --data.missing 0.1", "expected no data.missing in a sweep"),
        ("sweep margin digits --sedes 3", "did you mean --seeds?"),
    ],
)
def test_wrong_usage_is_one_line(capsys, words, message):
    code, out, err = said(capsys, *words.split())
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_a_storage_of_another_kind_is_one_line(capsys, tmp_path, source):
    code, _, err = said(capsys, "sweep", "losses", source, "--storage=mysql://x", f"--out={tmp_path / 'out'}")
    assert code == 1
    assert "expected the storage to be sqlite:///FILE or postgresql://USER@HOST/DATABASE, got 'mysql://x'" in err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("sweep margin digits --training.learning_rate 1e-13", "expected learning rates from 1e-12 to 1e+12 ("),
        ("sweep margin digits --training.learning_rate 1e12 --trials 3", "got 4e+12"),
        ("sweep gamma_neg digits --grid 0,2e6", "expected loss.gamma_neg from -1e+06 to 1e+06 in a sweep, got 2e+06"),
    ],
)
def test_numbers_that_a_study_cannot_hold_are_refused_before_the_runs(capsys, tmp_path, monkeypatch, line, message):
    monkeypatch.chdir(tmp_path)
    code, _, err = said(capsys, *line.split())
    assert code == 2
    assert message in err
    assert len(err.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())
