import json
import subprocess
import sys

import numpy as np
import pytest

from lopsided.cli.main import VERBS, main

# what Lightning and TensorBoard themselves warn of
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


@pytest.fixture
def source(tmp_path):
    draw = np.random.default_rng(0)
    features = draw.normal(size=(120, 5))
    split = np.array(["train"] * 80 + ["val"] * 20 + ["test"] * 20)
    names = np.array(["sea", "blue sky", "<b>"])
    path = tmp_path / "t.npz"
    np.savez(path, features=features, labels=features[:, :3] > 0.5, split=split, label_names=names)
    return f"table:{path}"


def said(capsys, *words):
    code = main(list(words))
    out, err = capsys.readouterr()
    return code, out, err


def test_without_a_verb_the_verbs_are_shown(capsys):
    code, out, _ = said(capsys)
    assert code == 2
    assert all(verb in out for verb in VERBS)
    assert said(capsys, "--help")[0] == 0
    assert said(capsys, "--version")[1].startswith("lopsided 0.")


@pytest.mark.parametrize("pair", ["high low", "1 2", "no maybe", "+ o"])
def test_the_positive_value_of_arff_labels_is_said_in_one_word(capsys, tmp_path, pair):
    value, other = pair.split()
    head = f"@relation 'r: -C -1'\n@attribute x numeric\n@attribute c {{{value},{other}}}\n@data\n"
    (tmp_path / "a.arff").write_text(head + f"1,{value}\n2,{other}\n3,{other}\n4,{other}\n")
    code, out, _ = said(capsys, "inspect", f"arff:{tmp_path / 'a'}", "--json", "--data.positive", value)
    assert code == 0
    assert json.loads(out)["splits"]["train"]["positives_per_sample"] == 0.25


