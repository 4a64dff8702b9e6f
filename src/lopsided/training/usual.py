"""What a run on counts of words begins with where nobody said otherwise."""

from __future__ import annotations

import dataclasses
from collections.abc import Container

from lopsided.data.source import split_source
from lopsided.models.options import ON_COUNTS
from lopsided.runs.config import Config, LossOptions, ModelOptions, TrainingOptions

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
    training = usual_epochs(config.source, config.model, config.training, given=given)
    config = config if training is config.training else dataclasses.replace(config, training=training)
    loss = config.loss.given()
    if not _has_counts(config.source, config.model) or config.loss.name != "asymmetric" or "gamma_neg" in loss:
        return config
    return dataclasses.replace(config, loss=LossOptions(name="asymmetric", **loss, gamma_neg=0.0))


def usual_epochs(
    source: str, model: ModelOptions, training: TrainingOptions, *, given: Container[str] = ()
) -> TrainingOptions:
    """The budget with the passes that suit counts of words, unless their number was given; of other data as it is.

    Args:
        source: The data, as ``lopsided train`` takes it.
        model: Network.
        training: Budget.
        given: Names of the options that somebody gave.

    >>> usual_epochs("text:news.jsonl", ModelOptions(), TrainingOptions()).epochs
    4
    """
    if "training.epochs" in given or not _has_counts(source, model):
        return training
    return dataclasses.replace(training, epochs=_EPOCHS)


def _has_counts(source: str, model: ModelOptions) -> bool:
    kind = split_source(source)[0]
    return kind == "svmlight" or (kind == "text" and model.name in ON_COUNTS)
