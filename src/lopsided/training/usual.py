"""What a run on counts of words begins with where the options leave it open."""

from __future__ import annotations

import dataclasses

from lopsided.data.source import split_source
from lopsided.runs.config import Config, LossOptions


def usual_for_texts(config: Config) -> Config:
    """The configuration with no focusing of negatives, where counts of words are trained on and nothing is said of it.

    A linear layer on sparse features tells most negatives apart by the margin alone; focusing the rest cost precision
    of the first label and average precision alike. It is written down in config.yaml as if it had been given.

    >>> usual_for_texts(Config("text:news.jsonl")).loss.gamma_neg, usual_for_texts(Config("digits")).loss.gamma_neg
    (0.0, None)
    """
    kind = split_source(config.source)[0]
    counts = kind == "svmlight" or (kind == "text" and config.model.name in ("auto", "tfidf", "mlp"))
    given = config.loss.given()
    if not counts or config.loss.name != "asymmetric" or "gamma_neg" in given:
        return config
    return dataclasses.replace(config, loss=LossOptions(name="asymmetric", **given, gamma_neg=0.0))