@pytest.mark.parametrize(
    "line",
    [
        "train digits --out FILE",
        "train digits --out FILE/below",
        "sweep margin digits --out FILE",
        "demo --out FILE/below",
        "curves --out FILE",
        "predict runs/x --out FILE/p.csv",
        "report runs/x --out FILE/r.html",
        "export runs/x FILE/x.onnx",
    ],
)
def test_a_place_that_cannot_be_written_is_wrong_usage(capsys, tmp_path, line):
    (tmp_path / "file").touch()
    code, _, err = said(capsys, *line.replace("FILE", str(tmp_path / "file")).split())
    assert code == 2
    assert "expected a f" in err
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "line", ["train digits --out ru\udce9", "inspect table:\udce9.csv", "predict runs/x ph\udce9.jpg"]
)
def test_words_that_are_no_text_are_refused_in_one_line(capsys, line):
    code, _, err = said(capsys, *line.split())
    assert code == 2
    assert err.startswith(f"lopsided {line.split()[0]}: error: expected words in UTF-8, got ")
    assert err.endswith("\n")
    assert err.strip().isprintable()


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself_with_an_example(capsys, verb):
    code, out, _ = said(capsys, verb, "--help")
    assert code == 0
    assert f"lopsided {verb}" in out
    assert "examples:" in out


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("trian digits", "lopsided: error: no verb 'trian'; did you mean train?"),
        (
            "train digits --loss.gama_neg 3",
            "expected an option of lopsided train, got --loss.gama_neg; did you mean --loss.gamma_neg?",
        ),
        ("train digits --lr 3", "got --lr; did you mean --training.learning_rate?"),
        ("train digits --training.lr 3", "got --training.lr; did you mean --training.learning_rate?"),
        ("train digits --loss.clip 0.05", "got --loss.clip; did you mean --loss.margin?"),
        ("train digits --loss.name bce", "got 'bce'; did you mean cross_entropy?"),
        ("train digits --loss.name asl", "got 'asl'; did you mean asymmetric?"),
        ("train digits --model resnet18", "got 'resnet18'; did you mean --model.name resnet18?"),
        ("predict runs/x --lr=3", "expected an option of lopsided predict, got --lr\n"),
        ("train digits --loss.name assymetric", "expected --loss.name to be one of cross_entropy, focal, asymmetric, "),
        ("train digits --loss.name assymetric", "got 'assymetric'; did you mean asymmetric?"),
        ("train digits --loss.name focal --loss.margin 0.1", "expected no loss.margin with loss.name=focal"),
        ("train digits --loss.gamma_neg=-1", "expected gamma_neg to be >= 0, got -1.0"),
        ("train digits --loss.margin 1", "expected margin to lie in [0, 1), got 1.0"),
        ("train digits --training.epochs x", "expected --training.epochs to be a whole number, got 'x'"),
        ("train digits --training.clip_norm=x", "expected --training.clip_norm to be a number, got 'x'"),
        ("train digits --model.frozen 3", "expected --model.frozen to be true or false, got '3'"),
        ("train digits --training.epochs 0", "expected training.epochs to be at least 1, got 0"),
        ("train digits --data.missing 1", "expected data.missing to be at least 0 and below 1, got 1.0"),
        ("train digits --seed=-1", "expected --seed to lie in 0 to 4294967295, got -1"),
        ("train", "the data to train on is missing"),
        ("train --seed 1", "expected data to train on"),
        ("predict runs/x --threshold 3", "expected --threshold to be a number in [0, 1], got '3'"),
        ("evaluate runs/x --threshold no", "expected --threshold to be a number in [0, 1], got 'no'"),
        (
            "thresholds runs/x --at-least 0.5",
            "expected --at-least with --rule precision or recall, and only there, got --rule f1",
        ),
        ("thresholds runs/x --rule recall --at-least 2", "expected --at-least to lie in (0, 1], got 2.0"),
        (
            "calibrate runs/x --method plat",
            "expected --method to be one of platt, isotonic, temperature, got 'plat'; did you",
        ),
        ("curves --margin 1", "expected margin to lie in [0, 1), got 1.0"),
        ("inspect", "source"),
    ],
)
def test_wrong_usage_is_one_line_with_exit_code_2(capsys, line, message):
    code, _, err = said(capsys, *line.split())
    assert code == 2
    assert message in err
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("train nowhere", "text:FILE or arff:STEM, got 'nowhere'"),
        ("train table:nowhere.csv", "nowhere.csv: expected a file, got none"),
        ("inspect arff:nowhere/x", "nowhere"),
        ("evaluate nowhere", "expected nowhere to be the folder of a run, got one without config.yaml"),
        ("predict nowhere", "expected nowhere to be the folder of a run"),
        ("report nowhere", "expected nowhere to be the folder of a run"),
    ],
)
def test_input_that_cannot_be_used_is_one_line_with_exit_code_1(capsys, line, message):
    code, _, err = said(capsys, *line.split())
    assert code == 1
    assert message in err
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("epochs: x", "c.yaml: expected --training.epochs to be a whole number, got 'x'\n"),
        ("epoch: 3", "c.yaml: expected an option of lopsided train, got --training.epoch; did you mean --training.epo"),
        (
            "precision: half",
            "c.yaml: expected --training.precision to be one of float32, bfloat16, float16, got 'half'",
        ),
    ],
)
def test_a_wrong_option_of_a_configuration_is_told_with_the_file(capsys, tmp_path, option, message):
    (tmp_path / "c.yaml").write_text(f"training:\n  learning_rate: 1e-3\n  {option}\n")
    code, _, err = said(capsys, "train", "digits", "--config", str(tmp_path / "c.yaml"))
    assert (code, message in err) == (2, True), err


def test_a_traceback_is_shown_only_when_asked_for():
    with pytest.raises(ValueError, match="nowhere"):
        main(["evaluate", "nowhere", "--debug"])


