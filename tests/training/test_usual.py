import json

import pytest

from lopsided.cli.main import main
from lopsided.models import ModelOptions
from lopsided.runs.folder import RunFolder
from lopsided.training import Config, LossOptions, TrainingOptions
from lopsided.training.usual import usual_for_texts

TEXTS = Config("text:news.jsonl")


@pytest.mark.parametrize(
    ("config", "gamma_neg"),
    [
        (TEXTS, 0.0),
        (Config("svmlight:news", loss=LossOptions(margin=0.1)), 0.0),
        (Config("text:news.jsonl", loss=LossOptions(gamma_neg=4.0)), 4.0),
        (Config("text:news.jsonl", model=ModelOptions(name="all-minilm-l6-v2")), None),
        (Config("table:news.npz"), None),
    ],
)
def test_negatives_are_not_focused_on_counts_of_words_unless_it_was_said(config, gamma_neg):
    usual = usual_for_texts(config)
    assert usual.loss.gamma_neg == gamma_neg
    assert usual.loss.margin == config.loss.margin


def test_other_losses_stay_as_they_are():
    loss = LossOptions(name="cross_entropy")
    assert usual_for_texts(Config("text:news.jsonl", loss=loss)).loss is loss


def test_passes_are_few_unless_it_was_said():
    assert usual_for_texts(TEXTS).training == TrainingOptions(epochs=4)
    assert usual_for_texts(TEXTS, given={"training.epochs"}).training == TrainingOptions()


def test_other_data_keeps_its_configuration():
    for config in (Config("digits"), Config("text:news.jsonl", model=ModelOptions(name="all-minilm-l6-v2"))):
        assert usual_for_texts(config) is config


@pytest.fixture
def news(tmp_path):
    """A file of texts with two labels."""
    lines = [f'{{"text": "word{n % 2} here {n}", "labels": ["{n % 2}"]}}' for n in range(40)]
    path = tmp_path / "news.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("words", "epochs"), [([], 4), (["--training.epochs", "20"], 20), (["--config", "{file}"], 20)]
)
def test_an_option_that_was_given_counts_even_where_it_is_the_default(tmp_path, news, words, epochs):
    source, file = news, tmp_path / "options.yaml"
    file.write_text("training: {epochs: 20}", encoding="utf-8")
    words = [word.format(file=file) for word in words]
    assert main(["train", f"text:{source}", *words, "--out", str(tmp_path / "run")]) == 0
    assert RunFolder(tmp_path / "run").config().training.epochs == epochs


@pytest.mark.parametrize(("words", "epochs"), [([], 4), (["--training.epochs", "2"], 2)])
def test_a_search_and_a_sweep_pass_as_often_over_counts_of_words_as_a_training(tmp_path, news, words, epochs):
    usual = [f"text:{news}", "--data.test_share", "0.2", *words]
    assert main(["tune", *usual, "--trials", "1", "--out", str(tmp_path / "tune")]) == 0
    assert RunFolder(tmp_path / "tune" / "best").config().training.epochs == epochs
    few = ["--grid", "cross_entropy", "--seeds", "1", "--trials", "1", "--out", str(tmp_path / "sweep")]
    assert main(["sweep", "losses", *usual, *few]) == 0
    assert json.loads((tmp_path / "sweep" / "sweep.json").read_text())["training"]["epochs"] == epochs
