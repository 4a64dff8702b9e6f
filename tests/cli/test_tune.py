import numpy as np
import pytest

from lopsided.cli.main import main
from lopsided.runs.config import Config

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:Detected pickle protocol"),
]


@pytest.fixture
def source(tmp_path):
    draw = np.random.default_rng(0)
    features = draw.normal(size=(90, 5))
    split = np.array(["train"] * 50 + ["val"] * 20 + ["test"] * 20)
    path = tmp_path / "t.npz"
    np.savez(path, features=features, labels=features[:, :3] + draw.normal(size=(90, 3)) > 0.5, split=split)
    return f"table:{path}"


def said(capsys, *words):
    code = main(list(words))
    out, err = capsys.readouterr()
    return code, out, err


def test_a_search_says_what_it_found_and_its_file_trains(capsys, tmp_path, source):
    out = tmp_path / "out"
    options = ["--model.name=linear", "--training.epochs=1", "--trials=9"]
    code, printed, err = said(capsys, "tune", source, *options, f"--out={out}")
    assert code == 0, err
    assert printed.startswith("Of 9 trials the best is ")
    assert "The test split was read once: test mAP " in printed
    assert err.count("\n  trial ") + err.startswith("  trial ") == 9
    assert [path.name for path in map(out.joinpath, ("best.yaml", "trials.csv", "report.html")) if path.is_file()] == [
        "best.yaml",
        "trials.csv",
        "report.html",
    ]
    (line,) = (line for line in printed.splitlines() if line.startswith("again: lopsided "))
    words = line.removeprefix("again: lopsided ").split()
    assert words[:3] == ["train", "--config", str(out / "best.yaml")]
    code, _, err = said(capsys, *words[:-1], str(tmp_path / "again"))
    assert code == 0, err
    assert Config.load(tmp_path / "again" / "config.yaml") == Config.load(out / "best.yaml")
    assert (tmp_path / "again" / "metrics.csv").read_text() == (out / "best" / "metrics.csv").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("tune digits --trials 0", "expected trials to be at least 1, got 0"),
        ("tune digits --trials x", "expected --trials to be a whole number, got 'x'"),
        ("tune digits --hours -1", "expected hours to be above 0, got -1"),
        ("tune digits --losses asymetric", "got 'asymetric'; did you mean asymmetric?"),
        ("tune digits --epochs 5,a", "expected --epochs to be whole numbers joined by commas, got '5,a'"),
        ("tune digits --rates 0.1", "expected --rates to be a lowest and a highest value, LOW,HIGH, got '0.1'"),
        ("tune digits --decays 1,0.1", "expected decays to be a lowest and a highest value"),
        ("tune digits --pruner median", "expected --pruner to be one of halving, hyperband, none, got 'median'"),
        ("tune digits --training.learning_rate 0.1", "expected no training.learning_rate, which is chosen, got 0.1"),
        ("tune digits --trails 3", "did you mean --trials?"),
    ],
)
def test_wrong_usage_is_one_line(capsys, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    code, out, err = said(capsys, *words.split())
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_data_that_is_not_there_is_one_line(capsys, tmp_path):
    code, _, err = said(capsys, "tune", f"table:{tmp_path / 'none.csv'}", f"--out={tmp_path / 'out'}")
    assert code == 1
    assert "none.csv" in err
    assert err.count("\n") == 1