def test_from_data_to_report(capsys, tmp_path, source):
    run = str(tmp_path / "run")
    small = ["--training.epochs", "2", "--training.batch_size", "16", "--training.accelerator", "cpu"]
    code, out, err = said(capsys, "train", source, "--loss.name", "adaptive", *small, "--out", run)
    assert (code, f"trained {run}, best validation mAP 0." in out) == (0, True)
    assert err.count("epoch") == 2

    code, out, _ = said(capsys, "evaluate", run, "--json")
    result = json.loads(out)
    assert code == 0
    decisions = ["cf1", "mean_f1", "of1", "cp", "cr", "op", "or"]
    keys = [
        "split",
        "mAP",
        "mAP_11",
        "micro_AP",
        "auroc",
        "micro_auroc",
        *decisions,
        "brier",
        "ece",
        "top3",
        "threshold",
    ]
    assert [key for key in result if key in keys] == keys
    assert {"micro_auroc", "p_at_1", "ndcg_at_3", "psp_at_5", "mAP_tail"} < set(result)
    assert list(result)[-1] == "calibration"
    assert list(result["top3"]) == decisions

    code, out, _ = said(capsys, "evaluate", run, "--split", "val", "--threshold", "0.3")
    assert code == 0
    assert "harmonic mean of CP and CR" in " ".join(out.split())

    code, out, _ = said(capsys, "calibrate", run)
    assert (code, "calibration.json: platt on val" in out) == (0, True)
    code, out, _ = said(capsys, "thresholds", run, "--per-label")
    assert (code, "<b>" in out, "thresholds.json" in out) == (0, True, True)
    code, out, _ = said(capsys, "thresholds", run, "--rule", "recall", "--at-least", "0.8", "--json")
    assert (code, json.loads(out)["at_least"]) == (0, 0.8)
    code, out, _ = said(capsys, "evaluate", run)
    assert "probabilities (platt): calibration error " in out
    assert "with thresholds chosen on val" in " ".join(out.split())
    assert list(json.loads(said(capsys, "evaluate", run, "--json")[1]))[-3:] == ["calibration", "thresholds", "f1"]

    assert said(capsys, "predict", run)[0] == 0
    assert (tmp_path / "run" / "predictions.parquet").exists()
    assert said(capsys, "report", run)[0] == 0
    page = (tmp_path / "run" / "report.html").read_text()
    assert "<b>" not in page


def test_new_data_needs_no_labels_to_be_predicted(capsys, tmp_path, source):
    run = str(tmp_path / "run")
    assert said(capsys, "train", source, "--training.epochs", "1", "--out", run)[0] == 0
    (tmp_path / "new.csv").write_text("a,b,c,d,e\n" + "1,2,3,4,5\n" * 7)
    code, out, _ = said(capsys, "predict", run, f"table:{tmp_path / 'new.csv'}", "--out", str(tmp_path / "p.csv"))
    assert code == 0
    assert "wrote 7 rows" in out
    assert (tmp_path / "p.csv").read_text().splitlines()[0] == '"row","labels","p:sea","p:blue sky","p:<b>"'


def test_the_saved_configuration_repeats_the_run(capsys, tmp_path, source):
    first, second = tmp_path / "one", tmp_path / "two"
    options = ["--training.epochs", "2", "--loss.name", "focal", "--loss.gamma", "1.5", "--seed", "3"]
    assert said(capsys, "train", source, *options, "--out", str(first))[0] == 0
    assert said(capsys, "train", "--config", str(first / "config.yaml"), "--out", str(second))[0] == 0
    assert (first / "metrics.csv").read_text() == (second / "metrics.csv").read_text()


def test_a_source_on_the_line_wins_over_that_of_the_configuration(capsys, tmp_path, source):
    (tmp_path / "config.yaml").write_text("source: nowhere\ntraining:\n  epochs: 1\n")
    options = ["--config", str(tmp_path / "config.yaml"), "--out", str(tmp_path / "run")]
    assert said(capsys, "train", source, *options)[0] == 0


def test_evaluating_other_data_leaves_the_runs_own_evaluation(capsys, tmp_path, source):
    run = str(tmp_path / "run")
    assert said(capsys, "train", source, "--training.epochs", "1", "--out", run)[0] == 0
    assert said(capsys, "evaluate", run)[0] == 0
    before = (tmp_path / "run" / "evaluation.json").read_text()
    assert said(capsys, "evaluate", run, "--split", "train")[0] == 0
    assert said(capsys, "evaluate", run, source, "--split", "val")[0] == 0
    assert (tmp_path / "run" / "evaluation.json").read_text() == before


