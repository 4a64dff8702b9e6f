import dataclasses

import pytest

from lopsided.experiments.tuning.search import Search
from lopsided.experiments.tuning.space import Candidate
from lopsided.runs.config import Config, LossOptions, TrainingOptions


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"trials": 0}, "expected trials to be at least 1, got 0"),
        ({"hours": 0.0}, "expected hours to be above 0, got 0"),
        ({"hours": float("nan")}, "expected hours to be above 0, got nan"),
        ({"losses": ("asymetric",)}, r"got 'asymetric'; did you mean asymmetric\?"),
        ({"losses": ("focal", "focal")}, "expected losses to be named once each, got focal, focal"),
        ({"losses": ()}, "expected losses to be named once each, got none"),
        ({"epochs": (5, 0)}, "expected epochs to be at least 1, got 0"),
        ({"epochs": (5, 5)}, "expected epochs to be named once each, got 5, 5"),
        ({"rates": (0.1, 0.01)}, "expected rates to be a lowest and a highest value .*, got 0.1,0.01"),
        ({"decays": (0.0, 0.1)}, "expected decays to be a lowest and a highest value .*, got 0,0.1"),
        ({"pruner": "median"}, "expected pruner to be one of halving, hyperband, none, got 'median'"),
        ({"seed": -1}, "expected --seed to lie in 0 to 4294967295, got -1"),
        ({"training": TrainingOptions(learning_rate=0.1)}, "expected no training.learning_rate.*: give --rates"),
        ({"training": TrainingOptions(weight_decay=0.1)}, "expected no training.weight_decay.*: give --decays"),
        ({"training": TrainingOptions(devices=2)}, "expected training.devices to be 1, got 2: start a worker on each"),
    ],
)
def test_what_no_search_can_be_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        Search(source="digits", **given)


def test_a_search_without_a_budget_has_forty_trials_and_one_with_hours_alone_has_no_limit():
    assert Search(source="digits").limit == 40
    assert Search(source="digits", hours=2).limit is None
    assert Search(source="digits", hours=2, trials=5).limit == 5


def test_more_trials_go_on_with_a_search_and_other_options_begin_another():
    search = Search(source="digits")
    assert dataclasses.replace(search, trials=99, hours=3).study_name == search.study_name
    others = [
        dataclasses.replace(search, **other)
        for other in ({"losses": ("focal",)}, {"seed": 1}, {"epochs": (3,)}, {"rates": (0.1, 1.0)}, {"pruner": "none"})
    ]
    assert len({search.study_name, *(other.study_name for other in others)}) == len(others) + 1


def test_a_candidate_is_a_configuration_that_train_takes(tmp_path):
    search = Search(source="digits", seed=3, training=TrainingOptions(batch_size=32))
    config = search.config(Candidate(LossOptions(gamma_neg=1.5), 0.03, 0.2, 7))
    config.save(tmp_path / "best.yaml")
    assert Config.load(tmp_path / "best.yaml") == config
    training = config.training
    assert (training.learning_rate, training.weight_decay, training.epochs, training.batch_size) == (0.03, 0.2, 7, 32)
    assert (config.loss, config.seed) == (LossOptions(gamma_neg=1.5), 3)
