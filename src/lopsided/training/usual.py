"""What a run on counts of words begins with where nobody said otherwise."""

from __future__ import annotations

import dataclasses
from collections.abc import Container

from lopsided.data.source import split_source
from lopsided.runs.config import Config, LossOptions

_EPOCHS = 4


def usual_for_texts(config: Config, *, given: Container[str] = ()) -> Config:
    """The configuration with what suits counts of words, in options that were not given; of other data as it is.

    A linear layer on sparse features has learned what it will after a few passes, and tells most negatives apart by the
    margin alone: focusing the rest costs precision of the first label and average precision alike. What is chosen is
    written down in config.yaml as if it had been given.

    Args:
        config: Of any run.
        given: Names of the options that somebody gave, such as ``training.epochs``, in a file or on the command line.

    >>> usual = usual_for_texts(Config("text:news.jsonl"))
    >>> usual.loss.gamma_neg, usual.training.epochs
    (0.0, 4)
    """
    kind = split_source(config.source)[0]
    if kind != "svmlight" and not (kind == "text" and config.model.name in ("auto", "tfidf", "mlp")):
        return config
    if "training.epochs" not in given:
        config = dataclasses.replace(config, training=dataclasses.replace(config.training, epochs=_EPOCHS))
    loss = config.loss.given()
    if config.loss.name != "asymmetric" or "gamma_neg" in loss:
        return config
    return dataclasses.replace(config, loss=LossOptions(name="asymmetric", **loss, gamma_neg=0.0))