def test_inspect_says_what_the_data_holds(capsys, source):
    code, out, _ = said(capsys, "inspect", source, "--json")
    summary = json.loads(out)
    assert code == 0
    assert summary["labels"] == 3
    assert list(summary["splits"]) == ["train", "val", "test"]
    assert summary["splits"]["train"]["samples"] == 80
    assert summary["in_two_splits"] == 0
    code, out, _ = said(capsys, "inspect", source)
    assert code == 0
    assert "negatives per positive" in out
    assert "blue sky" in out
    assert (summary["set_aside_for_validation"], "no val split" in out) == (None, False)


def test_inspect_shows_what_training_will_set_aside_and_which_labels_say_nothing(capsys, tmp_path):
    features = np.random.default_rng(0).normal(size=(60, 3))
    labels = np.column_stack([features[:, 0] > 0, np.ones(60, bool), np.zeros(60, bool)])
    names = np.array(["some", "<all>", "none"])
    split = np.array(["train"] * 50 + ["extra"] * 10)
    np.savez(tmp_path / "t.npz", features=features, labels=labels, label_names=names, split=split)
    source = f"table:{tmp_path / 't.npz'}"
    for options, aside in (((), 5), (("--data.validation_share", "0.2"), 10)):
        about = json.loads(said(capsys, "inspect", source, *options, "--json")[1])
        assert about["set_aside_for_validation"]["samples"] == aside
        assert about["set_aside_for_validation"]["of"] == 50
        assert about["set_aside_for_validation"]["labels_without_positives"] == 1
        assert about["labels_always_true"]["extra"] == ["<all>"]
        out = said(capsys, "inspect", source, *options)[1]
        assert f"lopsided train sets {aside} of the 50 training samples aside" in out
        assert f"trains on {50 - aside};" in out
        assert "no test split: lopsided evaluate measures on val" in out
        assert "always true in extra, which makes an average precision of 1: <all>" in out
        assert "mAP on extra is the mean over the 2 of 3 labels with positives" in out
    config = ["--training.epochs", "1", "--out", str(tmp_path / "run")]
    _, out, err = said(capsys, "train", source, *config)
    assert "(of the epoch that it chose: optimistic)" in out
    assert "validation mAP is the mean over the 2 of 3 labels that have a positive there; it has 1 label that is" in err


def test_curves_are_pictures(capsys, tmp_path):
    code, out, _ = said(capsys, "curves", "--gamma_neg", "4", "--margin", "0.05", "--out", str(tmp_path))
    assert code == 0
    assert out.count("wrote") == len(list(tmp_path.iterdir())) >= 4
    assert {path.suffix for path in tmp_path.iterdir()} == {".png", ".svg"}


def test_curves_are_a_page_to_try_settings_on(capsys, tmp_path):
    page = tmp_path / "pages" / "explorer.html"
    code, out, _ = said(capsys, "curves", "--gamma_neg", "4.5", "--margin", "0.05", "--html", str(page))
    assert (code, out) == (0, f"open {page}\n")
    assert list(tmp_path.iterdir()) == [page.parent]
    assert 'data-name="gamma_neg" min="0" max="8" step="0.1" value="4.5"' in page.read_text(encoding="utf-8")


def test_a_verb_that_is_piped_into_a_closed_reader_ends_quietly():
    line = f"{sys.executable} -m lopsided.cli.main_module inspect digits --data.train_samples 10 | head -1"
    line = line.replace(
        "-m lopsided.cli.main_module", "-c 'import sys; from lopsided.cli.main import main; sys.exit(main())'"
    )
    ended = subprocess.run(line, shell=True, capture_output=True, text=True, check=True)
    assert "Traceback" not in ended.stderr


@pytest.mark.slow
def test_the_demo_trains_every_loss_and_writes_the_page(capsys, tmp_path):
    out = tmp_path / "demo"
    code, text, _ = said(capsys, "demo", "--out", str(out), "--epochs", "1", "--train_samples", "200")
    assert code == 0
    assert text.count("test mAP") == 5
    assert "- All losses were trained with one learning rate, 0.005" in text
    assert "points above" not in text
    page = (out / "report.html").read_text()
    assert page.lower().startswith("<!doctype html>")
    assert "https://" not in page.replace("https://arxiv.org", "").replace("http://www.w3.org", "")
