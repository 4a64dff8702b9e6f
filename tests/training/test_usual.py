import pytest

from lopsided.models import ModelOptions
from lopsided.training import Config, LossOptions
from lopsided.training.usual import usual_for_texts


@pytest.mark.parametrize(
    ("config", "gamma_neg"),
    [
        (Config("text:news.jsonl"), 0.0),
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
    config = Config("text:news.jsonl", loss=LossOptions(name="cross_entropy"))
    assert usual_for_texts(config) is config
